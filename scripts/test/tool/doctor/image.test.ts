import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import { describe, expect, it } from '@jest/globals';
import {
  checkImage,
  foreignKeys,
  readImageAtOwner,
  readImageInTarget,
  type ImageInTarget,
  type ImageUsers,
  type OwnersView,
} from '../../../tool/doctor/image.ts';
import type { Policy } from '../../../tool/doctor/policy.ts';
import type { RoleFacts } from '../../../tool/doctor/roles.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { ACCOUNT, codes, KEY, COPIER, SOURCE, TOPIC } from './facts.ts';

type AtOwner = Extract<OwnersView, { launch: unknown }>;

const IMAGE = 'ami-0123456789abcdef0';
const SOURCE_KEY = `arn:aws:kms:eu-west-1:${SOURCE}:key/source`;
const SHARED = { accountIds: [ACCOUNT], isPublic: false, hasOrganizations: false };
const UNSHARED = { accountIds: [], isPublic: false, hasOrganizations: false };
const SEEN = { ownerId: SOURCE, state: 'available', snapshotIds: ['snap-1', 'snap-2'], hasProductCodes: false };
const USERS: ImageUsers = {
  imageId: IMAGE,
  imageRegion: 'eu-west-1',
  topicArn: TOPIC,
  hasSource: false,
  copyTags: [],
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

    expect(finding).toMatchObject({
      fix: `Share the image and its snapshots with the account, and ask for the copy, with credentials of the source account ${SOURCE}.`,
      commands: [
        {
          program: 'image-copier',
          words: [
            ...['request', IMAGE, '--share', '--accounts', ACCOUNT, '--topic', 'amigo-notify'],
            ...['--region', 'us-east-1', '--only-region', 'eu-west-1'],
          ],
        },
      ],
    });
  });

  it('names no command for the source account where nothing tells the topic', () => {
    expect(check(INVISIBLE, 'not asked', { topicArn: undefined })).toMatchObject([
      {
        fix: 'Share the image and its snapshots with the account, and ask for the copy, in the source account.',
        commands: [],
      },
    ]);
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

  it('counts the tags that the account sets on every copy', () => {
    const tags = Object.fromEntries(Array.from({ length: 46 }, (_, index) => [`tag-${index}`, '']));
    const copyTags = ['CostCenter', 'Owner'].map((key) => ({ key, value: '' }));

    expect(check(target(), owner({ tags }))).toEqual([]);
    expect(check(target(), owner({ tags }), { copyTags })).toMatchObject([{ code: 'ImageTagsDoNotFit' }]);
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
  const forMembers: Policy = {
    Statement: {
      Effect: 'Allow',
      Action: 'kms:*',
      Principal: { AWS: '*' },
      Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' } },
    },
  };
  const allowed = { denied: [] };
  const denied = {
    denied: [{ action: 'kms:Decrypt', resource: SOURCE_KEY, decision: 'implicitDeny' }],
  };

  it.each<[string, RoleFacts, Policy | undefined, boolean, string[]]>([
    ['may be copied', allowed, sharing, false, []],
    ['has a key for its account alone', allowed, {}, false, ['SourceKeyRefusesAccount']],
    ['has a key that the role does not know', denied, sharing, false, ['SourceKeyNotInRole']],
    ['has a key for the members of an organization', allowed, forMembers, false, ['SourceKeyForMembers']],
    ['has a key that cannot be read', allowed, undefined, false, ['SourceKeyUnread']],
    ['has a key that AWS manages', allowed, sharing, true, ['SourceKeyAwsManaged']],
    ['meets a role that cannot be asked about', { unread: 'no' }, sharing, false, ['RoleUnchecked']],
  ])('%s', (_, role, policy, isAwsManaged, expected) => {
    expect(codes(encrypted(role, policy, isAwsManaged))).toEqual(expected);
  });

  it.each(['kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptTo'])(
    'has a key whose policy does not allow %s',
    (missing) => {
      const most = ['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'];
      const actions = [...most, 'kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext'];
      const [statement] = sharing.Statement;
      const policyOf = (Action: string[]) => ({ Statement: [{ ...statement, Action }] }) as Policy;

      expect(encrypted(allowed, policyOf(actions))).toEqual([]);
      const [finding, ...more] = encrypted(allowed, policyOf(actions.filter((action) => action !== missing)));
      expect(more).toEqual([]);
      expect(finding).toMatchObject({ code: 'SourceKeyRefusesAccount', fix: expect.stringMatching(`${missing}(,| )`) });
    },
  );

  it('names the Terraform input', () => {
    expect(encrypted(denied, sharing)[0]?.fix).toBe(
      'Add the key to the input source_key_arns. Then apply Terraform again.',
    );
  });

  it('has keys of others, and may have some of this account', () => {
    const both = [...snapshots, { id: 'snap-2', keyArn: KEY }, { id: 'snap-3' }, ...snapshots];
    expect(foreignKeys({ snapshots: both }, COPIER)).toEqual([SOURCE_KEY]);
  });
});

describe('reading an image', () => {
  const described: Image = {
    ImageId: IMAGE,
    OwnerId: SOURCE,
    State: 'available',
    Tags: [{ Key: 'Recipe', Value: 'ubuntu' }],
    BlockDeviceMappings: [
      { DeviceName: '/dev/sda1', Ebs: { SnapshotId: 'snap-1' } },
      { DeviceName: '/dev/sdb', Ebs: { SnapshotId: 'snap-2' } },
      { DeviceName: '/dev/sdc', VirtualName: 'ephemeral0' },
    ],
  };
  const failure = (name: string) => Object.assign(new Error(`${name}, said AWS.`), { name });

  /** An account that sees the image, and answers about its snapshots and their keys. */
  function awsWithImage(image: Image = described): FakeAws {
    const aws = new FakeAws({ ownAccount: SOURCE });
    const { ec2, kms } = aws.in(SOURCE);
    ec2
      .on(DescribeImagesCommand, { ImageIds: [IMAGE], IncludeDeprecated: true, IncludeDisabled: true })
      .resolves({ Images: [image] });
    ec2
      .on(DescribeImageAttributeCommand, { Attribute: 'launchPermission' })
      .resolves({ LaunchPermissions: [{ UserId: ACCOUNT }] });
    const snapshots = [{ SnapshotId: 'snap-1', KmsKeyId: SOURCE_KEY }, { SnapshotId: 'snap-2' }];
    for (const snapshot of snapshots) {
      ec2.on(DescribeSnapshotsCommand, { SnapshotIds: [snapshot.SnapshotId] }).resolves({ Snapshots: [snapshot] });
    }
    ec2
      .on(DescribeSnapshotsCommand, { Filters: [{ Name: 'snapshot-id', Values: ['snap-1', 'snap-2'] }] })
      .resolves({ Snapshots: snapshots });
    ec2
      .on(DescribeSnapshotAttributeCommand, { Attribute: 'createVolumePermission' })
      .resolves({ CreateVolumePermissions: [{ UserId: ACCOUNT }] });
    kms.on(DescribeKeyCommand, { KeyId: SOURCE_KEY }).resolves({ KeyMetadata: { KeyId: 'x', KeyManager: 'CUSTOMER' } });
    kms.on(GetKeyPolicyCommand, { KeyId: SOURCE_KEY }).resolves({ Policy: '{"Statement":[]}' });
    return aws;
  }

  const inTarget = (aws: FakeAws) => readImageInTarget(aws.connect({}).ec2, IMAGE);
  const atOwner = (aws: FakeAws) => readImageAtOwner(aws.connect({}).ec2, aws.connect({}).kms, IMAGE);

  it('shows the target account the image, its snapshots and their keys', async () => {
    expect(await inTarget(awsWithImage())).toEqual({
      image: SEEN,
      snapshots: [{ id: 'snap-1', keyArn: SOURCE_KEY }, { id: 'snap-2' }],
    });
  });

  it('shows product codes, and asks for no snapshots where there are none', async () => {
    const aws = awsWithImage({ ImageId: IMAGE, ProductCodes: [{ ProductCodeId: 'code' }] });
    expect(await inTarget(aws)).toEqual({
      image: { ownerId: '', state: '', snapshotIds: [], hasProductCodes: true },
      snapshots: [],
    });
    expect(aws.in(SOURCE).ec2.commandCalls(DescribeSnapshotsCommand)).toEqual([]);
  });

  it.each(['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'])('knows by %s that there is none', async (name) => {
    const aws = awsWithImage();
    aws.in(SOURCE).ec2.on(DescribeImagesCommand).rejects(failure(name));

    expect(await inTarget(aws)).toEqual({ snapshots: [] });
    expect(await atOwner(aws)).toBe('no such image');
  });

  it('shows the owner permissions, tags and keys as well', async () => {
    expect(await atOwner(awsWithImage())).toEqual({
      image: SEEN,
      tags: { Recipe: 'ubuntu' },
      launch: SHARED,
      snapshots: [
        { id: 'snap-1', keyArn: SOURCE_KEY, createVolume: SHARED },
        { id: 'snap-2', createVolume: SHARED },
      ],
      keys: new Map([[SOURCE_KEY, { isAwsManaged: false, policy: { Statement: [] } }]]),
    });
  });

  it.each([
    ['everybody', { Group: 'all' as const }, { ...UNSHARED, isPublic: true }],
    ['an organization', { OrganizationArn: 'arn:aws:organizations:o' }, { ...UNSHARED, hasOrganizations: true }],
    ['a unit of it', { OrganizationalUnitArn: 'arn:aws:organizations:ou' }, { ...UNSHARED, hasOrganizations: true }],
  ])('shows that it is shared with %s', async (_, entry, launch) => {
    const aws = awsWithImage();
    aws
      .in(SOURCE)
      .ec2.on(DescribeImageAttributeCommand)
      .resolves({ LaunchPermissions: [entry] });
    expect(await atOwner(aws)).toMatchObject({ launch });
  });

  it('shows a key that AWS manages, and none that may not be read', async () => {
    const aws = awsWithImage();
    const { kms } = aws.in(SOURCE);
    kms.on(DescribeKeyCommand).resolves({ KeyMetadata: { KeyId: 'x', KeyManager: 'AWS' } });
    expect(await atOwner(aws)).toMatchObject({ keys: new Map([[SOURCE_KEY, { isAwsManaged: true }]]) });
    expect(kms.commandCalls(GetKeyPolicyCommand)).toEqual([]);

    kms.on(DescribeKeyCommand).resolves({ KeyMetadata: { KeyId: 'x', KeyManager: 'CUSTOMER' } });
    kms.on(GetKeyPolicyCommand).rejects(failure('AccessDeniedException'));
    expect(await atOwner(aws)).toMatchObject({ keys: new Map() });
  });

  it('says what the owner may not read, and fails for anything else', async () => {
    const aws = awsWithImage();
    const { ec2, kms } = aws.in(SOURCE);
    kms.on(GetKeyPolicyCommand).rejects(failure('KMSInternalException'));
    await expect(atOwner(aws)).rejects.toThrow('KMSInternalException');

    ec2.on(DescribeSnapshotAttributeCommand).rejects(failure('UnauthorizedOperation'));
    expect(await atOwner(aws)).toEqual({ unread: 'UnauthorizedOperation, said AWS.' });

    ec2.on(DescribeImagesCommand).rejects(failure('RequestLimitExceeded'));
    await expect(atOwner(aws)).rejects.toThrow('RequestLimitExceeded');
    await expect(inTarget(aws)).rejects.toThrow('RequestLimitExceeded');
  });
});
