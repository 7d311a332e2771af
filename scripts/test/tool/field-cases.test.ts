import { describe, expect, it } from '@jest/globals';
import { imagesOfManifest } from '../../tool/request/packer-manifest.ts';

// Public reports on what Packer writes down. docs/field-cases.md has them all.
const build = (artifact: string, run: string) => ({
  name: 'ubuntu',
  builder_type: 'amazon-ebs',
  artifact_id: artifact,
  packer_run_uuid: run,
});
const imagesOf = (...builds: object[]) =>
  imagesOfManifest(JSON.stringify({ builds, last_run_uuid: 'second' }), 'manifest.json').builds.flat();

describe('a manifest', () => {
  it('CMSgov/beneficiary-fhir-data#70: that has grown with each run', () => {
    expect(imagesOf(build('us-east-1:ami-0a', 'first'), build('us-east-1:ami-0b', 'second'))).toEqual([
      { region: 'us-east-1', imageId: 'ami-0b' },
    ]);
  });

  it('hashicorp/packer#4141: with volumes beside images', () => {
    const volumes = 'us-east-1:vol-00cf46943f19af848,us-east-1:vol-02dde8b80d5c8225b';

    expect(imagesOf(build(volumes, 'second'), build('us-east-1:ami-0b', 'second'))).toEqual([
      { region: 'us-east-1', imageId: 'ami-0b' },
    ]);
  });
});
