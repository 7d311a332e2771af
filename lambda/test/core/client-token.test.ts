import { describe, expect, it } from '@jest/globals';
import { clientToken, type CopyIdentity } from '../../src/core/client-token.ts';
import { REGION, SOURCE_IMAGE, target } from '../factories.ts';

const identity: CopyIdentity = {
  sourceImageId: SOURCE_IMAGE,
  sourceRegion: REGION,
  kmsKeyArn: target.kmsKeyArn,
};

describe('clientToken', () => {
  it('is the same for the same copy', () => {
    expect(clientToken({ ...identity })).toBe(clientToken(identity));
  });

  it('has at most the 64 ASCII characters that EC2 takes', () => {
    expect(clientToken(identity)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['image', { sourceImageId: 'ami-1' }],
    ['Region', { sourceRegion: 'eu-west-2' }],
    ['key', { kmsKeyArn: 'arn:aws:kms:eu-west-1:333333333333:key/1' }],
    ['copy that it replaces', { after: 'ami-2' }],
  ])('differs with the %s', (_what, change) => {
    expect(clientToken({ ...identity, ...change })).not.toBe(clientToken(identity));
  });
});
