import { judge, type Verdict } from './approval.ts';
import type { OwnCopy } from './copy-inventory.ts';
import { asError } from './errors.ts';
import type { ImageFacts } from './image-catalogue.ts';
import { reconcile, type ReconcileContext, type ReconcileReport } from './reconcile.ts';
import { waitsForApproval } from './settle-available.ts';
import type { SettleContext, SettleOutcome } from './settle-context.ts';
import { settleBatch, type SettledCopy } from './settle-copy.ts';

export interface SettleCopiesContext extends SettleContext {
  /** After how long a copy that is not announced is overdue. */
  readonly overdueSeconds: number;
  /** What a sweep asks for by itself; without it nothing. */
  readonly reconciling?: ReconcileContext;
}

/** What became of one copy, for the log. `putOff` waits for the next sweep. */
export interface CopyReport extends Omit<SettleOutcome, 'kind'> {
  readonly outcome: SettleOutcome['kind'] | 'putOff';
  readonly copy: string;
  readonly sourceImage: string;
  readonly attempt: number;
  readonly overdue?: true;
  readonly error?: Error;
}

export interface SettleReport {
  readonly copies: readonly CopyReport[];
  /** Copies for which the time was not enough. */
  readonly remaining: number;
}

/** What a sweep found. Where one part failed, the others still have their say. */
export interface SweepReport extends SettleReport {
  /** Snapshots that failed copies had left behind. */
  readonly removedSnapshots: readonly string[];
  /** Parameters that point to an image that cannot be launched. */
  readonly dangling: readonly string[];
  /** What was asked for by what trusted accounts share. */
  readonly reconciled: Omit<ReconcileReport, 'errors'>;
  readonly errors: readonly Error[];
}

/**
 * Settles the named images so far as they are copies of this copier.
 * @param untilMs no copy is begun after it, in milliseconds since 1970
 */
export async function settleNamed(
  imageIds: readonly string[],
  context: SettleCopiesContext,
  untilMs: number,
): Promise<SettleReport> {
  return await settleAll(await context.inventory.findById(imageIds), context, untilMs);
}

/**
 * Settles all copies that are not announced, points parameters to those that are approved meanwhile, and looks for what else is not as
 * it should be. Events are not needed.
 */
export async function sweep(context: SettleCopiesContext, untilMs: number): Promise<SweepReport> {
  const { inventory } = context;
  const errors: Error[] = [];
  const attempt = async <T>(part: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await part();
    } catch (error) {
      errors.push(asError(error));
      return otherwise;
    }
  };
  const open = await attempt(() => inventory.findOpen(), []);
  const verdicts = context.gate && (await judge(open.filter(waitsForApproval), context.gate));
  const report = await settleAll(open, context, untilMs, verdicts);
  const removedSnapshots = await attempt(() => inventory.removeFailedSnapshots(), []);
  const { launchable, dangling } = await attempt(() => readParameters(context), { launchable: [], dangling: [] });
  // Last: what it asks for is better known after all else, and nothing else waits for it.
  const { reconciling } = context;
  const { errors: notAsked, ...reconciled } = reconciling
    ? await attempt(() => reconcile(reconciling, launchable, untilMs), NOTHING_ASKED)
    : NOTHING_ASKED;
  return { ...report, removedSnapshots, dangling, reconciled, errors: [...errors, ...notAsked] };
}

const NOTHING_ASKED: ReconcileReport = { asked: [], remaining: 0, errors: [] };

/** The parameters that point to an image that was deregistered or disabled. */
export async function findDangling(context: SettleContext): Promise<readonly string[]> {
  return (await readParameters(context)).dangling;
}

async function readParameters({
  inventory,
  parameters,
}: SettleContext): Promise<{ launchable: readonly ImageFacts[]; dangling: readonly string[] }> {
  const all = await parameters.list();
  if (all.length === 0) return { launchable: [], dangling: [] };
  const launchable = await inventory.findLaunchable(all.map(({ imageId }) => imageId));
  const ids = new Set(launchable.map(({ imageId }) => imageId));
  return { launchable, dangling: all.filter(({ imageId }) => !ids.has(imageId)).map(({ name }) => name) };
}

/** So many copies are settled together; SSM tells of as many parameters in one call (SSM API Reference, GetParameters). */
const BATCH_SIZE = 10;

/** A batch after the other, those of the oldest images first, so that a recipe's parameter moves forward alone. */
async function settleAll(
  copies: readonly OwnCopy[],
  context: SettleCopiesContext,
  untilMs: number,
  verdicts?: ReadonlyMap<string, Verdict>,
): Promise<SettleReport> {
  const inOrder = copies.toSorted((a, b) => Date.parse(a.marker.bakedAt) - Date.parse(b.marker.bakedAt));
  const reports: CopyReport[] = [];
  while (reports.length < inOrder.length && context.nowMs() < untilMs) {
    const batch = inOrder.slice(reports.length, reports.length + BATCH_SIZE);
    reports.push(...(await settleBatch(batch, context, verdicts)).map((settled) => reportOf(settled, context)));
  }
  return { copies: reports, remaining: inOrder.length - reports.length };
}

function reportOf({ copy, end }: SettledCopy, context: SettleCopiesContext): CopyReport {
  const { imageId, sourceImageId, marker, createdAt } = copy;
  const about = { copy: imageId, sourceImage: sourceImageId, attempt: marker.attempt };
  const isOld = context.nowMs() - Date.parse(createdAt) >= context.overdueSeconds * 1000;
  const overdue = isOld && ({ overdue: true } as const);
  if (end instanceof Error) return { outcome: 'putOff', ...about, ...overdue, error: end };
  const { kind: outcome, ...details } = end;
  const isOpen = outcome === 'waiting' || outcome === 'unverified';
  return { outcome, ...about, ...details, ...(isOpen && overdue) };
}
