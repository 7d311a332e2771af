import { describe, expect, it } from '@jest/globals';
import { checkImage, foreignKeys, type ImageInTarget, type OwnersView } from '../../../tool/doctor/image.ts';
import type { Policy } from '../../../tool/doctor/policy.ts';
import type { RoleFacts } from '../../../tool/doctor/roles.ts';
import { ACCOUNT, codes, KEY, COPIER, SOURCE } from './facts.ts';

type AtOwner = Extract<OwnersView, { launch: unknown }>;

const IMAGE = 'ami-0123456789abcdef0';
const SOURCE_KEY = `arn:aws:kms:eu-west-1:${SOURCE}:key/source`;
const SHARED = { accountIds: [ACCOUNT], isPublic: false, hasOrganizations: false };
const UNSHARED = { accountIds: [], isPublic: false, hasOrganizations: false };
const SEEN = { ownerId: SOURCE, state: 'available', snapshotIds: ['snap-1', 'snap-2'], hasProductCodes: false };
const USERS = {
  imageId: IMAGE,
  imageRegion: 'eu-west-1',
  trustedOwners: [SOURCE],
  roleArn: `arn:aws:iam::${ACCOUNT}:role/image-copier-copy-image-eu-west-1`,
  isHidden: () => false,
};
const INVISIBLE: ImageInTarget = { snapshots: [], roleOnKeys: new Map() };

function target(changes: Partial<ImageInTarget> = {}): ImageInTarget {
  return { image: SEEN, snapshots: [{ id: 'snap-1' }, { id: 'snap-2' }], roleOnKeys: new Map(), ...changes };
}

function owner(changes: Partial<AtOwner> = {}): AtOwner {
  const snapshots = ['snap-1', 'snap-2'].map((id) => ({ id, createVolume: SHARED }));
  return { image: SEEN, tags: { Recipe: 'ubuntu' }, launch: SHARED, snapshots, keys: new Map(), ...changes };
}

function check(inTarget: ImageInTarget, atOwner: OwnersView = 'not asked', users: Partial<typeof USERS> = {}) {
  return checkImage(inTarget, atOwner, { ...USERS, ...users }, COPIER);
}

