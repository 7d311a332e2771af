import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { required } from '../../../lambda/src/adapters/ec2-image-facts.ts';
import { isAnnounced } from '../../../lambda/src/core/copy-marker.ts';
import type { SnapshotFacts } from '../../../lambda/src/core/image-catalogue.ts';
import { findFlaw, snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import { tagOf } from '../common/copies.ts';
import type { Copier } from '../common/environment.ts';
import { findSnapshots, isWaiting, keyArnOf, type KnownImage } from '../common/known-copies.ts';

/** What it takes to say whether copies are verified. */
export interface Evidence {
  readonly snapshots: readonly SnapshotFacts[];
  /** The module's own key: copies of the first versions do not name theirs, which is that one. */
  readonly ownKeyArn?: string;
}

/** Asks for the snapshots of images, and for the module's own key where one of them needs it. */
export async function evidenceFor(copier: Copier, images: readonly KnownImage[]): Promise<Evidence> {
  const snapshotIds = images.flatMap(({ facts }) => snapshotIdsOf(facts));
  const needsKey = images.some(({ ownership }) => ownership.kind === 'ours' && ownership.marker.keyId === undefined);
  const [snapshots, ownKeyArn] = await Promise.all([
    findSnapshots(copier.aws.ec2, snapshotIds),
    needsKey ? findOwnKeyArn(copier) : undefined,
  ]);
  return { snapshots, ...(ownKeyArn !== undefined && { ownKeyArn }) };
}

/**
 * Why no parameter of a recipe may point to an image, as a sentence without its subject; undefined for a verified copy. As settle-copy
 * verifies: available, announced by this copier, approved where that is asked for, and each snapshot under the key that it was ordered under.
 */
export function whyUnfit(
  known: KnownImage,
  recipe: string,
  copier: Copier,
  { snapshots, ownKeyArn }: Evidence,
): string | undefined {
  const { image, facts, ownership } = known;
  const end = ownership.kind === 'ours' ? ownership.marker.end?.state : undefined;
  if (end === 'revoked') return 'is revoked: its source image is bad.';
  if (end === 'retired') return 'is retired. The command restore brings it back, as long as it is in quarantine.';
  if (facts.state !== 'available') return `is ${facts.state}, not available.`;
  const other = tagOf(image, copier.recipeTag);
  if (other !== recipe) return `belongs to ${other ?? 'no recipe'}, not to ${recipe}.`;
  if (ownership.kind === 'none') return `is no copy of ${copier.name}. ${ownership.reason}`;
  if (ownership.kind === 'theirs' || !isAnnounced(ownership.marker)) return `is no verified copy of ${copier.name}.`;
  if (isWaiting(known)) {
    return `waits for the approval of its source image ${ownership.sourceImageId}; status says what that needs.`;
  }
  const flaw = findFlaw(snapshotIdsOf(facts), snapshots, keyArnOf(ownership.marker, copier) ?? ownKeyArn);
  return flaw && `is not verified: ${flaw.reason}`;
}

/** When the source image of a copy was baked, or when an image that is no copy of ours was made, in milliseconds since 1970. */
export function bakedMsOf({ image, ownership }: KnownImage): number {
  return Date.parse(ownership.kind === 'ours' ? ownership.marker.bakedAt : (image.CreationDate ?? ''));
}

async function findOwnKeyArn({ aws, name }: Copier): Promise<string> {
  const described = await aws.kms.send(new DescribeKeyCommand({ KeyId: `alias/${name}` }));
  return required(described.KeyMetadata?.Arn, 'Arn');
}
