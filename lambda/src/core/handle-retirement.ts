import { asError, RejectedError, RetryableError } from './errors.ts';
import { settleFailure, type Failure, type FailureContext } from './failed-delivery.ts';
import type { Delivery } from './request-queue.ts';
import { formatRevocation, parseRetirementRequest, type RetirementRequest } from './retirement-request.ts';
import { imagesNamed, restoreImages, retireImages, type Retirement, type RetirementOutcome } from './retire-images.ts';
import { revokeImage, unrevokeImage, type Revocation, type RevocationOutcome } from './revoke-images.ts';
import { sweepEnds, type SweepEndsContext, type SweepEndsReport } from './sweep-ends.ts';

export interface RetirementContext extends SweepEndsContext, FailureContext {
  /** Puts a message into the function's own queue, to be delivered after some seconds (0 to 900). */
  readonly enqueue: (body: string, delaySeconds: number) => Promise<void>;
}

/** What became of a delivery. All but `retried` are done with: the queue may delete the message. */
export interface RetirementReport extends Partial<Omit<Failure, 'outcome'>> {
  /** `ignored`: it names no image of this account. */
  readonly outcome: 'done' | 'ignored' | Failure['outcome'];
  readonly messageId: string;
  readonly request?: RetirementRequest['kind'];
  readonly images: readonly RetirementOutcome[];
  readonly revocations: readonly RevocationOutcome[];
  readonly sweep?: Omit<SweepEndsReport, 'outcomes'>;
}

/**
 * How long after a revocation it is looked at again, in seconds. A settling that had begun before it, and takes 120 s at the most (the
 * function's time-out), may have pointed a parameter to a copy, or EC2 may have listed a copy late.
 */
export const LOOK_AGAIN_SECONDS = 180;

/**
 * Handles one delivery to its end. It never throws.
 * @param untilMs no ten images are begun after it, in milliseconds since 1970
 */
export async function handleRetirement(
  delivery: Delivery,
  context: RetirementContext,
  untilMs: number,
): Promise<RetirementReport> {
  const { messageId } = delivery;
  const done: Done = { images: [], revocations: [] };
  let request: RetirementRequest | undefined;
  const report = () => ({ messageId, ...(request && { request: request.kind }), ...done });
  try {
    request = parseRetirementRequest(delivery.body, context.account);
    await carryOut(request, done, context, untilMs);
    const isIgnored = request.kind === 'retire' && request.images.length === 0;
    return { outcome: isIgnored ? 'ignored' : 'done', ...report() };
  } catch (error) {
    return { ...report(), ...(await settleFailure(delivery, asError(error), context)) };
  }
}

/** What is done so far, for the log, also where something fails after it. */
interface Done {
  images: RetirementOutcome[];
  revocations: RevocationOutcome[];
  sweep?: Omit<SweepEndsReport, 'outcomes'>;
}

/** @throws {RetryableError} if something is left to do */
async function carryOut(
  request: RetirementRequest,
  done: Done,
  context: RetirementContext,
  untilMs: number,
): Promise<void> {
  switch (request.kind) {
    case 'sweep': {
      const { outcomes, ...sweep } = await sweepEnds(context, untilMs);
      done.images = [...outcomes];
      done.sweep = sweep;
      requireDone(outcomes, sweep.errors, sweep.remaining);
      return;
    }
    case 'retire': {
      const { retirements, gone } = await findNamed(request, context);
      const outcomes = await retireImages(retirements, context, untilMs);
      done.images = [...gone, ...outcomes];
      requireDone(outcomes, [], retirements.length - outcomes.length);
      return;
    }
    case 'restore':
      done.images = await restoreImages(request.images, context);
      return;
    case 'revoke':
    case 'unrevoke':
      await decideAll(request, done, context);
  }
}

async function findNamed(
  { images: ids, quarantineDays }: Extract<RetirementRequest, { kind: 'retire' }>,
  context: RetirementContext,
): Promise<{ retirements: Retirement[]; gone: RetirementOutcome[] }> {
  if (ids.length === 0) return { retirements: [], gone: [] };
  const images = await context.images.list();
  const named = ids.map((id) => ({ id, found: imagesNamed(id, images, context) }));
  const imageIds = new Set(named.flatMap(({ found }) => found.map(({ image }) => image.imageId)));
  return {
    retirements: [...imageIds].map((imageId) => ({ imageId, quarantineDays, isAsked: true })),
    gone: named.filter(({ found }) => found.length === 0).map(({ id }) => ({ outcome: 'gone', image: id })),
  };
}

/** What is put off is tried again with the message; what was done stays done. */
function requireDone(outcomes: readonly RetirementOutcome[], errors: readonly Error[], remaining: number): void {
  const putOff = outcomes.filter(({ outcome }) => outcome === 'putOff');
  const [first] = [...errors, ...putOff.flatMap(({ error }) => error ?? [])];
  if (first) {
    const images = putOff.map(({ image }) => image).join(', ');
    const where = images ? ` (${images})` : '';
    throw new RetryableError('RetirementPutOff', `A part could not be done${where}: ${first.message}`, {
      cause: first,
    });
  }
  if (remaining > 0) throw new RetryableError('ImagesRemain', `The time was not enough for ${remaining} images.`);
}

/** All of them, whatever one of them meets. */
async function decideAll(
  request: Extract<RetirementRequest, { kind: 'revoke' | 'unrevoke' }>,
  done: Done,
  context: RetirementContext,
): Promise<void> {
  const failures: unknown[] = [];
  for (const revocation of request.revocations) {
    try {
      await decideOne(request, revocation, done, context);
    } catch (error) {
      failures.push(error);
    }
  }
  // One that may work later keeps the message; what never will is said by it then, or now.
  const [first] = [...failures.filter((error) => !(error instanceof RejectedError)), ...failures];
  if (first !== undefined) throw asError(first);
}

async function decideOne(
  request: Extract<RetirementRequest, { kind: 'revoke' | 'unrevoke' }>,
  revocation: Revocation,
  done: Done,
  context: RetirementContext,
): Promise<void> {
  const isAgain = request.kind === 'revoke' && request.again;
  const outcome = await (request.kind === 'revoke' ? revokeImage : unrevokeImage)(revocation, context);
  if (!outcome) return;
  done.revocations.push(outcome);
  const { hasChanged, errors, ...result } = outcome;
  if (!isAgain || hasChanged || errors.length > 0) await context.results.tell(result);
  const [first] = errors;
  if (first) throw new RetryableError('RevocationPutOff', result.problems.join('; '), { cause: first });
  if (request.kind === 'revoke' && !isAgain) await context.enqueue(formatRevocation(revocation), LOOK_AGAIN_SECONDS);
}
