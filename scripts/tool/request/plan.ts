import {
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import type { KMSClient } from '@aws-sdk/client-kms';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import {
  changeLaunch,
  changeVolumes,
  copyableParts,
  readSharing,
} from '../../../lambda/src/adapters/ec2-source-images.ts';
import { toTags } from '../../../lambda/src/adapters/ec2-image-facts.ts';
import { parseCopyRequest, tagsAsObject, type Tag } from '../../../lambda/src/core/copy-request.ts';
import { noParameterReason, type ParameterNames } from '../../../lambda/src/core/image-parameters.ts';
import { planTags } from '../../../lambda/src/core/copy-tags.ts';
import { SHARED_TAG } from '../../../lambda/src/core/shared-tags.ts';
import {
  inCalls,
  missingPermissions,
  noRoomReason,
  REVOKED_TAG,
  tagsToRequest,
  uncopyableReason,
  type CopyableParts,
  type Permissions,
  type Sharing,
} from '../../../lambda/src/core/source-image.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { copyRequestFor, type BakedImage } from '../common/bake.ts';
import { tagOf } from '../common/copies.ts';
import { messageOf } from '../common/message-of.ts';
import { UserError } from '../common/user-error.ts';
import { askMembers, memberWarnings } from './members.ts';
import { keyWarnings, readKeys, type ImageKey } from './source-keys.ts';

/** A call that changes something or tells somebody, for a dry run in words. */
export interface PlannedCall {
  /** The IAM action. */
  readonly action: string;
  readonly resource: string;
  readonly details: string;
  readonly send: () => Promise<unknown>;
}

/** An image and who may use it, as EC2 shows it to its owner. */
export interface OwnedImage extends BakedImage, CopyableParts, Sharing {
  /** Names of the tags that are shared already. */
  readonly sharedTags: readonly string[];
  /** What EC2 bills its instances for beside the hours, such as Windows; undefined for what is free. */
  readonly billedPlatform?: string;
}

/**
 * Reads an image of this account, with the permissions on it and on each of its snapshots.
 * @throws {UserError} if there is no such image, or no account could copy it
 */
async function readOwnedImage(ec2: EC2Client, imageId: string, region: string): Promise<OwnedImage> {
  const image = await describe(ec2, imageId, region);
  const revoked = tagOf(image, REVOKED_TAG);
  if (revoked !== undefined) {
    throw new UserError(
      `${imageId} was revoked (${revoked}): no account copies it. The command unrevoke undoes that.`,
      1,
    );
  }
  if (image.State !== 'available') {
    throw new UserError(`${imageId} is ${image.State ?? 'in no state'}. Ask for copies once it is available.`, 1);
  }
  const parts = copyableParts(image);
  const sharing = await readSharing(ec2, imageId, parts.snapshotIds);
  return {
    imageId,
    ...parts,
    name: image.Name ?? '',
    description: image.Description ?? '',
    tags: tagsAsObject(tagsToRequest(toTags(image.Tags))),
    ownerId: image.OwnerId ?? '',
    sharedTags: (image.Tags ?? []).flatMap(({ Key = '' }) => (Key.startsWith(SHARED_TAG) ? [Key] : [])),
    ...billedPlatformOf(image),
    ...sharing,
  };
}

// EC2 User Guide, "AMI billing information fields": the usage operation of what is billed for no software.
const FREE_OPERATION = 'RunInstances';

/** EC2 shows billing products in the usage operation alone, and has refused to copy such images for other accounts. It may still do so. */
function billedPlatformOf({ UsageOperation, PlatformDetails = '' }: Image): Pick<OwnedImage, 'billedPlatform'> {
  if (UsageOperation === undefined || UsageOperation === FREE_OPERATION) return {};
  return { billedPlatform: [PlatformDetails, UsageOperation].filter((part) => part !== '').join(', ') };
}

/** The accounts that are asked on one topic: those with copiers in its Region. */
export interface AskedOnTopic {
  readonly sns: SNSClient;
  readonly topicArn: string;
  readonly region: string;
  readonly accounts: readonly string[];
}

/** An image, and the accounts that are to copy it. */
interface RequestedCopies {
  readonly imageId: string;
  readonly region: string;
  readonly topics: readonly AskedOnTopic[];
  readonly copiers: readonly CopierInputs[];
}

/** What accounts do with the tags of a request. */
interface CopierInputs extends ParameterNames {
  /** With the way into the account, if there is one. */
  readonly accountId?: string;
  readonly aws?: AwsClients;
  /** The tags that an account sets on every copy: those of the request have to fit beside them. */
  readonly copyTags: readonly Tag[];
}

interface RequestChoices {
  readonly share?: boolean | undefined;
  readonly sharedTags?: boolean | undefined;
  /** Minutes within which EC2 is to copy. */
  readonly within?: number | undefined;
}

/**
 * All that has to be called in the source account so that accounts copy an image: it is shared first.
 * @param warn is told, each time once, what would be missing beside a copy
 * @throws {UserError} if they could not: without `share` also if they lack a permission
 */
export async function planRequest(
  { ec2, kms }: Pick<AwsClients, 'ec2' | 'kms'>,
  { imageId, region, topics, copiers }: RequestedCopies,
  { share, sharedTags, within }: RequestChoices,
  warn: (line: string) => void,
): Promise<PlannedCall[]> {
  const image = await readOwnedImage(ec2, imageId, region);
  const keys = await requireCopyable(image, kms, ec2);
  if (image.billedPlatform !== undefined) {
    warn(
      `${imageId} has a billing product (${image.billedPlatform}). EC2 may refuse to copy it to another account; then the request is a dead letter there.`,
    );
  }
  const planned = copiers.map((copier) => ({ copier, tags: tagsOfCopy(image, copier.copyTags) }));
  for (const reason of new Set(planned.flatMap(({ tags, copier }) => noParameterReason(tags, copier) ?? []))) {
    warn(`No parameter will point to the copies of ${imageId}. ${reason}`);
  }
  const copying = topics
    .flatMap((topic) => topic.accounts.map((accountId) => ({ accountId, region: topic.region })))
    .filter(({ accountId }) => accountId !== image.ownerId);
  for (const key of keys) for (const line of keyWarnings(imageId, key, copying)) warn(line);
  const accounts = Array.from(new Set(topics.flatMap((topic) => topic.accounts)));
  const lacking = missingPermissions(image, accounts);
  const lacks = describeMissing(lacking);
  if (lacks !== undefined && !share) throw new UserError(`${imageId} lacks ${lacks}. ${remedyOf(image, lacking)}`, 1);
  const members = await askMembers(image, region, accounts, copiers);
  if (!share) for (const line of memberWarnings(image, members)) warn(line);
  const missing = { ...lacking, launch: [...lacking.launch, ...members.unseeing, ...members.unknown] };
  return [
    ...(share ? sharingCalls(ec2, image, missing) : []),
    ...(sharedTags ? sharedTagsCall(ec2, image, Math.max(...planned.map(({ tags }) => tags.length + 1))) : []),
    ...topics.map((topic) => requestCall(image, region, topic, within)),
  ];
}

/**
 * Looks for what EC2 refuses in every account, before anything is shared.
 * @returns the keys of its snapshots
 * @throws {UserError} if the image cannot be copied to other accounts at all
 */
async function requireCopyable(image: OwnedImage, kms: KMSClient, ec2: EC2Client): Promise<ImageKey[]> {
  const { imageId, snapshotIds } = image;
  const reason = uncopyableReason(image);
  if (reason !== undefined) throw new UserError(`${imageId} ${reason}`, 1);
  const { Snapshots = [] } = await ec2.send(
    new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'snapshot-id', Values: [...snapshotIds] }] }),
  );
  const keys = await readKeys(kms, new Set(Snapshots.flatMap(({ KmsKeyId }) => KmsKeyId ?? [])));
  const managed = keys.find(({ key }) => key?.isAwsManaged);
  if (managed) {
    throw new UserError(
      `${imageId} is encrypted under ${managed.arn}, a key that AWS manages: its snapshots cannot be shared. Bake it unencrypted, or under a key of your own.`,
      1,
    );
  }
  return keys;
}

