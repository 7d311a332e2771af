import {
  DescribeSnapshotsCommand,
  paginateDescribeImages,
  type Filter,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { ListAliasesCommand } from '@aws-sdk/client-kms';
import { PAGE_SIZE } from '../lambda/src/adapters/ec2-image-catalogue.ts';
import { isAnnounced as isMarkedAnnounced, MARKER, parseMarker } from '../lambda/src/core/copy-marker.ts';
import type { BakedImage } from './bake.ts';
import type { EmulatedAccount } from './emulated-account.ts';

type WithEc2 = Pick<EmulatedAccount, 'ec2'>;

/** What stands in an account after a copy. */
export interface CopyReport {
  readonly imageId: string;
  readonly state: string;
  readonly snapshots: number;
  readonly encryptedSnapshots: number;
  /** The aliases of the keys that the snapshots are encrypted with. */
  readonly keyAliases: readonly string[];
  readonly tagsComplete: boolean;
}

/** The account's own images that were copied from the source. */
export async function findCopies(account: WithEc2, sourceImageId: string): Promise<Image[]> {
  return await ownImages(account, [{ Name: 'source-image-id', Values: [sourceImageId] }]);
}

/** The account's own images, or those that match the filters; disabled ones if they are wanted too. */
export async function ownImages(
  { ec2 }: WithEc2,
  filters: Filter[] = [],
  { disabledToo = false }: { readonly disabledToo?: boolean } = {},
): Promise<Image[]> {
  const images: Image[] = [];
  const input = { Owners: ['self'], IncludeDisabled: disabledToo, Filters: filters };
  for await (const page of paginateDescribeImages({ client: ec2, pageSize: PAGE_SIZE }, input)) {
    images.push(...(page.Images ?? []));
  }
  return images;
}

export async function snapshotsOf({ ec2 }: WithEc2, image: Image): Promise<Snapshot[]> {
  const ids = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => (Ebs?.SnapshotId ? [Ebs.SnapshotId] : []));
  if (ids.length === 0) return [];
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: ids }));
  return Snapshots;
}

/** The value of a tag, if it is there. */
export function tagOf({ Tags = [] }: Pick<Image, 'Tags'>, name: string): string | undefined {
  return Tags.find(({ Key }) => Key === name)?.Value;
}

/** Whether this copier has announced a copy, as its marker says. */
export function isAnnounced(image: Pick<Image, 'Tags'>, copier: string): boolean {
  return isMarkedAnnounced(parseMarker(tagOf(image, MARKER), copier));
}

/** The tags that a copy of an image and each of its snapshots must have, beside the copier's own. */
export function expectedTags(source: BakedImage): Record<string, string> {
  return { ...source.tags, Encrypted: 'true', CopiedFromAMI: source.imageId };
}

/** All tags but that by which the copier knows its copies. */
export function tagsOf({ Tags = [] }: Pick<Image | Snapshot, 'Tags'>): Record<string, string> {
  return Object.fromEntries(Tags.flatMap(({ Key = '', Value = '' }) => (Key === MARKER ? [] : [[Key, Value]])));
}

/** Looks at a copy and its snapshots as EC2 and KMS show them. */
export async function inspectCopy(account: EmulatedAccount, image: Image, source: BakedImage): Promise<CopyReport> {
  const snapshots = await snapshotsOf(account, image);
  const keys = new Set(snapshots.flatMap(({ KmsKeyId }) => (KmsKeyId ? [KmsKeyId] : [])));
  const aliases = await Promise.all(Array.from(keys, (KeyId) => account.kms.send(new ListAliasesCommand({ KeyId }))));
  const expected = sortedJson(expectedTags(source));
  return {
    imageId: image.ImageId ?? '',
    state: image.State ?? '',
    snapshots: snapshots.length,
    encryptedSnapshots: snapshots.filter(({ Encrypted, State }) => Encrypted && State === 'completed').length,
    keyAliases: aliases.flatMap(({ Aliases = [] }) => Aliases.map(({ AliasName = '' }) => AliasName)),
    tagsComplete: [image, ...snapshots].every((resource) => sortedJson(tagsOf(resource)) === expected),
  };
}

function sortedJson(tags: Record<string, string>): string {
  return JSON.stringify(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
}
