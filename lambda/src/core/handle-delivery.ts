import { copyImage, type CopyTarget } from './copy-image.ts';
import { parseCopyRequest, type BadAccounts } from './copy-request.ts';
import type { EndedSources } from './ended-sources.ts';
import { asError } from './errors.ts';
import { settleFailure, type FailureContext } from './failed-delivery.ts';
import type { ImageCatalogue } from './image-catalogue.ts';
import type { Delivery, Reason } from './request-queue.ts';

export interface DeliveryContext extends FailureContext {
  readonly target: CopyTarget;
  readonly catalogue: ImageCatalogue;
  readonly ended: Pick<EndedSources, 'find'>;
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
    const copied = await copyImage(request, context.target, context.catalogue, context.ended);
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