describe('checkImage', () => {
  it('finds nothing in an image that is shared', () => {
    expect(check(target())).toEqual([]);
    expect(check(target(), owner())).toEqual([]);
  });

  it.each<[string, Partial<typeof SEEN>, string]>([
    ['an image that is disabled', { state: 'disabled' }, 'ImageNotAvailable'],
    ['an image of a stranger', { ownerId: '999999999999' }, 'ImageOwnerNotTrusted'],
    ['an image of the Marketplace', { hasProductCodes: true }, 'ImageHasProductCodes'],
  ])('finds %s', (_, changes, code) => {
    expect(codes(check(target({ image: { ...SEEN, ...changes } })))).toEqual([code]);
  });

  it.each<[string, OwnersView, string]>([
    ['that may not exist', 'not asked', 'ImageNotVisible'],
    ['that does not exist', 'no such image', 'ImageNotFound'],
    ['that is not shared', owner({ launch: UNSHARED }), 'ImageNotShared'],
    [
      'that is shared with an organization',
      owner({ launch: { ...UNSHARED, hasOrganizations: true } }),
      'ImageNotVisible',
    ],
    ['that is public', owner({ launch: { ...UNSHARED, isPublic: true } }), 'ImageNotVisible'],
  ])('finds an image that cannot be seen, and %s', (_, atOwner, code) => {
    expect(codes(check(INVISIBLE, atOwner))).toEqual([code]);
  });

  it('finds an image that is shared and hidden', () => {
    expect(codes(check(INVISIBLE, owner(), { isHidden: () => true }))).toEqual(['ImageHidden']);
  });

  it('does not guess whom a function trusts that is not there', () => {
    expect(check(target(), 'not asked', { trustedOwners: [] })).toEqual([]);
  });

  it('names the command that shares an image, for its Region', () => {
    const [finding] = check(INVISIBLE, owner({ launch: UNSHARED }), { imageRegion: 'us-east-1' });

    expect(finding?.fix).toBe(
      `In the source account: aws ec2 modify-image-attribute --image-id ${IMAGE} ` +
        `--launch-permission Add=[{UserId=${ACCOUNT}}] --region us-east-1`,
    );
  });

  it('finds snapshots that are not shared, as the account or as the owner sees them', () => {
    const snapshots = [
      { id: 'snap-1', createVolume: { ...UNSHARED, isPublic: true } },
      { id: 'snap-2', createVolume: UNSHARED },
    ];
    for (const findings of [check(target({ snapshots: [{ id: 'snap-1' }] })), check(target(), owner({ snapshots }))]) {
      expect(findings).toMatchObject([
        { code: 'SnapshotNotShared', what: 'The account has no createVolumePermission for snap-2.' },
      ]);
    }
  });

  it('asks nothing of the snapshots of an own image', () => {
    const image = { ...SEEN, ownerId: ACCOUNT };
    const snapshots = [{ id: 'snap-1', keyArn: KEY, createVolume: UNSHARED }];
    const findings = check(target({ image }), owner({ image, snapshots }), { trustedOwners: [ACCOUNT] });
    expect(findings).toEqual([]);
  });

  it('finds tags that do not fit', () => {
    const tags = Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`tag-${index}`, '']));

    expect(check(target(), owner({ tags }))).toMatchObject([
      { code: 'ImageTagsDoNotFit', what: expect.stringContaining('51 tags') },
    ]);
  });

  it('says that the owner could not be asked', () => {
    expect(check(target(), { unread: 'no' })).toMatchObject([{ code: 'ImageOwnerUnread', severity: 'note' }]);
  });
});

describe('an encrypted image', () => {
  const snapshots = [{ id: 'snap-1', keyArn: SOURCE_KEY, createVolume: SHARED }];
  const encrypted = (role: RoleFacts, policy: Policy | undefined, isAwsManaged = false) =>
    check(
      target({ snapshots, roleOnKeys: new Map([[SOURCE_KEY, role]]) }),
      owner({ snapshots, keys: new Map(policy ? [[SOURCE_KEY, { isAwsManaged, policy }]] : []) }),
    );
  const sharing = {
    Statement: [{ Effect: 'Allow', Action: 'kms:*', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } }],
  };
  const allowed = { denied: [] };
  const denied = {
    denied: [{ action: 'kms:Decrypt', resource: SOURCE_KEY, decision: 'implicitDeny', isByOrganization: false }],
  };

  it.each<[string, RoleFacts, Policy | undefined, boolean, string[]]>([
    ['may be copied', allowed, sharing, false, []],
    ['has a key for its account alone', allowed, {}, false, ['SourceKeyRefusesAccount']],
    ['has a key that the role does not know', denied, sharing, false, ['SourceKeyNotInRole']],
    ['has a key that cannot be read', allowed, undefined, false, ['SourceKeyUnread']],
    ['has a key that AWS manages', allowed, sharing, true, ['SourceKeyAwsManaged']],
    ['meets a role that cannot be asked about', { unread: 'no' }, sharing, false, ['RoleUnchecked']],
  ])('%s', (_, role, policy, isAwsManaged, expected) => {
    expect(codes(encrypted(role, policy, isAwsManaged))).toEqual(expected);
  });

  it('names the Terraform input', () => {
    expect(encrypted(denied, sharing)[0]?.fix).toBe(`source_key_arns = ["${SOURCE_KEY}"], then terraform apply`);
  });

  it('has keys of others, and may have some of this account', () => {
    const both = [...snapshots, { id: 'snap-2', keyArn: KEY }, { id: 'snap-3' }, ...snapshots];
    expect(foreignKeys({ snapshots: both }, COPIER)).toEqual([SOURCE_KEY]);
  });
});
