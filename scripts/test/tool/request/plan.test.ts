import { describe, expect, it } from '@jest/globals';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SNSClient } from '@aws-sdk/client-sns';
import { missingPermissions } from '../../../../lambda/src/core/source-image.ts';
import {
  describeMissing,
  requestCall,
  sharedTagsCall,
  sharingCalls,
  type OwnedImage,
} from '../../../tool/request/plan.ts';

const ONE = '222222222222';
const OTHER = '333333333333';
const image: OwnedImage = {
  imageId: 'ami-0a',
  snapshotIds: ['snap-0a', 'snap-0b'],
  name: 'ubuntu-1',
  description: '',
  tags: { Recipe: 'ubuntu' },
  ownerId: '111111111111',
  sharedTags: [],
  productCodes: [],
  launchers: [],
  isPublic: false,
  organizations: [],
  snapshotUsers: new Map([
    ['snap-0a', []],
    ['snap-0b', []],
  ]),
};
const ec2 = new EC2Client({ region: 'eu-west-1' });
const sns = new SNSClient({ region: 'eu-west-1' });

describe('missing permissions', () => {
  it('are launch permission, and createVolume permission on each snapshot', () => {
    const shared = {
      ...image,
      launchers: [ONE],
      snapshotUsers: new Map([
        ['snap-0a', [ONE, OTHER]],
        ['snap-0b', [OTHER]],
      ]),
    };

    const missing = missingPermissions(shared, [ONE, OTHER]);

    expect(missing).toEqual({ launch: [OTHER], snapshots: new Map([['snap-0b', [ONE]]]) });
    expect(describeMissing(missing)).toBe(
      `launch permission for ${OTHER}; createVolume permission on snap-0b for ${ONE}`,
    );
  });

  it('are none for an image that is public', () => {
    const shared = {
      ...image,
      isPublic: true,
      snapshotUsers: new Map([['snap-0a', ['all']]]),
    };

    expect(describeMissing(missingPermissions(shared, [ONE]))).toBeUndefined();
  });

  it('of an organization are those on the snapshots, which only accounts can have', () => {
    const shared = { ...image, organizations: ['arn:aws:organizations::1:organization/o-1'] };

    expect(missingPermissions(shared, [ONE])).toEqual({
      launch: [],
      snapshots: new Map([
        ['snap-0a', [ONE]],
        ['snap-0b', [ONE]],
      ]),
    });
  });

  it('are given in calls of 500 accounts at most', () => {
    const many = Array.from({ length: 1001 }, (_, index) => String(100_000_000_000 + index));

    const calls = sharingCalls(ec2, image, { launch: many, snapshots: new Map([['snap-0a', many]]) });

    expect(calls.map(({ action, details }) => [action, details.match(/\d{12}/g)?.length])).toEqual([
      ['ec2:ModifyImageAttribute', 500],
      ['ec2:ModifyImageAttribute', 500],
      ['ec2:ModifyImageAttribute', 1],
      ['ec2:ModifySnapshotAttribute', 500],
      ['ec2:ModifySnapshotAttribute', 500],
      ['ec2:ModifySnapshotAttribute', 1],
    ]);
  });
});

describe('shared tags', () => {
  const some = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`Tag${index}`, 'x']));

  it.each<[what: string, tags: number, sharedTags: readonly string[], ofCopy: number]>([
    ['on the image', 26, [], 20],
    ['on a copy, with the tags that the copier sets', 25, [], 28],
    [
      'beside those that are shared already',
      23,
      ['ec2:SharedTag/Tag0', 'ec2:SharedTag/Other', 'ec2:SharedTag/More'],
      26,
    ],
  ])('are refused where EC2 has no room for them %s', (_, tags, sharedTags, ofCopy) => {
    expect(() => sharedTagsCall(ec2, { ...image, tags: some(tags), sharedTags }, ofCopy)).toThrow(
      new RegExp(`has ${tags} tags, and \\d+ shared ones .* a copy could have 5\\d, more than EC2's 50`),
    );
  });

  it('are set where there is just room for them', () => {
    const sharedTags = ['ec2:SharedTag/Tag0', 'ec2:SharedTag/Other'];

    expect(sharedTagsCall(ec2, { ...image, tags: some(23), sharedTags }, 26)).toHaveLength(1);
  });

  it('are refused where the name gets too long', () => {
    expect(() => sharedTagsCall(ec2, { ...image, tags: { ['x'.repeat(114)]: '' } }, 4)).toThrow(
      /more than 127 characters/,
    );
  });

  it('are nothing for an image without tags', () => {
    expect(sharedTagsCall(ec2, { ...image, tags: {} }, 3)).toEqual([]);
  });
});

describe('the request', () => {
  it('is not published if every copier would reject it', () => {
    expect(() =>
      requestCall({ ...image, name: 'x' }, 'eu-west-1', { sns, topicArn: 'arn', region: 'eu-west-1', accounts: [ONE] }),
    ).toThrow(/^Bad copy request: name/);
  });
});
