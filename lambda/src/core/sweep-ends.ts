import { asError } from './errors.ts';
import { knownTo } from './keep-reasons.ts';
import { snapshotIdsOf } from './ownership.ts';
import { DAY_MS, retentionCandidates, type Retention } from './retention.ts';
import { retireImages, type Retirement, type RetirementOutcome } from './retire-images.ts';
import { disableRevoked, type RevokeContext } from './revoke-images.ts';

export interface SweepEndsContext extends RevokeContext {
  /** The retention policy, if there is one. */
  readonly retention?: Retention;
}

/** What a sweep did. Where one part failed, the others still have their say. */
export interface SweepEndsReport {
  readonly outcomes: readonly RetirementOutcome[];
  /** Revoked images that could be launched. */
  readonly disabled: readonly string[];
  /** Snapshots of removed images that had been left. */
  readonly removedSnapshots: readonly string[];
  /** Those that are left still. */
  readonly remainingSnapshots: readonly string[];
  /** Images for which the time was not enough. */
  readonly remaining: number;
  readonly errors: readonly Error[];
}

/** How long it is noted that an image was retired: far longer than any queue keeps a request for it. */
const NOTED_DAYS = 365;

/**
 * Takes all images on whose end is decided: those in quarantine, those that somebody wants gone, and those that the retention policy
 * lets go. Looks for what else is not as it should be. No message is needed but the one that begins it.
 * @param untilMs no ten images are begun after it, in milliseconds since 1970
 */
export async function sweepEnds(context: SweepEndsContext, untilMs: number): Promise<SweepEndsReport> {
  const errors: Error[] = [];
  const attempt = async <T>(part: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await part();
    } catch (error) {
      errors.push(asError(error));
      return otherwise;
    }
  };
  const disabled = await attempt(() => disableRevoked(context), []);
  const retirements = await attempt(() => findRetirements(context), []);
  const outcomes = await retireImages(retirements, context, untilMs);
  const snapshots = await attempt(() => removeSnapshots(context), { removed: [], remaining: [] });
  await attempt(() => forgetOld(context), undefined);
  return {
    outcomes,
    disabled,
    removedSnapshots: snapshots.removed,
    remainingSnapshots: snapshots.remaining,
    remaining: retirements.length - outcomes.length,
    errors,
  };
}

/** Each image once: what somebody asked for comes before what the policy lets go. */
async function findRetirements(context: SweepEndsContext): Promise<Retirement[]> {
  const { retention, nowMs } = context;
  const images = await context.images.list();
  const decided = images.flatMap((image): Retirement[] => {
    const { end } = knownTo(image, context);
    if (end === undefined || end.state === 'revoked') return [];
    return [{ imageId: image.imageId, quarantineDays: end.quarantineDays ?? 0, isAsked: false }];
  });
  const isDecided = new Set(decided.map(({ imageId }) => imageId));
  const candidates = retention ? retentionCandidates(images, retention, context, nowMs()) : [];
  const others = candidates.filter(({ imageId }) => !isDecided.has(imageId));
  return [...decided, ...others.map((candidate) => ({ ...candidate, isAsked: false }))];
}

/** Deletes the snapshots of retired images that are gone. One that another image uses stays until that is gone too. */
async function removeSnapshots({ images }: SweepEndsContext): Promise<{ removed: string[]; remaining: string[] }> {
  const marked = await images.retiredSnapshots();
  if (marked.length === 0) return { removed: [], remaining: [] };
  const used = new Set((await images.list()).flatMap(snapshotIdsOf));
  const removed: string[] = [];
  const remaining: string[] = [];
  for (const snapshotId of marked.filter((id) => !used.has(id))) {
    const isGone = await images.deleteSnapshot(snapshotId).catch(() => false);
    (isGone ? removed : remaining).push(snapshotId);
  }
  return { removed, remaining };
}

async function forgetOld({ ended, nowMs }: SweepEndsContext): Promise<void> {
  for (const { sourceImageId, kind, at } of await ended.list()) {
    if (kind !== 'revoked' && nowMs() - Date.parse(at) > NOTED_DAYS * DAY_MS) await ended.forget(sourceImageId);
  }
}
