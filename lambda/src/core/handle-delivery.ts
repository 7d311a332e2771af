import { copyImage, type CopyTarget } from './copy-image.ts';
import { parseCopyRequest, type BadAccounts } from './copy-request.ts';
import { asError, RejectedError, RetryableError, UNCERTAIN_SECONDS, UncertainError } from './errors.ts';
import type { ImageCatalogue } from './image-catalogue.ts';
import type { Delivery, Reason, RequestQueue } from './request-queue.ts';
import { retryDelaySeconds } from './retry-delay.ts';

export interface DeliveryContext {
  readonly target: CopyTarget;
  /** How long a request is tried again before it is rejected. */
  readonly retrySeconds: number;
  readonly catalogue: ImageCatalogue;
  readonly queue: RequestQueue;
  readonly nowMs: () => number;
  /** 0 <= random < 1 */
  readonly random: () => number;
}

/** What became of a delivery. All but `retried` are done with: the queue may delete the message. */
export interface DeliveryResult {
  /** As queries of the log and metrics know it, which call a rejected request refused. */
  readonly outcome: 'started' | 'reused' | 'ignored' | 'refused' | 'retried';
  readonly messageId: string;
  readonly sourceImage?: string;
  readonly copy?: string;
  /** What stood among the accounts of the request and no account can be. */
  readonly badAccounts?: BadAccounts;
  /** For a copy that was to be made within a time: why EC2 makes it at its own pace. */
  readonly ownPace?: Reason;
  /** For a copy that was started: since the message came into the queue. */
  readonly waitedSeconds?: number;
  readonly reason?: Reason;
  /** For a request that is tried again: how often it was tried, and when it is delivered the next time, from now. */
  readonly tries?: number;
  readonly retryInSeconds?: number;
  /** Set where it is not known whether trying again helps: somebody should look. */
  readonly uncertain?: true;
  /** The error behind a reason, for the log. */
  readonly error?: Error;
}

/** Handles one delivery to its end. It never throws, so that one bad message does not hold up the others of a batch. */
export async function handleDelivery(delivery: Delivery, context: DeliveryContext): Promise<DeliveryResult> {
  const { messageId } = delivery;
  let known: Pick<DeliveryResult, 'sourceImage' | 'badAccounts'> = {};
  try {
    const request = parseCopyRequest(delivery.body);
    const { sourceAmi: sourceImage, badAccounts } = request;
    known = { sourceImage, ...(badAccounts && { badAccounts }) };
    const copied = await copyImage(request, context.target, context.catalogue);
    return {
      outcome: copied.kind,
      messageId,
      ...known,
      ...(copied.kind !== 'ignored' && { copy: copied.imageId }),
      ...(copied.kind === 'started' && { waitedSeconds: (context.nowMs() - delivery.sentAtMs) / 1000 }),
      ...(copied.kind === 'started' && copied.ownPace && { ownPace: copied.ownPace }),
    };
  } catch (error) {
    return { messageId, ...known, ...(await settleFailure(delivery, asError(error), context)) };
  }
}

type Failure = Pick<DeliveryResult, 'outcome' | 'reason' | 'tries' | 'retryInSeconds' | 'uncertain' | 'error'>;

async function settleFailure(delivery: Delivery, error: Error, context: DeliveryContext): Promise<Failure> {
  const reason = reasonOf(error);
  if (error instanceof RejectedError) return await reject(delivery, reason, error, context);
  const isUncertain = error instanceof UncertainError;
  const retrySeconds = isUncertain ? Math.min(context.retrySeconds, UNCERTAIN_SECONDS) : context.retrySeconds;
  if (context.nowMs() - delivery.sentAtMs >= retrySeconds * 1000) {
    const message = `Gave up: tried ${delivery.receiveCount} times for over ${retrySeconds} s. ${reason.message}`;
    return await reject(delivery, { code: reason.code, message }, error, context);
  }
  const { receiveCount: tries } = delivery;
  const retryInSeconds = retryDelaySeconds(tries, context.random());
  try {
    await context.queue.postpone(delivery, retryInSeconds);
    return { outcome: 'retried', reason, tries, retryInSeconds, ...(isUncertain && { uncertain: true }), error };
  } catch (queueError) {
    return retryLater(reason, error, queueError);
  }
}

async function reject(delivery: Delivery, reason: Reason, error: Error, { queue }: DeliveryContext): Promise<Failure> {
  try {
    const { body, sentAtMs: requestedAtMs, receiveCount } = delivery;
    await queue.deadLetter({ body, reason, requestedAtMs, receiveCount });
    return { outcome: 'refused', reason, error };
  } catch (queueError) {
    return retryLater(reason, error, queueError);
  }
}

/** The queue itself failed: the message comes back after the queue's own visibility timeout. */
function retryLater(reason: Reason, error: Error, queueError: unknown): Failure {
  const { message } = asError(queueError);
  return {
    outcome: 'retried',
    reason,
    error: new Error(`The queue could not be reached: ${message}`, { cause: error }),
  };
}

function reasonOf(error: Error): Reason {
  if (error instanceof RejectedError || error instanceof RetryableError) {
    return { code: error.code, message: error.message };
  }
  // A fault of our own. It is tried again like any other, and ends in the dead-letter queue if it lasts.
  return { code: 'InternalError', message: `${error.name}: ${error.message}` };
}
