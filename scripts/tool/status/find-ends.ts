import { toAccountImage } from '../../../lambda/src/adapters/ec2-account-images.ts';
import type { AccountImage } from '../../../lambda/src/core/account-images.ts';
import type { SnapshotFacts } from '../../../lambda/src/core/image-catalogue.ts';
import type { ImageParameter } from '../../../lambda/src/core/image-parameters.ts';
import { keepReasons } from '../../../lambda/src/core/keep-reasons.ts';
import { retentionCandidates, type Retention } from '../../../lambda/src/core/retention.ts';
import type { RetireImageConfig } from '../../../lambda/src/functions/common/retire-configuration.ts';
import { reasonOf } from '../common/aws-errors.ts';
import type { Warn } from '../common/dead-letter-queue.ts';
import { findKeepReasons, findRetirementSettings, knownImages, listAccountImages } from '../common/ends-of-images.ts';
import type { Copier } from '../common/environment.ts';
import type { KnownCopy } from '../common/known-copies.ts';
import type { CopyInAccount } from './copier-facts.ts';

/** What becomes of a copy. */
export type EndInAccount = Pick<CopyInAccount, 'endReasons' | 'mayGo'>;

/** What was read of an account already. */
interface AccountFacts {
  readonly snapshots: readonly SnapshotFacts[];
  /** Below the copier's path. */
  readonly parameters: readonly ImageParameter[];
}

/** No retention policy lets more go. */
const KEEP_LEAST: Retention = { keepNewest: 1, minAgeDays: 0, quarantineDays: 0, recipes: {} };

/** Why copies stay that are to go, and which ones may go by the retention policy. Asked for only where there may be such copies. */
export async function findEnds(
  copies: readonly KnownCopy[],
  { snapshots, parameters }: AccountFacts,
  copier: Copier,
  warn: Warn,
): Promise<ReadonlyMap<string, EndInAccount>> {
  const { name, accountId, recipeTag } = copier;
  const images = copies.map(({ image }) => toAccountImage(image));
  const asked = copies
    .filter(({ ownership }) => ownership.kind === 'ours' && ownership.marker.end?.state === 'asked')
    .map(({ facts }) => facts.imageId);
  const rules = { copier: name, account: accountId, recipeTag };
  if (asked.length === 0 && retentionCandidates(images, KEEP_LEAST, rules, Date.now()).length === 0) return new Map();
  try {
    const settings = await findRetirementSettings(copier);
    if (!settings) return new Map();
    const ends = new Map<string, EndInAccount>();
    for (const [imageId, endReasons] of await findEndReasons(asked, settings, copier))
      ends.set(imageId, { endReasons });
    for (const imageId of findGoing(images, { snapshots, parameters }, settings)) {
      const known = ends.get(imageId);
      const isKept = asked.includes(imageId) && known?.endReasons?.length !== 0;
      if (!isKept) ends.set(imageId, { ...known, mayGo: true });
    }
    return ends;
  } catch (error) {
    warn(`Why copies stay that are to go, and what retention would free, could not be read: ${reasonOf(error)}`);
    return new Map();
  }
}

/** Why copies that are to go stay, in words: it takes some fifteen calls. */
async function findEndReasons(
  imageIds: readonly string[],
  settings: RetireImageConfig,
  copier: Copier,
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (imageIds.length === 0) return new Map();
  const all = await listAccountImages(copier);
  const subjects = knownImages(all, settings).filter(({ image }) => imageIds.includes(image.imageId));
  const found = await findKeepReasons(subjects, all, settings, copier);
  return new Map(Array.from(found, ([imageId, reasons]) => [imageId, reasons.map(({ message }) => message)]));
}

/**
 * What the retention policy lets go, as far as images and parameters tell. Instances and all else that may use a copy are not asked about:
 * that would take as many calls, in every account that has such copies, each time.
 */
function findGoing(images: readonly AccountImage[], facts: AccountFacts, settings: RetireImageConfig): string[] {
  const nowMs = Date.now();
  const candidates = settings.retention ? retentionCandidates(images, settings.retention, settings, nowMs) : [];
  if (candidates.length === 0) return [];
  const view = { images, ...facts, found: { references: [], unreadable: [] } };
  const ids = new Set(candidates.map(({ imageId }) => imageId));
  return knownImages(images, settings)
    .filter((known) => ids.has(known.image.imageId) && keepReasons(known, view, settings, nowMs).length === 0)
    .map(({ image }) => image.imageId);
}
