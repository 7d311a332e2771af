import { judge, requirement, type Verdict } from './approval.ts';
import type { Batch } from './batch.ts';
import type { CopyInventory, CopySnapshot, OwnCopy } from './copy-inventory.ts';
import { formatMarker, isAnnounced, isUnapproved, MARKER, parseMarker, type Announcement } from './copy-marker.ts';
import type { Tag } from './copy-request.ts';
import type { CopyResult } from './copy-results.ts';
import { decide, flawOf, identityTags, mark, resultOf } from './copy-steps.ts';
import { snapshotTags } from './copy-tags.ts';
import { asError, RetryableError, UncertainError } from './errors.ts';
import type { SourceImage, SourceImages } from './image-catalogue.ts';
import { recipeParameter, type RecipeParameter } from './image-parameters.ts';
import { updateParameters } from './recipe-parameters.ts';
import type { SettleContext, SettleOutcome } from './settle-context.ts';

interface Judged {
  readonly copy: OwnCopy;
  readonly wanted: RecipeParameter;
  /** On the approval of its source image, where that decides about its parameter. */
  readonly verdict?: Verdict;
  /** Whether it was announced before, and its source image is approved only now. */
  readonly isKnown: boolean;
}

interface Verified extends Judged {
  readonly snapshots: readonly CopySnapshot[];
  readonly unencryptedDevices: readonly string[];
}

interface Decided extends Verified {
  readonly announcement: Announcement;
}

interface Repaired extends Decided {
  readonly repairedSnapshots: readonly string[];
  /** What its source image lacks for its parameter to point to it. */
  readonly withheld: string | undefined;
}

interface Pointed extends Repaired {
  /** For the log. */
  readonly parameter: string;
}

interface Deprecated extends Pointed {
  readonly deprecation: Pick<SettleOutcome, 'deprecatesAt' | 'notDeprecated'>;
}

/** Whether a copy can be launched and is announced, and no parameter points to it since its source image is not approved. */
export function waitsForApproval({ state, marker }: OwnCopy): boolean {
  return state === 'available' && isAnnounced(marker) && isUnapproved(marker);
}

/**
 * Verifies copies that are available, points their recipes' parameters to them and announces them. Those that {@link waitsForApproval} were
 * announced: their parameters follow once their source images are approved, and everybody is told, with the same facts as before.
 *
 * What can be asked for all at once is asked once. What is about one copy goes on for several at the same time; the copies of one recipe are
 * announced one after the other, those of the oldest images first.
 */
export async function settleAvailable(
  copies: readonly OwnCopy[],
  batch: Batch,
  context: SettleContext,
  verdicts: ReadonlyMap<string, Verdict> = new Map(),
): Promise<void> {
  const judged = await judgeAll(copies, batch, context, verdicts);
  const verified = await batch.together(judged, (items) => verifyAll(items, batch, context));
  // Decided with the announcement: should that be made twice, both say the same.
  const decided = await batch.each(verified, async (item): Promise<Decided> => {
    return { ...item, announcement: await decide(item.copy, context, item.verdict) };
  });
  // After the mark: a revocation that comes later finds a copy that is being announced, and looks at its parameter again.
  const lasting = await batch.together(decided, (items) => withoutRevoked(items, batch, context));
  const repaired = await batch.each(lasting, async (item): Promise<Repaired> => {
    const isWithheld = !item.isKnown && item.announcement.unapproved === true;
    const withheld = isWithheld ? requirement(item.copy, context.gate) : undefined;
    return { ...item, withheld, repairedSnapshots: item.isKnown ? [] : await repairTags(item, context.inventory) };
  });
  const pointed = await batch.together(repaired, (items) => pointParameters(items, batch, context));
  const deprecated = await deprecateAll(pointed, batch, context);
  await announceAll(deprecated, batch, context);
}

