import type { Tag } from './copy-request.ts';
import { SHARED_TAG } from './shared-tags.ts';

/** The tag of a revoked image of the source account: when that was, and why. */
export const REVOKED_TAG = 'ImageCopierRevoked';

/** The tag by which a bake says who is to have copies of an image: `*`, account ids, labels such as `wave=canary`. */
export const TARGETS_TAG = 'ImageCopierTargets';

/** The tag by which the publisher notes what it has published of an image. */
export const PUBLISHED_TAG = 'ImageCopierPublished';

/** What makes an image one that EC2 copies to no other account, or nothing of which can be copied. */
export interface CopyableParts {
  /** Of AWS Marketplace. */
  readonly productCodes: readonly string[];
  readonly snapshotIds: readonly string[];
}

/** Who may use an image and its snapshots, as EC2 shows it to their owner. */
export interface Sharing {
  readonly ownerId: string;
  /** The accounts that may launch it, by their ids. */
  readonly launchers: readonly string[];
  /** Whether everybody may launch it. */
  readonly isPublic: boolean;
  /** The organizations, and units of them, whose accounts may launch it, by their ARNs. */
  readonly organizations: readonly string[];
  /** By snapshot, the accounts that may make volumes of it; `all` for everybody. */
  readonly snapshotUsers: ReadonlyMap<string, readonly string[]>;
}

/** Launch permission on an image and createVolumePermission on its snapshots, each with the accounts that are given it or lose it. */
export interface Permissions {
  readonly launch: readonly string[];
  readonly snapshots: ReadonlyMap<string, readonly string[]>;
}

// EC2 API Reference, ModifyImageAttribute and ModifySnapshotAttribute: at most 500 modifications a call.
const MAX_MODIFICATIONS = 500;

/**
 * The tags that a copy request carries: those that EC2 set, and those that are shared already, are no part of it. Nor are those for and
 * of the publisher: a copy with them would be published itself, and a request has to stay the same when it is repeated.
 */
export function tagsToRequest(tags: readonly Tag[]): Tag[] {
  return tags.filter(
    ({ key }) => !key.startsWith('aws:') && !key.startsWith(SHARED_TAG) && key !== TARGETS_TAG && key !== PUBLISHED_TAG,
  );
}

/** Why no other account could copy an image; undefined if nothing speaks against it. */
export function uncopyableReason({ productCodes, snapshotIds }: CopyableParts): string | undefined {
  if (productCodes.length > 0) {
    return `has product codes (${productCodes.join(', ')}): EC2 copies no image of AWS Marketplace to another account. Bake it from an image without them.`;
  }
  if (snapshotIds.length > 0) return undefined;
  return 'has no snapshot, so nothing of it can be copied. Bake an image with an EBS root volume.';
}

/** The permissions that the accounts lack. An organization's launch permission may be for them: EC2 does not say. */
export function missingPermissions(
  { ownerId, launchers, isPublic, organizations, snapshotUsers }: Sharing,
  asked: readonly string[],
): Permissions {
  // The source account may be among those that copy: its own image it may use.
  const accounts = asked.filter((account) => account !== ownerId);
  const lacking = (users: readonly string[]) => {
    const known = new Set(users);
    return accounts.filter((account) => !known.has(account));
  };
  const snapshots = Array.from(snapshotUsers, ([snapshotId, users]): [string, string[]] => [
    snapshotId,
    users.includes('all') ? [] : lacking(users),
  ]);
  return {
    launch: isPublic || organizations.length > 0 ? [] : lacking(launchers),
    snapshots: new Map(snapshots.filter(([, accountIds]) => accountIds.length > 0)),
  };
}

/** The permissions of accounts that are not among those who are to have them. What everybody or an organization may is left as it is. */
export function surplusPermissions(
  { ownerId, launchers, snapshotUsers }: Sharing,
  allowed: readonly string[],
): Permissions {
  const keep = new Set([...allowed, ownerId, 'all']);
  const surplus = (users: readonly string[]) => users.filter((user) => !keep.has(user));
  const snapshots = Array.from(snapshotUsers, ([snapshotId, users]): [string, string[]] => [
    snapshotId,
    surplus(users),
  ]);
  return {
    launch: surplus(launchers),
    snapshots: new Map(snapshots.filter(([, accountIds]) => accountIds.length > 0)),
  };
}

/** What is given or taken in parts that EC2 takes in one call. */
export function inCalls<Permission>(permissions: readonly Permission[]): Permission[][] {
  return Array.from({ length: Math.ceil(permissions.length / MAX_MODIFICATIONS) }, (_, index) =>
    permissions.slice(index * MAX_MODIFICATIONS, (index + 1) * MAX_MODIFICATIONS),
  );
}

// EC2 User Guide, "Tag restrictions", and EC2 API Reference, Tag.
export const MAX_TAGS = 50;
const MAX_KEY = 127;

/** The tags of an image and of its copies, beside those that are to be shared. */
export interface TagsBeside {
  /** How many the image has that are not shared. */
  readonly ordinary: number;
  /** Names of those that are shared already. */
  readonly shared: readonly string[];
  /** How many a copy gets, with the copier's own. */
  readonly ofCopy: number;
}

/**
 * Why EC2 could not take tags that are to be shared; undefined if it can.
 * @param tags with the names that they are to have, which begin with {@link SHARED_TAG}
 */
export function noRoomReason(tags: readonly Tag[], { ordinary, shared, ofCopy }: TagsBeside): string | undefined {
  const long = tags.find(({ key }) => key.length > MAX_KEY);
  if (long) return `would have the tag ${long.key}, which has more than ${MAX_KEY} characters.`;
  const count = new Set([...shared, ...tags.map(({ key }) => key)]).size;
  // CopyImage may take shared tags along: so says the EC2 User Guide ("Copy an Amazon EC2 AMI"), unlike the API Reference.
  const most = Math.max(ordinary, ofCopy) + count;
  if (most <= MAX_TAGS) return undefined;
  return `has ${ordinary} tags, and ${count} shared ones beside them. With those that the copier sets a copy could have ${most}, more than EC2's ${MAX_TAGS}.`;
}
