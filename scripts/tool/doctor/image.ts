import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { Tag } from '../../../lambda/src/core/copy-request.ts';
import { planTags } from '../../../lambda/src/core/copy-tags.ts';
import { RejectedError } from '../../../lambda/src/core/errors.ts';
import { ifThere, isDenied } from '../common/aws-answers.ts';
import type { Environment } from '../common/environment.ts';
import type { Command } from './commands.ts';
import {
  accountIn,
  applyAfter,
  found,
  inWords,
  listed,
  type CheckedCopier,
  type Finding,
  type Remedy,
} from './finding.ts';
import { listOfCalls, unreadRole, type RoleFacts } from './roles.ts';
import { admission, readSourceKey, SHARED_KEY_ACTIONS, type SourceKey } from './source-key.ts';

/** An image, as the account that is to copy it sees it. */
interface SeenImage {
  readonly ownerId: string;
  readonly state: string;
  readonly snapshotIds: readonly string[];
  readonly hasProductCodes: boolean;
}

/** What the target account sees of an image that it is to copy. */
export interface ImageInTarget {
  /** Missing where the account cannot see it. */
  readonly image?: SeenImage;
  /** The snapshots of it that the account may copy, with the keys that they are encrypted with. */
  readonly snapshots: readonly SnapshotFacts[];
  /** What copy-image's role may do with those keys, by ARN of the key. */
  readonly roleOnKeys: ReadonlyMap<string, RoleFacts>;
}

interface SnapshotFacts {
  readonly id: string;
  readonly keyArn?: string;
}

/** The same image, as its owner sees it. */
interface ImageAtOwner {
  readonly image: SeenImage;
  readonly tags: Readonly<Record<string, string>>;
  readonly launch: Permission;
  readonly snapshots: readonly (SnapshotFacts & { readonly createVolume: Permission })[];
  readonly keys: ReadonlyMap<string, SourceKey>;
}

interface Permission {
  readonly accountIds: readonly string[];
  readonly isPublic: boolean;
  /** Whether organizations or their units have it too; it cannot be seen whether the account belongs to one. */
  readonly hasOrganizations: boolean;
}

/** What is known of the owner's side: nothing where the source account was not named. */
export type OwnersView = 'not asked' | 'no such image' | { readonly unread: string } | ImageAtOwner;

/** What the checks of an image have to know of the account. */
export interface ImageUsers {
  readonly imageId: string;
  readonly imageRegion: string;
  readonly trustedOwners: readonly string[];
  /** ARN of the topic for requests, if it is known. */
  readonly topicArn: string | undefined;
  /** Whether the same options lead to the source account too, as an accounts file does. */
  readonly hasSource: boolean;
  /** The tags that the account sets on every copy. */
  readonly copyTags: readonly Tag[];
  readonly roleArn: string | undefined;
  /** Whether the Allowed AMIs setting hides images of an owner. */
  readonly isHidden: (ownerId: string) => boolean;
}

const NO_IMAGE = ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'];

/** Reads what the target account sees of the image. */
export async function readImageInTarget(ec2: EC2Client, imageId: string): Promise<Omit<ImageInTarget, 'roleOnKeys'>> {
  const image = await readImage(ec2, imageId);
  if (!image || image.snapshotIds.length === 0) return { ...(image && { image: toSeen(image) }), snapshots: [] };
  // By filter: an id that the account may not see would fail the whole call.
  const { Snapshots = [] } = await ec2.send(
    new DescribeSnapshotsCommand({ Filters: [{ Name: 'snapshot-id', Values: [...image.snapshotIds] }] }),
  );
  return {
    image: toSeen(image),
    snapshots: Snapshots.map(({ SnapshotId: id = '', KmsKeyId }) => ({ id, ...(KmsKeyId && { keyArn: KmsKeyId }) })),
  };
}