/** Those that go on. Without a gate each source image is approved. */
async function judgeAll(
  copies: readonly OwnCopy[],
  batch: Batch,
  context: SettleContext,
  known: ReadonlyMap<string, Verdict>,
): Promise<Judged[]> {
  const { gate } = context;
  const items = copies.map((copy) => {
    const wanted = recipeParameter(copy.tags, context);
    const isKnown = isAnnounced(copy.marker);
    return { copy, wanted, isKnown, isJudged: isKnown || (!copy.marker.announcement && 'name' in wanted) };
  });
  const asked = items.flatMap(({ copy, isJudged }) => (isJudged && !known.has(copy.imageId) ? [copy] : []));
  const read = gate && asked.length > 0 ? await judge(asked, gate) : undefined;
  return items.flatMap(({ isJudged, ...item }): Judged[] => {
    const { copy, isKnown } = item;
    if (!isJudged) return [item];
    const verdict = known.get(copy.imageId) ?? read?.get(copy.imageId) ?? { isApproved: true };
    if (!isKnown || verdict.isApproved) return [{ ...item, verdict }];
    batch.end(copy, { kind: 'unapproved', reason: requirement(copy, gate), ...detailsOf(verdict) });
    return [];
  });
}

function detailsOf(verdict: Verdict | undefined): Pick<SettleOutcome, 'sourceSeen' | 'approvalError'> {
  if (!verdict || verdict.isApproved) return {};
  const { error, sourceSeen } = verdict;
  return error ? { approvalError: error } : { sourceSeen };
}

/** Those whose snapshots are all under the key. */
async function verifyAll(items: readonly Judged[], batch: Batch, context: SettleContext): Promise<Verified[]> {
  const { inventory } = context;
  const shown = await inventory.snapshotsOf(items.flatMap(({ copy }) => copy.snapshotIds));
  const sound = items.flatMap((item) => {
    const snapshots = shown.filter(({ snapshotId }) => item.copy.snapshotIds.includes(snapshotId));
    const flaw = flawOf(item.copy, snapshots, context);
    if (!flaw) return [{ ...item, snapshots }];
    batch.end(item.copy, { kind: 'unverified', reason: flaw.reason });
    return [];
  });
  // The account's default is asked for only where it decides.
  const hasBlanks = sound.some(({ copy }) => copy.unencryptedBlanks.length > 0);
  const isEncrypting = hasBlanks && (await inventory.encryptsByDefault());
  return sound.map((item) => ({ ...item, unencryptedDevices: isEncrypting ? [] : item.copy.unencryptedBlanks }));
}

/** Those whose source images were not revoked. What was not announced yet is taken away here; from the others retire-image takes the parameter. */
async function withoutRevoked(
  items: readonly Decided[],
  batch: Batch,
  { ended, inventory }: SettleContext,
): Promise<Decided[]> {
  const ends = await ended.findAll([...new Set(items.map(({ copy }) => copy.sourceImageId))]);
  return await batch.each(items, async (item) => {
    const { copy, announcement, isKnown } = item;
    const end = ends.get(copy.sourceImageId);
    if (end instanceof Error) throw end;
    if (end?.kind !== 'revoked') return item;
    if (isKnown) {
      batch.end(copy, { kind: 'known' });
      return undefined;
    }
    await inventory.mark(copy.imageId, { ...copy.marker, announcement, end: { state: 'revoked', at: end.at } });
    await inventory.disable(copy.imageId);
    batch.end(copy, { kind: 'revoked', reason: end.reason });
    return undefined;
  });
}

/**
 * Gives snapshots the tags that they lack. What is repaired is marked as announced: the role may mark nothing else, so that it
 * cannot make a snapshot of somebody else's one that it may delete.
 */