/**
 * The tags of a copy, but the copier's own.
 * @throws {UserError} if an account would reject the request because of its tags
 */
function tagsOfCopy({ imageId, name, description, tags }: OwnedImage, copyTags: readonly Tag[]): Tag[] {
  const entries = Object.entries(tags).map(([key, value]) => ({ key, value }));
  try {
    const request = { sourceAmi: imageId, sourceRegion: '', targetAccounts: [], name, description, tags: entries };
    return planTags(request, copyTags);
  } catch (error) {
    throw new UserError(messageOf(error), 1, { cause: error });
  }
}

/** What is missing, in words; undefined if nothing is. */
export function describeMissing({ launch, snapshots }: Permissions): string | undefined {
  const parts = [
    ...(launch.length > 0 ? [`launch permission for ${launch.join(', ')}`] : []),
    ...Array.from(
      snapshots,
      ([snapshotId, lacking]) => `createVolume permission on ${snapshotId} for ${lacking.join(', ')}`,
    ),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

function remedyOf({ organizations }: OwnedImage, { snapshots }: Permissions): string {
  if (organizations.length === 0 || snapshots.size === 0) return 'Add --share to give it.';
  return "An organization cannot have it, each account has to: add --share to give it, or name the accounts in Packer's snapshot_users.";
}

/** The calls that give the accounts what they lack. */
export function sharingCalls(ec2: EC2Client, { imageId }: OwnedImage, missing: Permissions): PlannedCall[] {
  const launch = inCalls(missing.launch).map((accounts) => ({
    action: 'ec2:ModifyImageAttribute',
    resource: imageId,
    details: `launchPermission, add ${accounts.join(', ')}`,
    send: () => ec2.send(changeLaunch(imageId, 'Add', accounts)),
  }));
  const snapshots = Array.from(missing.snapshots).flatMap(([snapshotId, lacking]) =>
    inCalls(lacking).map((accounts) => ({
      action: 'ec2:ModifySnapshotAttribute',
      resource: snapshotId,
      details: `createVolumePermission, add ${accounts.join(', ')}`,
      send: () => ec2.send(changeVolumes(snapshotId, 'Add', accounts)),
    })),
  );
  return [...launch, ...snapshots];
}

/**
 * The call that lets the accounts see the image's tags, in EC2 itself.
 * @param tagsOfCopy how many tags a copy gets without them
 * @throws {UserError} if EC2 would not take so many tags, or such a long name
 */
export function sharedTagsCall(ec2: EC2Client, image: OwnedImage, tagsOfCopy: number): PlannedCall[] {
  const { imageId, tags } = image;
  const shared = Object.entries(tags).map(([key, Value]) => ({ Key: `${SHARED_TAG}${key}`, Value }));
  if (shared.length === 0) return [];
  const beside = { ordinary: shared.length, shared: image.sharedTags, ofCopy: tagsOfCopy };
  const reason = noRoomReason(
    shared.map(({ Key: key, Value: value }) => ({ key, value })),
    beside,
  );
  if (reason !== undefined) throw new UserError(`With --shared-tags ${imageId} ${reason} Leave it out.`, 1);
  return [
    {
      action: 'ec2:CreateTags',
      resource: imageId,
      details: shared.map(({ Key, Value }) => `${Key}=${Value}`).join(', '),
      send: () => ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags: shared })),
    },
  ];
}

