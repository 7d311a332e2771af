import { describe, expect, it } from '@jest/globals';
import { imageFor, wantedImages, type ImageOfRecipe } from '../../../tool/common/wanted-images.ts';

/** An image of Ireland, Frankfurt or Oregon, by its first letter, that was baked at an hour. */
function image(imageId: string): ImageOfRecipe {
  const region = { I: 'eu-west-1', F: 'eu-central-1', O: 'us-west-2' }[imageId[0] ?? ''] ?? '';
  return { imageId, region, bakedAt: `2026-11-23T${imageId.slice(1).padStart(2, '0')}:00:00.000Z` };
}

describe('the images that are wanted of a recipe', () => {
  it.each([
    ['nothing of nothing', '', ''],
    ['the newest of one Region', 'I1 I3 I2', 'I3'],
    ['the newest of each Region that is baked in', 'I1 F2 I4 F3 O5', 'O5 I4 F3'],
    ['that of a Region two bakes behind', 'F1 I2 I3', 'I3 F1'],
    ['none of a Region that is not baked in any more', 'F1 I2 I3 I4', 'I4'],
    ['that of a Region behind others that are two bakes ahead each', 'F1 I2 I3 O4 O5', 'O5 I3 F1'],
  ])('are %s', (_, all, wanted) => {
    const images = all.split(' ').filter(Boolean).map(image);

    expect(wantedImages(images).map(({ imageId }) => imageId)).toEqual(wanted.split(' ').filter(Boolean));
  });

  it('are one for each Region: its own, or the newest of all', () => {
    const wanted = wantedImages([image('I2'), image('F1')]);

    expect(['eu-west-1', 'eu-central-1', 'us-west-2'].map((region) => imageFor(wanted, region)?.imageId)).toEqual([
      'I2',
      'F1',
      'I2',
    ]);
  });
});
