import { describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { imagesOfManifest as read } from '../../../tool/request/packer-manifest.ts';

const build = (artifact: string | null, run = 'last') => ({
  name: 'ubuntu',
  builder_type: 'amazon-ebs',
  build_time: 1764000000,
  files: null,
  artifact_id: artifact,
  packer_run_uuid: run,
  custom_data: null,
});
const manifest = (...builds: object[]) => JSON.stringify({ builds, last_run_uuid: 'last' });

const imagesOfManifest = (text: string) => read(text, 'manifest.json').builds.flat();

describe("Packer's manifest", () => {
  it('names an image for each Region', () => {
    expect(imagesOfManifest(manifest(build('eu-west-1:ami-0a,us-west-2:ami-0b')))).toEqual([
      { region: 'eu-west-1', imageId: 'ami-0a' },
      { region: 'us-west-2', imageId: 'ami-0b' },
    ]);
  });

  it('keeps builds of earlier runs, which are left out', () => {
    const text = manifest(build('eu-west-1:ami-0a', 'earlier'), build('eu-west-1:ami-0b'), build('eu-west-1:ami-0c'));

    expect(imagesOfManifest(text).map(({ imageId }) => imageId)).toEqual(['ami-0b', 'ami-0c']);
  });

  it('may name what other builders made, which is left out', () => {
    const others = [
      'sha256:0123',
      'projects/ubuntu',
      `eu-west-1:ami-${'0'.repeat(33)}`,
      'eu-west-1:ami-0b:latest',
      ':ami-0b',
    ];

    expect(imagesOfManifest(manifest(...[...others, 'eu-west-1:ami-0a'].map((id) => build(id))))).toEqual([
      { region: 'eu-west-1', imageId: 'ami-0a' },
    ]);
  });

  it('may lack the artifact of a build, which is named', () => {
    const text = manifest(build(null), { ...build(null), name: undefined }, build('eu-west-1:ami-0a'));

    expect(read(text, 'manifest.json')).toEqual({
      builds: [[{ region: 'eu-west-1', imageId: 'ami-0a' }]],
      withoutImage: ['ubuntu', 'one without a name'],
    });
  });

  it.each([
    ['no image of the last run', manifest(build('eu-west-1:ami-0a', 'earlier'))],
    ['no build at all', manifest()],
  ])('is rejected with %s', (_, text) => {
    expect(() => imagesOfManifest(text)).toThrow(
      new UserError('manifest.json has no machine image of the last run (last_run_uuid).', 2),
    );
  });

  it.each(['', '[]', '{"builds":null,"last_run_uuid":"x"}', '{"builds":[]}'])(
    'is rejected if it is none: %s',
    (text) => {
      expect(() => imagesOfManifest(text)).toThrow(
        'manifest.json is no manifest of Packer: it needs builds and last_run_uuid.',
      );
    },
  );
});
