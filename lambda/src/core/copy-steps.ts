import type { Verdict } from './approval.ts';
import type { CopyInventory, CopySnapshot, OwnCopy } from './copy-inventory.ts';
import { keyArnOf, MARKER, type Announcement } from './copy-marker.ts';
import { tagsAsObject, type Tag } from './copy-request.ts';
import type { CopyResult } from './copy-results.ts';
import { findFlaw, type Flaw } from './ownership.ts';
import type { SettleContext } from './settle-context.ts';

/** What is wrong with an available copy, judged by the key that it was ordered under. */
export function flawOf(
  { snapshotIds, marker }: OwnCopy,
  snapshots: readonly CopySnapshot[],
  { kmsKeyArn }: Pick<SettleContext, 'kmsKeyArn'>,
): Flaw | undefined {
  return findFlaw(snapshotIds, snapshots, keyArnOf(marker, kmsKeyArn));
}

/** Fixes what the announcement says before it is made: should it be made twice, both are the same. */
export async function decide(
  copy: OwnCopy,
  { inventory, nowMs }: Pick<SettleContext, 'inventory' | 'nowMs'>,
  verdict: Verdict = { isApproved: true },
): Promise<Announcement> {
  if (copy.marker.announcement) return copy.marker.announcement;
  const settledAt = new Date(nowMs()).toISOString();
  const approval = verdict.isApproved ? {} : ({ unapproved: true } as const);
  const announcement: Announcement = { state: 'announcing', settledAt, ...approval };
  await mark(copy, announcement, inventory);
  return announcement;
}

export async function mark(copy: OwnCopy, announcement: Announcement, inventory: CopyInventory): Promise<void> {
  await inventory.mark(copy.imageId, { ...copy.marker, announcement });
}

/** What the copy shares with its result, and with its snapshots as far as these may have it: all but what the copier notes for itself, and AWS's own. */
export function identityTags({ tags }: OwnCopy): Tag[] {
  return tags.filter(({ key }) => key !== MARKER && !/^aws:/i.test(key));
}

export function resultOf(
  copy: OwnCopy,
  settledAt: string,
  context: SettleContext,
): Omit<CopyResult, 'unencryptedDevices' | 'parameter' | 'parameterReason' | 'reason'> {
  return {
    sourceAmi: copy.sourceImageId,
    sourceRegion: copy.sourceRegion,
    account: context.account,
    region: context.region,
    imageId: copy.imageId,
    name: copy.name,
    kmsKeyArn: keyArnOf(copy.marker, context.kmsKeyArn),
    snapshotIds: copy.snapshotIds,
    tags: tagsAsObject(identityTags(copy)),
    startedAt: copy.createdAt,
    settledAt,
    attempt: copy.marker.attempt,
    withinMinutes: copy.marker.withinMinutes ?? null,
  };
}