async function repairTags(
  { copy, snapshots, announcement: { settledAt } }: Decided,
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

function hasTag(tags: readonly Tag[], { key, value }: Tag): boolean {
  return tags.some((tag) => tag.key === key && tag.value === value);
}

/** Those whose parameters are as they should be, and those that have none. */
async function pointParameters(items: readonly Repaired[], batch: Batch, context: SettleContext): Promise<Pointed[]> {
  const lines = await updateParameters(
    items.flatMap(({ copy, withheld }) => (withheld === undefined ? [copy] : [])),
    context,
  );
  return items.flatMap((item): Pointed[] => {
    const line = lines.get(item.copy.imageId);
    if (line instanceof Error) {
      batch.end(item.copy, line);
      return [];
    }
    const reason = item.withheld ?? ('reason' in item.wanted ? item.wanted.reason : '');
    return [{ ...item, parameter: line ?? `none: ${reason}` }];
  });
}

/** EC2 API Reference, EnableImageDeprecation: no time in the past, and EC2 rounds to the minute. */
const SOONEST_DEPRECATION_MS = 60_000;

/**
 * Has copies deprecated when their source images are. Those are asked here and once, and not when a copy is started: among the
 * parameters of CopyImage a time that is changed between two deliveries would make EC2 refuse their token. What may work later
 * puts a copy off, so that the sweep comes back to it; what will not holds no copy up.
 */
async function deprecateAll(
  items: readonly Pointed[],
  batch: Batch,
  { sources, inventory, nowMs }: SettleContext,
): Promise<Deprecated[]> {
  // One has it by an earlier try, or by somebody who wants another time.
  const open = items.filter(({ copy, isKnown }) => !isKnown && copy.deprecatesAt === undefined);
  const seen =
    sources &&
    (await readSources(
      open.map(({ copy }) => copy),
      sources,
    ));
  return await batch.each(items, async (item): Promise<Deprecated> => {
    const { copy, isKnown } = item;
    if (!seen || isKnown) return { ...item, deprecation: {} };
    if (copy.deprecatesAt !== undefined) return { ...item, deprecation: { deprecatesAt: copy.deprecatesAt } };
    try {
      const source = seen.get(copy.sourceRegion);
      if (source instanceof Error) throw source;
      const wanted = source?.get(copy.sourceImageId)?.deprecatesAt;
      if (wanted === undefined) return { ...item, deprecation: {} };
      const deprecatesAt = new Date(Math.max(Date.parse(wanted), nowMs() + SOONEST_DEPRECATION_MS)).toISOString();
      await inventory.deprecate(copy.imageId, deprecatesAt);
      return { ...item, deprecation: { deprecatesAt } };
    } catch (error) {
      if (error instanceof RetryableError && !(error instanceof UncertainError)) throw error;
      return { ...item, deprecation: { notDeprecated: asError(error).message } };
    }
  });
}

type SourcesByRegion = ReadonlyMap<string, ReadonlyMap<string, SourceImage> | Error>;

/** The source images of copies, by Region, or why they cannot be read. */
async function readSources(copies: readonly OwnCopy[], sources: SourceImages): Promise<SourcesByRegion> {
  const regions = new Set(copies.map(({ sourceRegion }) => sourceRegion));
  const read = async (region: string) => {
    const inRegion = copies.filter(({ sourceRegion }) => sourceRegion === region);
    const ids = new Set(inRegion.map(({ sourceImageId }) => sourceImageId));
    return [region, await sources.findSources([...ids], region).catch(asError)] as const;
  };
  return new Map(await Promise.all(Array.from(regions, read)));
}

/** Announces copies, those of one recipe one after the other, and notes that last. */
async function announceAll(items: readonly Deprecated[], batch: Batch, context: SettleContext): Promise<void> {
  const lines = new Map<string, Deprecated[]>();
  for (const item of items) {
    const line = 'name' in item.wanted ? item.wanted.name : item.copy.imageId;
    lines.set(line, [...(lines.get(line) ?? []), item]);
  }
  const inLines = Array.from(lines.values()).flatMap((line) => line.slice(0, 1).map(({ copy }) => ({ copy, line })));
  await batch.each(inLines, async ({ line }) => {
    for (const item of line) await batch.each([item], (one) => announce(one, batch, context));
  });
}

async function announce(item: Deprecated, batch: Batch, context: SettleContext): Promise<void> {
  const { copy, wanted, withheld, announcement, isKnown, verdict, parameter, repairedSnapshots } = item;
  const { unencryptedDevices, deprecation } = item;
  const { inventory, results, nowMs } = context;
  const { settledAt } = announcement;
  const result: CopyResult = {
    ...resultOf(copy, settledAt, context),
    unencryptedDevices,
    parameter: withheld === undefined && 'name' in wanted ? wanted.name : null,
    parameterReason: withheld ?? ('reason' in wanted ? wanted.reason : null),
    reason: null,
  };
  if (isKnown) {
    await results.announceApproval(result);
    await mark(copy, { state: 'announced', settledAt }, inventory);
    batch.end(copy, { kind: 'approved', parameter });
    return;
  }
  await results.announce(result);
  await mark(copy, { ...announcement, state: 'announced' }, inventory);
  batch.end(copy, {
    kind: 'settled',
    parameter,
    ...detailsOf(verdict),
    ...deprecation,
    copySeconds: (nowMs() - Date.parse(copy.createdAt)) / 1000,
    ...(repairedSnapshots.length > 0 && { repairedSnapshots }),
    ...(unencryptedDevices.length > 0 && { unencryptedDevices }),
  });
}
