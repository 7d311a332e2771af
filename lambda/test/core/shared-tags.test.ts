import { describe, expect, it } from '@jest/globals';
import { readSharedTags, SHARED_TAG, sharedTagsOf, WANTED } from '../../src/core/shared-tags.ts';

const TAGS = [
  { key: 'Recipe', value: 'ubuntu' },
  { key: 'Name', value: '' },
];

describe('shared tags', () => {
  it('are what a request carries, and last the Regions in order', () => {
    expect(sharedTagsOf(TAGS, ['us-east-1', 'eu-west-1', 'us-east-1'])).toEqual([
      { key: 'ec2:SharedTag/Recipe', value: 'ubuntu' },
      { key: 'ec2:SharedTag/Name', value: '' },
      { key: 'ec2:SharedTag/ImageCopier', value: 'eu-west-1,us-east-1' },
    ]);
  });

  it('are read as they were written, beside others', () => {
    const seen = [{ key: 'Recipe', value: 'own' }, ...sharedTagsOf(TAGS, ['eu-west-1'])];
    expect(readSharedTags(seen)).toEqual({ regions: ['eu-west-1'], tags: TAGS });
  });

  it('say nothing of copies to an image that has a tag named like theirs', () => {
    const tags = [...TAGS, { key: 'ImageCopier', value: 'xx-north-1' }];
    expect(sharedTagsOf(tags, ['eu-west-1'])).toEqual(sharedTagsOf(TAGS, ['eu-west-1']));
  });

  it('say nothing while they are not complete', () => {
    const incomplete = sharedTagsOf(TAGS, ['eu-west-1']).filter(({ key }) => key !== WANTED);
    expect(incomplete).toHaveLength(2);
    expect(readSharedTags(incomplete)).toBeUndefined();
    expect(readSharedTags([])).toBeUndefined();
  });

  it.each(['', '*', 'eu-west-1,', 'eu-west-1, us-east-1', 'eu-west-1;us-east-1', 'evil.example', 'EU-WEST-1'])(
    'say nothing with the Regions "%s"',
    (value) => {
      expect(readSharedTags([{ key: WANTED, value }])).toBeUndefined();
    },
  );

  it('are known by their whole beginning', () => {
    const tags = [
      { key: WANTED, value: 'eu-west-1' },
      { key: 'ec2:sharedtag/Recipe', value: 'other case' },
      { key: `x${SHARED_TAG}Recipe`, value: 'further in' },
    ];
    expect(readSharedTags(tags)).toEqual({ regions: ['eu-west-1'], tags: [] });
  });
});
