import {
  GetEbsEncryptionByDefaultCommand,
  paginateDescribeSnapshots,
  type EC2Client,
  type Filter,
  type Image,
} from '@aws-sdk/client-ec2';
import { MAX_FILTER_VALUES, PAGE_SIZE } from '../../../lambda/src/adapters/ec2-image-catalogue.ts';
import { required, toImageFacts, toSnapshotFacts } from '../../../lambda/src/adapters/ec2-image-facts.ts';
import { isAnnounced, isUnapproved, type CopyMarker } from '../../../lambda/src/core/copy-marker.ts';
import { COPIED_FROM } from '../../../lambda/src/core/copy-tags.ts';
import type { ImageFacts, SnapshotFacts } from '../../../lambda/src/core/image-catalogue.ts';
import {
  findFlaw,
  isCopyOf,
  looksEncrypted,
  ownershipOf,
  snapshotIdsOf,
  unencryptedBlanksOf,
  type Ownership,
} from '../../../lambda/src/core/ownership.ts';
import { partitionOf } from '../../../terraform/stacks/regions.ts';
import { ownImages } from './copies.ts';
import { snapshotSize, type ImageSize } from './image-size.ts';
import type { Environment } from './environment.ts';

/** A copier, by which its copies are known. */
export interface CopyOwner extends Pick<Environment, 'accountId' | 'region'> {
  readonly name: string;
}

interface InAccount extends CopyOwner {
  readonly aws: { readonly ec2: EC2Client };
}

/** An image of a copier's account, and what it is to the copier. */
export interface KnownImage {
  readonly image: Image;
  readonly facts: ImageFacts;
  readonly ownership: Ownership;
}

/** A copy: ours, or one of somebody else that counts as well. */
export interface KnownCopy extends KnownImage {
  readonly ownership: Exclude<Ownership, { readonly kind: 'none' }>;
}

/** What an image of the copier's account is to it. */
export function knownTo({ name, accountId }: CopyOwner, image: Image): KnownImage {
  const facts = toImageFacts(image);
  return { image, facts, ownership: ownershipOf(facts, { copier: name, account: accountId }) };
}

export function isCopy(known: KnownImage): known is KnownCopy {
  return known.ownership.kind !== 'none';
}

/** The copies of a source image in the copier's account, as copy-image finds them. */
export async function copiesOf(copier: InAccount, sourceImageId: string): Promise<KnownCopy[]> {
  const found = await Promise.all(
    ['source-image-id', `tag:${COPIED_FROM}`].map((Name) =>
      ownImages(copier.aws, [{ Name, Values: [sourceImageId] }], { disabledToo: true }),
    ),
  );
  const images = new Map(found.flat().map((image) => [image.ImageId, image]));
  return [...images.values()]
    .map((image) => knownTo(copier, image))
    .filter(isCopy)
    .filter(({ ownership }) => isCopyOf(ownership, sourceImageId));
}

/** Whether it is a copy of ours that no parameter points to yet, since its source image is not approved. */
export function isWaiting({ ownership }: KnownImage): boolean {
  return ownership.kind === 'ours' && isUnapproved(ownership.marker);
}

/** How a copy stands: `ready` is verified and announced, or somebody else's; `flawed` never will be; `ended` is of no use. */
export type Standing =
  { readonly kind: 'pending' | 'settling' | 'ready' | 'ended' } | { readonly kind: 'flawed'; readonly reason: string };

/** How a copy stands, by the snapshots that EC2 shows. */
export function standingOf(copy: KnownCopy, snapshots: readonly SnapshotFacts[], owner: CopyOwner): Standing {
  const { facts, ownership } = copy;
  if (facts.state === 'pending') return { kind: 'pending' };
  if (facts.state !== 'available') return { kind: 'ended' };
  if (ownership.kind === 'theirs') {
    return looksEncrypted(facts) ? { kind: 'ready' } : { kind: 'flawed', reason: 'It is not encrypted.' };
  }
  const flaw = findFlaw(snapshotIdsOf(facts), snapshots, keyArnOf(ownership.marker, owner));
  // What EC2 does not show, it may show later.
  if (flaw && flaw.code !== 'SnapshotNotShown') return { kind: 'flawed', reason: flaw.reason };
  return { kind: !flaw && isAnnounced(ownership.marker) ? 'ready' : 'settling' };
}

