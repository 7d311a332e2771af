import { judge, requirement, type Gate, type Verdict } from './approval.ts';
import type { CopyInventory, CopySnapshot, OwnCopy } from './copy-inventory.ts';
import {
  formatMarker,
  isAnnounced,
  isTakenAway,
  isUnapproved,
  keyArnOf,
  MARKER,
  MAX_ATTEMPTS,
  parseMarker,
  type Announcement,
} from './copy-marker.ts';
import { formatCopyRequest, tagsAsObject, type Retry, type Tag } from './copy-request.ts';
import type { CopyResult, CopyResults } from './copy-results.ts';
import { requestedTags, snapshotTags } from './copy-tags.ts';
import type { EndedSources } from './ended-sources.ts';
import { asError, RetryableError, UncertainError } from './errors.ts';
import type { ImageCatalogue } from './image-catalogue.ts';
import {
  pointTo,
  recipeParameter,
  type ImageParameters,
  type ParameterNames,
  type RecipeParameter,
} from './image-parameters.ts';
import { findFlaw, isContradicted, type Flaw } from './ownership.ts';
import type { NextTries } from './request-queue.ts';

export interface SettleContext extends ParameterNames {
  readonly account: string;
  readonly region: string;
  readonly kmsKeyArn: string;
  readonly failedCopyDelaySeconds: number;
  readonly inventory: CopyInventory;
  /** Where copies are deprecated when their source images are; without it they are not. */
  readonly sources?: Pick<ImageCatalogue, 'findSource'>;
  /** What a source image needs before a parameter points to its copy; without it each verified copy may be pointed to. */
  readonly gate?: Gate;
  readonly parameters: ImageParameters;
  readonly ended: Pick<EndedSources, 'find'>;
  readonly results: CopyResults;
  readonly nextTries: NextTries;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * What became of a copy. All but `waiting`, `unverified` and `unapproved` are done with. `waiting`: EC2 still makes it. `unapproved`: it
 * was announced, and its source image is still not approved. `approved`: it was announced before, and its parameter may point to it now.
 */
export interface SettleOutcome {
  readonly kind:
    'settled' | 'failed' | 'givenUp' | 'unverified' | 'waiting' | 'known' | 'revoked' | 'unapproved' | 'approved';
  /** Why a copy failed, is not verified, or is not approved. */
  readonly reason?: string;
  /** Of a copy that is not approved: whether EC2 shows this account the source image, on which approval is looked for. */
  readonly sourceSeen?: boolean;
  /** Why it could not be read whether the source image is approved. It counts as not approved until it can. */
  readonly approvalError?: Error;
  /** For a copy that failed: when the next try is delivered, from now. */
  readonly retryInSeconds?: number;
  /** Snapshots that lacked tags. */
  readonly repairedSnapshots?: readonly string[];
  /** Snapshots of a copy that failed that EC2 would not delete. */
  readonly undeletedSnapshots?: readonly string[];
  /** Devices for which EC2 makes an empty, unencrypted volume at each launch that does not ask for more. */
  readonly unencryptedDevices?: readonly string[];
  /** The parameter that points to the copy now, or why there is none. */
  readonly parameter?: string;
  /** When the copy is deprecated, as its source image is. */
  readonly deprecatesAt?: string;
  /** Why it is not, though its source image may be. */
  readonly notDeprecated?: string;
  /** From the call of CopyImage to now. */
  readonly copySeconds?: number;
}

/**
 * Brings a copy one step on, as far as EC2 lets it: to its announcement, or to the next try. It may be called any
 * number of times for the same copy, and may end anywhere; the next call goes on. It must not run twice at the same
 * time, for the parameter's sake.
 * @param verdict on the approval of its source image, where that was read already
 * @throws whatever a call to AWS throws; then the copy stays as it is until the next call
 */
export async function settleCopy(copy: OwnCopy, context: SettleContext, verdict?: Verdict): Promise<SettleOutcome> {
  if (waitsForApproval(copy)) return await settleUnapproved(copy, context, verdict);
  if (isAnnounced(copy.marker)) return { kind: 'known' };
  if (isTakenAway(copy.marker)) return await settleTakenAway(copy, context);
  switch (copy.state) {
    case 'available':
      return await settleAvailable(copy, context);
    case 'failed':
    case 'error':
    case 'invalid':
      return await settleFailed(copy, context);
    default:
      return { kind: 'waiting' };
  }
}

/** A copy that was revoked while EC2 made it. What else was taken away is not settle-copy's. */
async function settleTakenAway(copy: OwnCopy, { inventory, ended }: SettleContext): Promise<SettleOutcome> {
  if (copy.marker.end?.state !== 'revoked' || copy.state !== 'available') return { kind: 'known' };
  // It has just been enabled, and its mark goes next.
  if ((await ended.find(copy.sourceImageId))?.kind === 'unrevoked') return { kind: 'known' };
  await inventory.disable(copy.imageId);
  return { kind: 'revoked' };
}

async function settleAvailable(copy: OwnCopy, context: SettleContext): Promise<SettleOutcome> {
  const { inventory, results, nowMs } = context;
  const snapshots = await inventory.snapshotsOf(copy.snapshotIds);
  const flaw = flawOf(copy, snapshots, context);
  if (flaw) return { kind: 'unverified', reason: flaw.reason };

  const unencryptedDevices = await unencryptedDevicesOf(copy, inventory);
  const wanted = recipeParameter(copy.tags, context);
  // Decided with the announcement: should that be made twice, both say the same.
  const verdict = copy.marker.announcement || 'reason' in wanted ? undefined : await verdictOn(copy, context);
  const announcement = await decide(copy, context, verdict);
  const { settledAt } = announcement;
  // After the mark: a revocation that comes later finds a copy that is being announced, and looks at its parameter again.
  const end = await context.ended.find(copy.sourceImageId);
  if (end?.kind === 'revoked') {
    const revoked = { state: 'revoked', at: end.at } as const;
    await inventory.mark(copy.imageId, {
      ...copy.marker,
      announcement,
      end: revoked,
    });
    await inventory.disable(copy.imageId);
    return { kind: 'revoked', reason: end.reason };
  }
  const repairedSnapshots = await repairTags(copy, snapshots, settledAt, inventory);
  const withheld = announcement.unapproved && requirement(copy, context.gate);
  const parameter = withheld === undefined ? await updateParameter(copy, wanted, context) : `none: ${withheld}`;
  const deprecation = await deprecate(copy, context);
  await results.announce({
    ...resultOf(copy, settledAt, context),
    unencryptedDevices,
    parameter: withheld === undefined && 'name' in wanted ? wanted.name : null,
    parameterReason: withheld ?? ('reason' in wanted ? wanted.reason : null),
    reason: null,
  });
  await mark(copy, { ...announcement, state: 'announced' }, inventory);
  return {
    kind: 'settled',
    parameter,
    ...(verdict && detailsOf(verdict)),
    ...deprecation,
    copySeconds: (nowMs() - Date.parse(copy.createdAt)) / 1000,
    ...(repairedSnapshots.length > 0 && { repairedSnapshots }),
    ...(unencryptedDevices.length > 0 && { unencryptedDevices }),
  };
}

/** Whether a copy can be launched and is announced, and no parameter points to it since its source image is not approved. */
export function waitsForApproval({ state, marker }: OwnCopy): boolean {
  return state === 'available' && isAnnounced(marker) && isUnapproved(marker);
}

/** Without a gate each source image is approved. */
async function verdictOn(copy: OwnCopy, { gate }: SettleContext): Promise<Verdict> {
  return (gate && (await judge([copy], gate)).get(copy.imageId)) ?? { isApproved: true };
}

function detailsOf(verdict: Verdict): Pick<SettleOutcome, 'sourceSeen' | 'approvalError'> {
  if (verdict.isApproved) return {};
  const { error, sourceSeen } = verdict;
  return error ? { approvalError: error } : { sourceSeen };
}

/**
 * Points the parameter to a copy that was announced without it, once its source image is approved. Everybody is told, with the same
 * facts as before, so that a call that is repeated says the same.
 */
async function settleUnapproved(copy: OwnCopy, context: SettleContext, known?: Verdict): Promise<SettleOutcome> {
  const { inventory, results, gate, ended } = context;
  const verdict = known ?? (await verdictOn(copy, context));
  if (!verdict.isApproved) return { kind: 'unapproved', reason: requirement(copy, gate), ...detailsOf(verdict) };
  const flaw = flawOf(copy, await inventory.snapshotsOf(copy.snapshotIds), context);
  if (flaw) return { kind: 'unverified', reason: flaw.reason };
  // retire-image takes it away, and points no parameter to it.
  if ((await ended.find(copy.sourceImageId))?.kind === 'revoked') return { kind: 'known' };
  const { state, settledAt } = await decide(copy, context);
  const wanted = recipeParameter(copy.tags, context);
  const parameter = await updateParameter(copy, wanted, context);
  await results.announceApproval({
    ...resultOf(copy, settledAt, context),
    unencryptedDevices: await unencryptedDevicesOf(copy, inventory),
    parameter: 'name' in wanted ? wanted.name : null,
    parameterReason: 'reason' in wanted ? wanted.reason : null,
    reason: null,
  });
  await mark(copy, { state, settledAt }, inventory);
  return { kind: 'approved', parameter };
}

/** EC2 API Reference, EnableImageDeprecation: no time in the past, and EC2 rounds to the minute. */
const SOONEST_DEPRECATION_MS = 60_000;

/**
 * Has the copy deprecated when its source image is. The source is asked here and once, and not when the copy is started: among the
 * parameters of CopyImage a time that is changed between two deliveries would make EC2 refuse their token. What may work later is
 * thrown, so that the sweep comes back to it; what will not holds no copy up.
 */
async function deprecate(
  copy: OwnCopy,
  { sources, inventory, nowMs }: SettleContext,
): Promise<Pick<SettleOutcome, 'deprecatesAt' | 'notDeprecated'>> {
  if (!sources) return {};
  // Set by an earlier try, or by somebody who wants another time.
  if (copy.deprecatesAt !== undefined) return { deprecatesAt: copy.deprecatesAt };
  try {
    const source = await sources.findSource(copy.sourceImageId, copy.sourceRegion);
    if (source?.deprecatesAt === undefined) return {};
    const atMs = Math.max(Date.parse(source.deprecatesAt), nowMs() + SOONEST_DEPRECATION_MS);
    const deprecatesAt = new Date(atMs).toISOString();
    await inventory.deprecate(copy.imageId, deprecatesAt);
    return { deprecatesAt };
  } catch (error) {
    if (error instanceof RetryableError && !(error instanceof UncertainError)) throw error;
    return { notDeprecated: asError(error).message };
  }
}

function flawOf(
  { snapshotIds, marker }: OwnCopy,
  snapshots: readonly CopySnapshot[],
  { kmsKeyArn }: SettleContext,
): Flaw | undefined {
  return findFlaw(snapshotIds, snapshots, keyArnOf(marker, kmsKeyArn));
}

/** The account's default is asked for only where it decides. */
async function unencryptedDevicesOf(
  { unencryptedBlanks }: OwnCopy,
  inventory: CopyInventory,
): Promise<readonly string[]> {
  if (unencryptedBlanks.length === 0 || (await inventory.encryptsByDefault())) return [];
  return unencryptedBlanks;
}

/**
 * Gives snapshots the tags that they lack. What is repaired is marked as announced: the role may mark nothing else, so that it
 * cannot make a snapshot of somebody else's one that it may delete.
 */
async function repairTags(
  copy: OwnCopy,
  snapshots: readonly CopySnapshot[],
  settledAt: string,
  inventory: CopyInventory,
): Promise<readonly string[]> {
  const { copier } = copy.marker;
  const expected = snapshotTags(identityTags(copy));
  const isMarked = (tags: readonly Tag[]) =>
    tags.some(({ key, value }) => key === MARKER && parseMarker(value, copier) !== undefined);
  const incomplete = snapshots.filter(({ tags }) => !isMarked(tags) || !expected.every((tag) => hasTag(tags, tag)));
  const snapshotIds = incomplete.map(({ snapshotId }) => snapshotId);
  const marker = formatMarker({ ...copy.marker, announcement: { state: 'announced', settledAt } });
  if (snapshotIds.length > 0) await inventory.tagSnapshots(snapshotIds, [...expected, { key: MARKER, value: marker }]);
  return snapshotIds;
}

/** What the copy shares with its result, and with its snapshots as far as these may have it: all but what the copier notes for itself, and AWS's own. */
function identityTags({ tags }: OwnCopy): Tag[] {
  return tags.filter(({ key }) => key !== MARKER && !/^aws:/i.test(key));
}

function hasTag(tags: readonly Tag[], { key, value }: Tag): boolean {
  return tags.some((tag) => tag.key === key && tag.value === value);
}

/** Fixes what the announcement says before it is made: should it be made twice, both are the same. */
async function decide(
  copy: OwnCopy,
  { inventory, nowMs }: SettleContext,
  verdict: Verdict = { isApproved: true },
): Promise<Announcement> {
  if (copy.marker.announcement) return copy.marker.announcement;
  const settledAt = new Date(nowMs()).toISOString();
  const approval = verdict.isApproved ? {} : ({ unapproved: true } as const);
  const announcement: Announcement = { state: 'announcing', settledAt, ...approval };
  await mark(copy, announcement, inventory);
  return announcement;
}

async function mark(copy: OwnCopy, announcement: Announcement, inventory: CopyInventory): Promise<void> {
  await inventory.mark(copy.imageId, { ...copy.marker, announcement });
}

/**
 * Points the recipe's parameter to the newest copy, which is this one unless a newer one is settled. Says which, for the
 * log. It does not only look at this copy: AWS may have stored the value of an earlier call late.
 */
async function updateParameter(copy: OwnCopy, parameter: RecipeParameter, context: SettleContext): Promise<string> {
  if ('reason' in parameter) return `none: ${parameter.reason}`;
  const { inventory, parameters, recipeTag } = context;
  const { name, recipe } = parameter;
  const current = await parameters.get(name);
  const others = await inventory.findSettled({ key: recipeTag, value: recipe });
  // By its id too: what EC2 lists by tag may lag behind what it was told a moment ago.
  if (current !== undefined) others.push(...(await inventory.findById([current])));
  const newest = await newestOf(others, copy, context);
  if (current !== newest.imageId) await pointTo(name, newest.imageId, context);
  return newest.imageId === copy.imageId ? name : `none: ${newest.imageId} is of a newer image`;
}

/**
 * The copy of the newest image among this one and those that can be launched, are verified and approved. A marker can be set by hand, so a
 * newer copy's snapshots are looked at again. One that EC2 does not show at the moment is no reason to go back.
 */
async function newestOf(others: readonly OwnCopy[], copy: OwnCopy, context: SettleContext): Promise<OwnCopy> {
  const bakedMs = ({ marker }: OwnCopy) => Date.parse(marker.bakedAt);
  const newer = others
    .filter(({ state, marker }) => state === 'available' && marker.announcement !== undefined && !isTakenAway(marker))
    .filter(({ marker }) => !isUnapproved(marker))
    .filter((other) => bakedMs(other) > bakedMs(copy))
    .toSorted((one, other) => bakedMs(other) - bakedMs(one));
  for (const other of newer) {
    const flaw = flawOf(other, await context.inventory.snapshotsOf(other.snapshotIds), context);
    if (!flaw || !isContradicted(flaw)) return other;
  }
  return copy;
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

function resultOf(
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
