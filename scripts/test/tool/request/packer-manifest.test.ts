import { describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { callingBuild, imagesOfManifest as read } from '../../../tool/request/packer-manifest.ts';

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
      new UserError(
        'manifest.json has no machine image of the last run (last_run_uuid). Run packer build again, or name an image in place of the manifest.',
        2,
      ),
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

describe('a manifest that a build of Packer reads', () => {
  const other = { name: 'debian', builder_type: 'amazon-ebs' };
  const nothing = { name: 'notes', builder_type: 'null', artifact_id: 'Null' };
  const called = (text: string, name = 'ubuntu', builderType = 'amazon-ebs', runId?: string) =>
    read(text, 'manifest.json', { name, builderType, ...(runId !== undefined && { runId }) });

  it('names the images of this build alone, in all their Regions', () => {
    const text = manifest(
      { ...build('eu-west-1:ami-0a'), ...other },
      build('eu-west-1:ami-0b,us-east-1:ami-0c'),
      { ...build('eu-west-1:ami-0d'), builder_type: 'amazon-chroot' },
      build('eu-west-1:ami-0e', 'earlier'),
    );

    expect(called(text).builds).toEqual([
      [
        { region: 'eu-west-1', imageId: 'ami-0b' },
        { region: 'us-east-1', imageId: 'ami-0c' },
      ],
    ]);
  });

  it('is that of its run, also where another run has written after it', () => {
    const text = manifest(build('eu-west-1:ami-0a', 'this'), build('eu-west-1:ami-0b'));

    expect(called(text, 'ubuntu', 'amazon-ebs', 'this').builds).toEqual([[{ region: 'eu-west-1', imageId: 'ami-0a' }]]);
  });

  it('may have an artifact twice, of which each image is named once', () => {
    const twice = manifest(build('eu-west-1:ami-0a'), build('eu-west-1:ami-0a'));

    expect(called(twice).builds).toEqual([[{ region: 'eu-west-1', imageId: 'ami-0a' }]]);
    expect(imagesOfManifest(twice)).toEqual([{ region: 'eu-west-1', imageId: 'ami-0a' }]);
  });

  it.each([
    ['that made none', manifest({ ...build(null), ...nothing }, build('eu-west-1:ami-0a'))],
    ['that it does not name', manifest(build('eu-west-1:ami-0a'))],
    ['when nothing else is there yet', manifest({ ...build(null), ...nothing })],
  ])('has no image of a build %s', (_, text) => {
    expect(called(text, 'notes', 'null')).toEqual({ builds: [], withoutImage: [] });
  });

  it('has to name a build of EC2 images: else its image would be asked for by nobody', () => {
    expect(() => called(manifest({ ...build('eu-west-1:ami-0a'), ...other }))).toThrow(
      new UserError(
        'manifest.json has nothing of the build ubuntu (amazon-ebs) in this run. ' +
          'Put the post-processor manifest before this command, in the same post-processors block.',
        2,
      ),
    );
  });
});

describe('the build that calls', () => {
  it('is known by the variables of shell-local', () => {
    const env = { PACKER_BUILD_NAME: 'ubuntu', PACKER_BUILDER_TYPE: 'amazon-ebs' };

    expect(callingBuild(env)).toEqual({ name: 'ubuntu', builderType: 'amazon-ebs' });
    expect(callingBuild({ ...env, PACKER_RUN_UUID: 'last' })).toEqual({
      name: 'ubuntu',
      builderType: 'amazon-ebs',
      runId: 'last',
    });
  });

  it.each([{}, { PACKER_BUILD_NAME: 'ubuntu' }, { PACKER_BUILDER_TYPE: 'null' }, { PACKER_RUN_UUID: 'last' }])(
    'is none without them: %j',
    (env) => {
      expect(callingBuild(env)).toBeUndefined();
    },
  );
});