/**
 * The call that asks the accounts for their copies.
 * @throws {UserError} if every copier would reject the request
 */
export function requestCall(
  image: OwnedImage,
  region: string,
  { sns, topicArn, accounts }: AskedOnTopic,
  withinMinutes?: number,
): PlannedCall {
  const Message = JSON.stringify(copyRequestFor(image, region, accounts, withinMinutes));
  try {
    parseCopyRequest(Message);
  } catch (error) {
    throw new UserError(messageOf(error), 1, { cause: error });
  }
  return {
    action: 'sns:Publish',
    resource: topicArn,
    details: Message,
    send: () => sns.send(new PublishCommand({ TopicArn: topicArn, Message })),
  };
}

async function describe(ec2: EC2Client, imageId: string, region: string): Promise<Image> {
  // By filters: asked for by parameter, one that is not there is an error with another code in each case.
  const Filters = [{ Name: 'image-id', Values: [imageId] }];
  const { Images = [] } = await ec2.send(
    new DescribeImagesCommand({ Owners: ['self'], IncludeDisabled: true, Filters }),
  );
  const [image] = Images;
  if (image) return image;
  throw new UserError(
    `There is no image ${imageId} of this account in ${region}. Check --region, and that the credentials are those of the source account.`,
    2,
  );
}
