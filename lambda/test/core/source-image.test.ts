import { describe, expect, it } from '@jest/globals';
import {
  inCalls,
  missingPermissions,
  noRoomReason,
  surplusPermissions,
  tagsToRequest,
  uncopyableReason,
} from '../../src/core/source-image.ts';

const OWNER = '111111111111';
const ONE = '222222222222';
const OTHER = '333333333333';

describe('the tags of a request', () => {
  it('are the own tags of the image', () => {
    const keys = ['Recipe', 'aws:ec2:x', 'ec2:SharedTag/Recipe', 'ImageCopierTargets', 'ImageCopierPublished'];

    expect(tagsToRequest(keys.map((key) => ({ key, value: 'x' })))).toEqual([{ key: 'Recipe', value: 'x' }]);
  });
});

describe('missing permissions', () => {
  it('are none for the owner of the image', () => {
    const sharing = {
      ownerId: OWNER,
      launchers: [],
      isPublic: false,
      organizations: [],
      snapshotUsers: new Map([['snap-1', []]]),
    };

    expect(missingPermissions(sharing, [OWNER])).toEqual({ launch: [], snapshots: new Map() });
  });
});

describe('surplus permissions', () => {
  it('are those of accounts that are not allowed, and never those of the owner or of everybody', () => {
    const sharing = {
      ownerId: OWNER,
      launchers: [ONE, OTHER],
      isPublic: true,
      organizations: [],
      snapshotUsers: new Map([
        ['snap-1', [OTHER, OWNER]],
        ['snap-2', ['all']],
      ]),
    };

    expect(surplusPermissions(sharing, [ONE])).toEqual({ launch: [OTHER], snapshots: new Map([['snap-1', [OTHER]]]) });
  });
});

describe('permissions', () => {
  it('are changed in calls of 500 at most', () => {
    expect(inCalls(Array.from({ length: 1001 }, (_, index) => index)).map(({ length }) => length)).toEqual([
      500, 500, 1,
    ]);
    expect(inCalls([])).toEqual([]);
  });
});

describe('an image that no other account can copy', () => {
  it.each([
    [{ productCodes: ['abc'], snapshotIds: ['snap-1'] }, /^has product codes \(abc\)/],
    [{ productCodes: [], snapshotIds: [] }, /^has no snapshot/],
  ])('has a reason', (parts, reason) => {
    expect(uncopyableReason(parts)).toMatch(reason);
  });
});

describe('shared tags', () => {
  const some = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ key: `ec2:SharedTag/${index}`, value: '' }));

  it('fit where the image and its copies have room for them', () => {
    expect(noRoomReason(some(25), { ordinary: 25, shared: [], ofCopy: 25 })).toBeUndefined();
  });

  it.each([
    [{ ordinary: 26, shared: [], ofCopy: 20 }],
    [{ ordinary: 20, shared: [], ofCopy: 26 }],
    [{ ordinary: 25, shared: ['ec2:SharedTag/0', 'ec2:SharedTag/other'], ofCopy: 25 }],
  ])('do not fit beside %j', (beside) => {
    expect(noRoomReason(some(25), beside)).toMatch(/could have 51, more than EC2's 50/);
  });
});