/** Reads what the owner sees of the image, with the permissions on it and on its snapshots, and their keys. */
export async function readImageAtOwner(ec2: EC2Client, kms: KMSClient, imageId: string): Promise<OwnersView> {
  try {
    const image = await readImage(ec2, imageId);
    if (!image) return 'no such image';
    const [launch, snapshots] = await Promise.all([
      ec2.send(new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' })),
      Promise.all(image.snapshotIds.map((id) => readSnapshot(ec2, id))),
    ]);
    const keyArns = Array.from(new Set(snapshots.flatMap(({ keyArn }) => keyArn ?? [])));
    const keys = await Promise.all(keyArns.map(async (arn) => [arn, await readIfAllowed(kms, arn)] as const));
    return {
      image: toSeen(image),
      tags: image.tags,
      launch: {
        ...permission(launch.LaunchPermissions),
        hasOrganizations: (launch.LaunchPermissions ?? []).some(
          (each) => each.OrganizationArn !== undefined || each.OrganizationalUnitArn !== undefined,
        ),
      },
      snapshots,
      keys: new Map(keys.flatMap(([arn, key]) => (key ? [[arn, key] as const] : []))),
    };
  } catch (error) {
    if (!isDenied(error)) throw error;
    return { unread: error instanceof Error ? error.message : String(error) };
  }
}

async function readImage(ec2: EC2Client, ImageId: string) {
  const answer = await ifThere(
    ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId], IncludeDeprecated: true, IncludeDisabled: true })),
    ...NO_IMAGE,
  );
  const image = answer?.Images?.[0];
  if (!image) return undefined;
  return { ...image, snapshotIds: snapshotIdsOf(image), tags: tagsOf(image) };
}

async function readSnapshot(ec2: EC2Client, SnapshotId: string) {
  const [described, attribute] = await Promise.all([
    ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] })),
    ec2.send(new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' })),
  ]);
  const keyArn = described.Snapshots?.[0]?.KmsKeyId;
  return {
    id: SnapshotId,
    ...(keyArn !== undefined && { keyArn }),
    createVolume: { ...permission(attribute.CreateVolumePermissions), hasOrganizations: false },
  };
}

