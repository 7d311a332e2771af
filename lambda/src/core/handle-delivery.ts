import { digestOf, type RefusedRequests } from './asked-requests.ts';
import { copyImage, type CopyTarget } from './copy-image.ts';
import { parseCopyRequest, type BadAccounts, type CopyRequest } from './copy-request.ts';
import type { EndedSources } from './ended-sources.ts';
import { asError, RejectedError } from './errors.ts';
import { settleFailure, type FailureContext } from './failed-delivery.ts';
import type { ImageCatalogue } from './image-catalogue.ts';
import type { Delivery, Reason } from './request-queue.ts';

export interface DeliveryContext extends FailureContext {
  readonly target: CopyTarget;
  readonly catalogue: ImageCatalogue;
  readonly ended: Pick<EndedSources, 'find'>;
  readonly refusals: Pick<RefusedRequests, 'note'>;
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
  /** Why a request that was refused is not noted as such: a sweep may ask once more. */
  readonly notNoted?: string;
  /** The error behind a reason, for the log. */
  readonly error?: Error;
}

/** Handles one delivery to its end. It never throws, so that one bad message does not hold up the others of a batch. */
export async function handleDelivery(delivery: Delivery, context: DeliveryContext): Promise<DeliveryResult> {
  const { messageId } = delivery;
  let known: Pick<DeliveryResult, 'sourceImage' | 'badAccounts'> = {};
  let request: CopyRequest | undefined;
  try {
    request = parseCopyRequest(delivery.body);
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
    const failure = await settleFailure(delivery, asError(error), context);
    if (!request || failure.outcome !== 'refused' || !(error instanceof RejectedError)) {
      return { messageId, ...known, ...failure };
    }
    return { messageId, ...known, ...failure, ...(await noteRefusal(request, error, context)) };
  }
}

/** Refused for what the account has noted already, or for an owner or a state of the image with which no sweep asks for it. */
const ASKED_BY_NO_SWEEP = ['ImageRetired', 'ImageRevoked', 'SourceNotCopyable', 'UntrustedOwner'];

/**
 * Notes that a request is refused for ever, so that no sweep asks in the same words for an image that is still shared. It holds no message
 * up, and is done only for images of trusted accounts: whoever may send messages shall not fill the account with notes.
 */
async function noteRefusal(
  request: CopyRequest,
  { code, message }: RejectedError,
  { target, catalogue, refusals, nowMs }: DeliveryContext,
): Promise<Pick<DeliveryResult, 'notNoted'>> {
  if (ASKED_BY_NO_SWEEP.includes(code)) return {};
  try {
    const source = await catalogue.findSource(request.sourceAmi, request.sourceRegion);
    if (!source || !target.trustedOwners.includes(source.ownerId)) return {};
    const at = new Date(nowMs()).toISOString();
    await refusals.note(request.sourceAmi, { digest: digestOf(request), at, reason: `${code}: ${message}` });
    return {};
  } catch (error) {
    return { notNoted: asError(error).message };
  }
}
