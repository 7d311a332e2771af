import type { Verdict } from './approval.ts';
import { Batch } from './batch.ts';
import { decide, resultOf } from './copy-steps.ts';
import type { CopyInventory, OwnCopy } from './copy-inventory.ts';
import { isAnnounced, isTakenAway, MAX_ATTEMPTS } from './copy-marker.ts';
import { formatCopyRequest, type Retry } from './copy-request.ts';
import { requestedTags } from './copy-tags.ts';
import { settleAvailable, waitsForApproval } from './settle-available.ts';
import type { SettleContext, SettleOutcome } from './settle-context.ts';

export interface SettledCopy {
  readonly copy: OwnCopy;
  /** What became of it, or what a call to AWS threw: then it stays as it is until the next call. */
  readonly end: SettleOutcome | Error;
}

/**
 * Brings copies one step on, as far as EC2 lets it: to their announcements, or to their next tries. It may be called any number of times for
 * the same copies, and may end anywhere; the next call goes on. It must not run twice at the same time, for the parameters' sake.
 * @param verdicts on the approval of source images, by copy, where those were read already
 */
export async function settleBatch(
  copies: readonly OwnCopy[],
  context: SettleContext,
  verdicts?: ReadonlyMap<string, Verdict>,
): Promise<SettledCopy[]> {
  const batch = new Batch();
  const isOpen = (copy: OwnCopy) => waitsForApproval(copy) || isToAnnounce(copy);
  await settleAvailable(copies.filter(isOpen), batch, context, verdicts);
  const others = copies.filter((copy) => !isOpen(copy)).map((copy) => ({ copy }));
  await batch.each(others, async ({ copy }) => {
    batch.end(copy, await settleOther(copy, context));
  });
  return copies.map((copy) => ({ copy, end: batch.endOf(copy) }));
}

function isToAnnounce({ state, marker }: OwnCopy): boolean {
  return state === 'available' && !isAnnounced(marker) && !isTakenAway(marker);
}

async function settleOther(copy: OwnCopy, context: SettleContext): Promise<SettleOutcome> {
  if (isAnnounced(copy.marker)) return { kind: 'known' };
  if (isTakenAway(copy.marker)) return await settleTakenAway(copy, context);
  const isFailed = ['failed', 'error', 'invalid'].includes(copy.state);
  return isFailed ? await settleFailed(copy, context) : { kind: 'waiting' };
}

/** A copy that was revoked while EC2 made it. What else was taken away is not settle-copy's. */
async function settleTakenAway(copy: OwnCopy, { inventory, ended }: SettleContext): Promise<SettleOutcome> {
  if (copy.marker.end?.state !== 'revoked' || copy.state !== 'available') return { kind: 'known' };
  // It has just been enabled, and its mark goes next.
  if ((await ended.find(copy.sourceImageId))?.kind === 'unrevoked') return { kind: 'known' };
  await inventory.disable(copy.imageId);
  return { kind: 'revoked' };
}

async function settleFailed(copy: OwnCopy, context: SettleContext): Promise<SettleOutcome> {
  const { inventory, nextTries, results } = context;
  const { imageId, marker, stateReason, createdAt } = copy;
  const { attempt } = marker;
  const reason = stateReason ?? `EC2 gives no reason; the image is ${copy.state}.`;
  // First the request, then the image: it carries the request until that is safe elsewhere.
  if (attempt < MAX_ATTEMPTS) {
    const body = bodyOf(copy, { attempt: attempt + 1, after: imageId }, context);
    const retryInSeconds = context.failedCopyDelaySeconds;
    if (!marker.announcement) await nextTries.enqueue(body, retryInSeconds);
    try {
      return { kind: 'failed', reason, retryInSeconds, ...(await removed(imageId, inventory)) };
    } catch (error) {
      // One that stays, for example since it is protected from deregistration, would ask for a next try at each sweep.
      await decide(copy, context);
      throw error;
    }
  }
  // A copy whose end is decided has its letter, so that there is one, however often the announcement fails.
  if (!marker.announcement) {
    await nextTries.deadLetter({
      body: bodyOf(copy, { attempt: 1, after: imageId }, context),
      reason: { code: 'CopyFailed', message: `EC2 failed to copy it ${attempt} times. ${reason}` },
      requestedAtMs: Date.parse(createdAt),
      attempt,
    });
  }
  const { settledAt } = await decide(copy, context);
  await results.announce({
    ...resultOf(copy, settledAt, context),
    unencryptedDevices: [],
    parameter: null,
    parameterReason: null,
    reason,
  });
  return { kind: 'givenUp', reason, ...(await removed(imageId, inventory)) };
}

async function removed(imageId: string, inventory: CopyInventory): Promise<Pick<SettleOutcome, 'undeletedSnapshots'>> {
  const undeletedSnapshots = await inventory.remove(imageId);
  return undeletedSnapshots.length > 0 ? { undeletedSnapshots } : {};
}

/** The request that the copy was made for, for this account alone, rebuilt from the copy. */
function bodyOf(copy: OwnCopy, retry: Retry, { account }: SettleContext): string {
  const { sourceImageId: sourceAmi, sourceRegion, name, description, tags } = copy;
  return formatCopyRequest({
    sourceAmi,
    sourceRegion,
    targetAccounts: [account],
    name,
    description,
    tags: requestedTags(tags),
    withinMinutes: copy.marker.withinMinutes,
    retry,
  });
}
