import type { Image, Snapshot } from '@aws-sdk/client-ec2';
import { ListAliasesCommand } from '@aws-sdk/client-kms';
import { MARKER } from '../../lambda/src/core/copy-marker.ts';
import type { BakedImage } from '../tool/common/bake.ts';
import { snapshotsOf } from '../tool/common/copies.ts';
import type { EmulatedAccount } from './emulated-account.ts';

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