async function readIfAllowed(kms: KMSClient, keyArn: string): Promise<SourceKey | undefined> {
  try {
    return await readSourceKey(kms, keyArn);
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}

function permission(
  entries: readonly { readonly UserId?: string | undefined; readonly Group?: string | undefined }[] = [],
) {
  return {
    accountIds: entries.flatMap(({ UserId }) => UserId ?? []),
    isPublic: entries.some(({ Group }) => Group === 'all'),
  };
}

function toSeen({ snapshotIds, ...image }: Image & { readonly snapshotIds: readonly string[] }): SeenImage {
  return {
    ownerId: image.OwnerId ?? '',
    state: image.State ?? '',
    snapshotIds,
    hasProductCodes: (image.ProductCodes ?? []).length > 0,
  };
}

function snapshotIdsOf({ BlockDeviceMappings = [] }: Image): string[] {
  return BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
}

function tagsOf({ Tags = [] }: Image): Record<string, string> {
  return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** Checks whether the account can copy the image. */
export function checkImage(
  target: ImageInTarget,
  owner: OwnersView,
  users: ImageUsers,
  copier: CheckedCopier,
): Finding[] {
  return [
    ...checkVisible(target, owner, users, copier),
    ...checkSnapshots(target, owner, users, copier),
    ...checkKeys(target, owner, users, copier),
    ...checkTags(owner, users),
    ...unreadOwner(owner, users),
  ];
}

/** The image is shared and asked for. Where nothing tells the topic, that has to be done by hand. */
function shareAnew(copier: CheckedCopier, { imageId, imageRegion, topicArn, hasSource }: ImageUsers): Remedy {
  const fix = 'Share the image and its snapshots with the account, and ask for the copy';
  if (!hasSource && topicArn === undefined) return inWords(`${fix}, in the source account.`);
  const [, , , , ownerId = '', topic = ''] = topicArn?.split(':') ?? [];
  const where = hasSource ? copier.chosenBy : ['--accounts', copier.accountId, '--topic', topic];
  const elsewhere = imageRegion === copier.region ? [] : ['--only-region', copier.region];
  const words = ['request', imageId, '--share', ...where, '--region', imageRegion, ...elsewhere];
  const command: Command = { program: copier.program, words };
  return {
    fix: hasSource ? `${fix}.` : `${fix}, with credentials of the source account ${ownerId}.`,
    commands: [command],
  };
}

function checkVisible(
  { image }: ImageInTarget,
  owner: OwnersView,
  users: ImageUsers,
  copier: CheckedCopier,
): Finding[] {
  const { imageId: subject, trustedOwners } = users;
  const why = 'The copy is tried again for retry_hours, then its request is a dead letter.';
  if (!image) return [invisible(owner, users, copier, why)];
  return found(
    image.state !== 'available' && {
      code: 'ImageNotAvailable',
      severity: 'problem',
      subject,
      what: `The image is ${image.state}.`,
      why,
      ...inWords('Wait until it is available, or bake it again.'),
    },
    // Without the function nothing tells whom it trusts.
    trustedOwners.length > 0 &&
      !trustedOwners.includes(image.ownerId) && {
        code: 'ImageOwnerNotTrusted',
        severity: 'problem',
        subject,
        what: `The image belongs to ${image.ownerId}, and trusted are ${trustedOwners.join(', ')}.`,
        why: 'The request is rejected.',
        ...applyAfter(`If it is right, add ${image.ownerId} to the input trusted_owner_ids.`, copier),
      },
    image.hasProductCodes && {
      code: 'ImageHasProductCodes',
      severity: 'problem',
      subject,
      what: 'The image has product codes, as images of the AWS Marketplace and some with paid licences do.',
      why: 'EC2 refuses to copy it into another account.',
      ...inWords('Bake it from an image without product codes.'),
    },
  );
}

function invisible(owner: OwnersView, users: ImageUsers, copier: CheckedCopier, why: string): Finding {
  const { imageId: subject, imageRegion } = users;
  const start = { severity: 'problem', subject } as const;
  const share = shareAnew(copier, users);
  if (owner === 'no such image') {
    const what = `The source account has no such image in ${imageRegion}.`;
    return { ...start, code: 'ImageNotFound', what, why, ...inWords('Check --image and --image-region.') };
  }
  if (typeof owner !== 'object' || 'unread' in owner) {
    const what = `The account cannot see the image in ${imageRegion}: it does not exist, or is not shared with it.`;
    return { ...start, code: 'ImageNotVisible', what, why, ...share };
  }
  const { launch, image } = owner;
  if (!isGiven(launch, copier.accountId) && !launch.hasOrganizations) {
    const what = 'The account has no launch permission for the image.';
    return { ...start, code: 'ImageNotShared', what, why, ...share };
  }
  if (users.isHidden(image.ownerId)) {
    const what = 'The image is shared, and the Allowed AMIs setting of the account hides it.';
    return { ...start, code: 'ImageHidden', what, why, ...inWords('Fix AllowedImagesLeaveOut.') };
  }
  const what = 'The owner has shared the image, and the account cannot see it.';
  return { ...start, code: 'ImageNotVisible', what, why, ...share };
}

function checkSnapshots(target: ImageInTarget, owner: OwnersView, users: ImageUsers, copier: CheckedCopier): Finding[] {
  const missing = snapshotsWithout(target, owner, copier.accountId);
  if (missing.length === 0) return [];
  return [
    {
      code: 'SnapshotNotShared',
      severity: 'problem',
      subject: users.imageId,
      what: `The account has no createVolumePermission for ${missing.join(', ')}.`,
      why: 'EC2 refuses the copy: launch permission alone is not enough.',
      ...shareAnew(copier, users),
    },
  ];
}

/** Asks the owner if possible; else the account sees only what it may copy, as far as it sees the image. */
function snapshotsWithout(target: ImageInTarget, owner: OwnersView, accountId: string): readonly string[] {
  if (isRead(owner)) {
    if (owner.image.ownerId === accountId) return [];
    return owner.snapshots.filter(({ createVolume }) => !isGiven(createVolume, accountId)).map(({ id }) => id);
  }
  const seen = target.snapshots.map(({ id }) => id);
  return (target.image?.snapshotIds ?? []).filter((id) => !seen.includes(id));
}

function checkKeys(target: ImageInTarget, owner: OwnersView, users: ImageUsers, copier: CheckedCopier): Finding[] {
  const snapshots = isRead(owner) ? owner.snapshots : target.snapshots;
  const ownerId = isRead(owner) ? owner.image.ownerId : target.image?.ownerId;
  const keyArns = Array.from(new Set(snapshots.flatMap(({ keyArn }) => keyArn ?? [])));
  if (ownerId === copier.accountId) return [];
  return keyArns.flatMap((keyArn) => [
    ...(isRead(owner) ? checkSourceKey(keyArn, owner.keys.get(keyArn), users, copier) : []),
    ...checkRoleOnKey(keyArn, target.roleOnKeys.get(keyArn), copier),
  ]);
}

function checkSourceKey(
  subject: string,
  key: SourceKey | undefined,
  users: ImageUsers,
  copier: CheckedCopier,
): Finding[] {
  const why = 'EC2 starts the copy, and it fails: the key is not accessible.';
  if (!key) {
    return [
      {
        code: 'SourceKeyUnread',
        severity: 'note',
        subject,
        what: "The source key's policy could not be read.",
        why: 'It may not allow this account.',
        ...inWords('Allow kms:DescribeKey and kms:GetKeyPolicy in the source account for whoever runs this command.'),
      },
    ];
  }
  const { isAwsManaged, policy } = key;
  if (isAwsManaged) {
    return [
      {
        code: 'SourceKeyAwsManaged',
        severity: 'problem',
        subject,
        what: 'The image is encrypted under a key that AWS manages.',
        why: 'Such a key belongs to one account alone, so no other can copy the image.',
        ...inWords('Bake under a customer managed key, or without encryption.'),
      },
    ];
  }
  const roleArn = users.roleArn ?? `arn:${copier.partition}:iam::${copier.accountId}:role/anybody`;
  const admitted = admission(policy, roleArn, copier.region);
  if (admitted === 'admitted') return [];
  if (admitted === 'members') {
    return [
      {
        code: 'SourceKeyForMembers',
        severity: 'note',
        subject,
        what: "The source key's policy lets the members of an organization copy under it.",
        why: `It cannot be seen whether this account is one. If not: ${why}`,
        ...inWords("Compare aws:PrincipalOrgID and aws:PrincipalOrgPaths in the key's policy with the account."),
      },
    ];
  }
  return [
    {
      code: 'SourceKeyRefusesAccount',
      severity: 'problem',
      subject,
      what: "The source key's policy does not let this account copy under it.",
      why,
      ...inWords(
        `In the source account, allow ${listed(SHARED_KEY_ACTIONS)} to arn:${copier.partition}:iam::${copier.accountId}:root in the key's policy.`,
      ),
    },
  ];
}

function checkRoleOnKey(subject: string, role: RoleFacts | undefined, copier: CheckedCopier): Finding[] {
  if (!role || 'isMissing' in role) return [];
  if ('unread' in role) return [unreadRole(subject, role.unread)];
  return found(
    role.denied.length > 0 && {
      code: 'SourceKeyNotInRole',
      severity: 'problem',
      subject,
      what: `The role of copy-image may not ${listOfCalls(role.denied)}.`,
      why: 'EC2 starts the copy, and it fails: the key is not accessible.',
      ...applyAfter('Add the key to the input source_key_arns.', copier),
    },
  );
}

/** Others do not see an image's tags, so only the owner's view tells what a request will carry. */
function checkTags(owner: OwnersView, { imageId, imageRegion, copyTags }: ImageUsers): Finding[] {
  if (!isRead(owner)) return [];
  const tags = Object.entries(owner.tags).map(([key, value]) => ({ key, value }));
  try {
    const request = {
      sourceAmi: imageId,
      sourceRegion: imageRegion,
      targetAccounts: [],
      name: '',
      description: '',
      tags,
    };
    planTags(request, copyTags);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    return [
      {
        code: 'ImageTagsDoNotFit',
        severity: 'problem',
        subject: imageId,
        what: `A copy with all tags of the image is not possible: ${error.message.replace(/^Bad copy request: tags: /, '')}`,
        why: 'The request is rejected. Nothing is cut off.',
        ...inWords('Leave tags out of the copy request, bake with fewer, or have fewer copy_tags.'),
      },
    ];
  }
  return [];
}

function unreadOwner(owner: OwnersView, { imageId }: ImageUsers): Finding[] {
  if (typeof owner !== 'object' || !('unread' in owner)) return [];
  return [
    {
      code: 'ImageOwnerUnread',
      severity: 'note',
      subject: imageId,
      what: `The source account could not be asked about the image. ${owner.unread}`,
      why: 'Its permissions, tags and key were checked only as far as the target account sees them.',
      ...inWords(
        'Allow ec2:DescribeImages, DescribeImageAttribute, DescribeSnapshots and DescribeSnapshotAttribute there.',
      ),
    },
  ];
}

function isRead(owner: OwnersView): owner is ImageAtOwner {
  return typeof owner === 'object' && 'launch' in owner;
}

function isGiven({ accountIds, isPublic }: Permission, accountId: string): boolean {
  return isPublic || accountIds.includes(accountId);
}

/** The keys of other accounts that the visible snapshots are encrypted with. */
export function foreignKeys(
  { snapshots }: Pick<ImageInTarget, 'snapshots'>,
  { accountId }: Pick<Environment, 'accountId'>,
): readonly string[] {
  const arns = Array.from(new Set(snapshots.flatMap(({ keyArn }) => keyArn ?? [])));
  return arns.filter((arn) => accountIn(arn) !== accountId);
}