/** Whether it is a copy of ours that was verified and announced, and still is as it was, whatever state it is in. */
export function isVerified({ facts, ownership }: KnownImage, snapshots: readonly SnapshotFacts[], owner: CopyOwner) {
  if (ownership.kind !== 'ours' || !isAnnounced(ownership.marker)) return false;
  return findFlaw(snapshotIdsOf(facts), snapshots, keyArnOf(ownership.marker, owner)) === undefined;
}

/**
 * Why a copy never was one to be used: by what EC2 shows of it now, and whatever became of it since. Undefined for one that was, be it
 * disabled, retired or revoked by now.
 */
export function whyUnverified(
  { facts, ownership }: KnownCopy,
  snapshots: readonly SnapshotFacts[],
  owner: CopyOwner,
): string | undefined {
  if (ownership.kind === 'theirs') return looksEncrypted(facts) ? undefined : 'The copy is not encrypted.';
  const { marker } = ownership;
  if (marker.announcement?.state !== 'announced') return 'The copy was not verified and announced.';
  const flaw = findFlaw(snapshotIdsOf(facts), snapshots, keyArnOf(marker, owner));
  return flaw && `The copy is not verified: ${flaw.reason}`;
}

/** A snapshot with its size. */
export interface SizedSnapshot extends SnapshotFacts {
  readonly size: ImageSize;
}

/** The key that a copy is to be under. A copy of the first versions does not name it. */
export function keyArnOf({ keyId }: CopyMarker, { accountId, region }: CopyOwner): string | undefined {
  return keyId && `arn:${partitionOf(region)}:kms:${region}:${accountId}:key/${keyId}`;
}

/** Asks EC2 for the snapshots of copies, and says how each copy stands. */
export async function standingsOf(
  copier: InAccount,
  copies: readonly KnownCopy[],
): Promise<readonly { readonly copy: KnownCopy; readonly standing: Standing }[]> {
  const ids = copies.flatMap(({ facts }) => snapshotIdsOf(facts));
  const snapshots = await findSnapshots(copier.aws.ec2, ids);
  return copies.map((copy) => ({ copy, standing: standingOf(copy, snapshots, copier) }));
}

/** Those of the account's snapshots that EC2 shows. By a filter: one that is gone is no error. */
export async function findSnapshots(ec2: EC2Client, snapshotIds: readonly string[]): Promise<SizedSnapshot[]> {
  const found: SizedSnapshot[] = [];
  for (let start = 0; start < snapshotIds.length; start += MAX_FILTER_VALUES) {
    const Values = snapshotIds.slice(start, start + MAX_FILTER_VALUES);
    found.push(...(await ownSnapshots(ec2, { Name: 'snapshot-id', Values })));
  }
  return found;
}

/** The account's snapshots that match a filter. Only DescribeSnapshots gives the key of a snapshot reliably. */
export async function ownSnapshots(ec2: EC2Client, filter: Filter): Promise<SizedSnapshot[]> {
  const found: SizedSnapshot[] = [];
  const input = { OwnerIds: ['self'], Filters: [filter] };
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: ec2, pageSize: PAGE_SIZE }, input)) {
    found.push(...Snapshots.map((snapshot) => ({ ...toSnapshotFacts(snapshot), size: snapshotSize(snapshot) })));
  }
  return found;
}

/**
 * The devices of each copy for which EC2 makes an empty, unencrypted volume at each launch that does not ask for more. The account's
 * default is asked for only where it decides.
 */
export async function unencryptedDevicesOf(
  ec2: EC2Client,
  copies: readonly KnownCopy[],
): Promise<ReadonlyMap<KnownCopy, readonly string[]>> {
  const blanks = copies
    .filter(({ facts }) => facts.state === 'available')
    .map((copy) => [copy, unencryptedBlanksOf(copy.facts)] as const)
    .filter(([, devices]) => devices.length > 0);
  if (blanks.length === 0) return new Map();
  const { EbsEncryptionByDefault } = await ec2.send(new GetEbsEncryptionByDefaultCommand({}));
  return new Map(required(EbsEncryptionByDefault, 'EbsEncryptionByDefault') ? [] : blanks);
}
