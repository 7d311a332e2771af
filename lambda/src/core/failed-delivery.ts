import { RejectedError, RetryableError, UNCERTAIN_SECONDS, UncertainError, asError } from './errors.ts';
import type { Delivery, Reason, RequestQueue } from './request-queue.ts';
import { retryDelaySeconds } from './retry-delay.ts';

export interface FailureContext {
  /** How long a message is tried again before it is rejected. */
  readonly retrySeconds: number;
  readonly queue: RequestQueue;
  readonly nowMs: () => number;
  /** 0 <= random < 1 */
  readonly random: () => number;
}

/** What became of a delivery that failed. */
export interface Failure {
  readonly outcome: 'refused' | 'retried';
  readonly reason: Reason;
  /** For a message that is tried again: how often it was tried, and when it is delivered the next time, from now. */
  readonly tries?: number;
  readonly retryInSeconds?: number;
  /** Set where it is not known whether trying again helps: somebody should look. */
  readonly uncertain?: true;
  /** The error behind the reason, for the log. */
  readonly error: Error;
}

/**
 * Ends a delivery that failed: the message comes again later, or goes to the dead-letter queue with its reason. It never throws: where the
 * queue itself fails, the message comes back after the queue's own visibility timeout.
 */
export async function settleFailure(delivery: Delivery, error: Error, context: FailureContext): Promise<Failure> {
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

async function reject(delivery: Delivery, reason: Reason, error: Error, { queue }: FailureContext): Promise<Failure> {
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
