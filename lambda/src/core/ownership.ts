import { MARKER, parseMarker, type CopyMarker } from './copy-marker.ts';
import { tagValue } from './copy-request.ts';
import { COPIED_FROM } from './copy-tags.ts';
import type { EbsDevice, ImageFacts, ImageState, SnapshotFacts } from './image-catalogue.ts';

/** Whose copies are asked for. */
export interface Copyist {
  readonly copier: string;
  readonly account: string;
}

/** What an image is to a copier. */
export type Ownership =
  | {
      readonly kind: 'ours';
      readonly sourceImageId: string;
      readonly sourceRegion: string;
      readonly marker: CopyMarker;
    }
  | { readonly kind: 'theirs'; readonly sourceImageId: string; readonly sourceRegion?: string }
  | { readonly kind: 'none'; readonly code: NotACopy; readonly reason: string };

type NotACopy = 'OtherOwner' | 'MadeOfInstance' | 'OtherSource' | 'NotTagged';

/**
 * Says whether an image is a copy, and whose. What EC2 notes by itself decides; tags alone make no copy ours, because anybody who
 * may tag can set them, and CopyImage takes them along if it is asked to.
 *
 * `ours`: it has this copier's marker, EC2 says that it was copied, and no tag contradicts that. It stays ours where the tag
 * CopiedFromAMI is gone, or other tags were edited: EC2's own note still holds. Whether it is as it should be is another
 * question, which {@link findFlaw} answers: a copy under another key than its marker names is ours, but wrong. It is shown, is
 * never announced, and counts nowhere as a copy that can be used.
 *
 * `theirs`: somebody else made it of the image that CopiedFromAMI names, as AMIgo's copier does. An image of which EC2 has no such
 * note counts as well, by its tag alone: EC2 lacks it for older images. Such an image is never ours, for EC2 has noted
 * the source of all copies since before this copier.
 *
 * `none`: it belongs to another account; it was made of an instance; EC2 names another source than its tag does, as for a copy
 * of our copy with its tags; or nothing says what it is for.
 */
export function ownershipOf(image: ImageFacts, { copier, account }: Copyist): Ownership {
  const { ownerId, source, sourceInstanceId, tags } = image;
  const claimed = tagValue(tags, COPIED_FROM);
  const marker = parseMarker(tagValue(tags, MARKER), copier);
  if (ownerId !== account) return none('OtherOwner', `It belongs to account ${ownerId}.`);
  // EC2 notes the image that the instance was launched from as the source (EC2 User Guide, "Use AMI ancestry").
  if (sourceInstanceId !== undefined) return none('MadeOfInstance', `It was made of the instance ${sourceInstanceId}.`);
  if (claimed !== undefined && source && source.imageId !== claimed) {
    return none(
      'OtherSource',
      `EC2 says that it was copied from ${source.imageId}, its tag ${COPIED_FROM} names ${claimed}.`,
    );
  }
  if (marker && source) return { kind: 'ours', sourceImageId: source.imageId, sourceRegion: source.region, marker };
  if (claimed === undefined) return none('NotTagged', `It has no tag ${COPIED_FROM}.`);
  return { kind: 'theirs', sourceImageId: claimed, ...(source && { sourceRegion: source.region }) };
}

function none(code: NotACopy, reason: string): Ownership {
  return { kind: 'none', code, reason };
}

/** Whether it is a copy of this image. EC2 gives no id twice, so where a Region is not known, any will do. */
export function isCopyOf(ownership: Ownership, imageId: string, region?: string): boolean {
  if (ownership.kind === 'none' || ownership.sourceImageId !== imageId) return false;
  return region === undefined || ownership.sourceRegion === undefined || ownership.sourceRegion === region;
}

/** The snapshots of an image that is available. */
export function snapshotIdsOf({ devices }: Pick<ImageFacts, 'devices'>): string[] {
  return devices.flatMap(({ snapshotId }) => snapshotId ?? []);
}

/**
 * The devices of an available image for which EC2 makes an empty volume at each launch, and an unencrypted one unless the launch or
 * the account's default says otherwise (EBS User Guide, "Enable Amazon EBS encryption by default").
 */
export function unencryptedBlanksOf({ devices }: Pick<ImageFacts, 'devices'>): string[] {
  return devices.flatMap(({ name, snapshotId, encrypted }) =>
    snapshotId === undefined && encrypted !== true ? [name] : [],
  );
}

/**
 * Whether EC2 shows it as encrypted, so far as that can be seen without its snapshots. A pending image shows no snapshot ids, so
 * its empty volumes cannot be told from others: one device that may be encrypted is enough there.
 */
export function looksEncrypted({ state, devices }: Pick<ImageFacts, 'state' | 'devices'>): boolean {
  const mayBe = ({ encrypted }: EbsDevice) => encrypted !== false;
  if (state === 'pending') return devices.length === 0 || devices.some(mayBe);
  const copied = devices.filter(({ snapshotId }) => snapshotId !== undefined);
  return copied.length > 0 && copied.every(mayBe);
}

// A copy that somebody has disabled is not replaced: it was disabled so that nobody launches this image.
const LIVE: readonly ImageState[] = ['pending', 'available', 'disabled'];

/** Whether a copy is there, or is being made: so long no other is. Somebody else's counts if it is encrypted. */
export function isLiveCopy(image: Pick<ImageFacts, 'state' | 'devices'>, { kind }: Ownership): boolean {
  return LIVE.includes(image.state) && (looksEncrypted(image) || kind === 'ours');
}

/** Why a copy of ours is not as it should be. */
export interface Flaw {
  readonly code: 'NoSnapshot' | 'SnapshotNotShown' | 'NotEncrypted' | 'OtherKey';
  readonly reason: string;
}

/**
 * What is wrong with an available copy of ours: each of its snapshots is to be under the key that its marker names. Only
 * DescribeSnapshots shows for certain which key encrypts a snapshot. Devices without one have nothing to verify.
 * @param keyArn that key; undefined where it is not known, and is not compared
 */
export function findFlaw(
  snapshotIds: readonly string[],
  snapshots: readonly SnapshotFacts[],
  keyArn: string | undefined,
): Flaw | undefined {
  if (snapshotIds.length === 0) return { code: 'NoSnapshot', reason: 'EC2 shows no snapshot of it.' };
  for (const snapshotId of snapshotIds) {
    const snapshot = snapshots.find((each) => each.snapshotId === snapshotId);
    if (!snapshot) return { code: 'SnapshotNotShown', reason: `EC2 does not show ${snapshotId}.` };
    if (!snapshot.encrypted) return { code: 'NotEncrypted', reason: `${snapshotId} is not encrypted.` };
    if (keyArn !== undefined && snapshot.kmsKeyArn !== keyArn) {
      const found = snapshot.kmsKeyArn ?? 'no known key';
      return { code: 'OtherKey', reason: `${snapshotId} is encrypted under ${found}, not under ${keyArn}.` };
    }
  }
  return undefined;
}

/** Whether EC2's own facts contradict what the copy says of itself. What EC2 does not show, it may show later. */
export function isContradicted({ code }: Flaw): boolean {
  return code === 'NotEncrypted' || code === 'OtherKey';
}
