import {
  FOREIGN_MARK,
  IMAGES_AT_ONCE,
  type AccountImage,
  type AccountImages,
  type ImageReferences,
} from './account-images.ts';
import type { CopySnapshot } from './copy-inventory.ts';
import { MARKER, parseMarker, type CopyEnd, type CopyMarker } from './copy-marker.ts';
import type { EndedSources } from './ended-sources.ts';
import { asError } from './errors.ts';
import type { ImageParameters } from './image-parameters.ts';
import {
  keepReasons,
  knownTo,
  snapshotIdsFor,
  type AccountView,
  type KeepReason,
  type KeepRules,
  type KnownImage,
} from './keep-reasons.ts';
import { isCopyOf, snapshotIdsOf } from './ownership.ts';
import { DAY_MS } from './retention.ts';
import type { EndReason, RetirementResult, RetirementResults } from './retirement-results.ts';

export interface RetireContext extends KeepRules {
  readonly region: string;
  readonly images: AccountImages;
  readonly references: ImageReferences;
  readonly parameters: ImageParameters;
  readonly ended: EndedSources;
  readonly results: RetirementResults;
  readonly nowMs: () => number;
}

/** What became of an image. */
export interface RetirementOutcome {
  /** `gone`: there is no such image. `putOff`: a call failed; the image is as it was, or one step on. */
  readonly outcome: 'quarantined' | 'retired' | 'kept' | 'restored' | 'gone' | 'putOff';
  readonly image: string;
  readonly sourceImage?: string;
  readonly recipe?: string;
  /** Why it is kept, or was restored. */
  readonly reasons?: readonly EndReason[];
  readonly quarantineUntil?: string;
  /** Snapshots of a removed image that EC2 has not deleted. */
  readonly remainingSnapshots?: readonly string[];
  readonly error?: Error;
  /** Nobody could be told, though it is done. */
  readonly untold?: Error;
}

/** An image that is to go, and how. */
export interface Retirement {
  readonly imageId: string;
  readonly quarantineDays: number;
  /** Whether somebody asks for it now: then it goes as soon as nothing uses it any more, and is told why it stays. */
  readonly isAsked: boolean;
}

/**
 * Takes each of the images one step on, as far as nothing speaks against it at that moment: into quarantine, and out of the account once
 * that is over. An image that is used again while it is in quarantine is launchable again. It may end anywhere, and be called any number
 * of times: what it has done, it finds in the images.
 * @param untilMs no ten images are begun after it, in milliseconds since 1970; those that remain are left out
 */
export async function retireImages(
  retirements: readonly Retirement[],
  context: RetireContext,
  untilMs: number,
): Promise<RetirementOutcome[]> {
  const outcomes: RetirementOutcome[] = [];
  for (let start = 0; start < retirements.length && context.nowMs() < untilMs; start += IMAGES_AT_ONCE) {
    outcomes.push(...(await retireSome(retirements.slice(start, start + IMAGES_AT_ONCE), context)));
  }
  return outcomes;
}

/** The images of this account that an id names: the image itself, or the copies of a source image. */
export function imagesNamed(id: string, images: readonly AccountImage[], rules: KeepRules): KnownImage[] {
  const known = images.map((image) => knownTo(image, rules));
  const itself = known.filter(({ image }) => image.imageId === id);
  return itself.length > 0 ? itself : known.filter(({ ownership }) => isCopyOf(ownership, id));
}

async function retireSome(retirements: readonly Retirement[], context: RetireContext): Promise<RetirementOutcome[]> {
  try {
    return await takeSteps(retirements, context);
  } catch (error) {
    return retirements.map(({ imageId }) => ({ outcome: 'putOff', image: imageId, error: asError(error) }));
  }
}

async function takeSteps(retirements: readonly Retirement[], context: RetireContext): Promise<RetirementOutcome[]> {
  const first = await inTurn(retirements, context, takeStep);
  const disabled = retirements.filter((_, index) => first[index] === 'disabled');
  // What began to use an image while it was being disabled is seen now.
  const second = disabled.length > 0 ? await inTurn(disabled, context, finishStep) : [];
  return first
    .map((outcome) => (outcome === 'disabled' ? second.shift() : outcome))
    .filter((outcome) => outcome !== undefined && outcome !== 'disabled');
}

/** An image with what speaks against its end. */
interface Subject extends KnownImage {
  readonly reasons: readonly KeepReason[];
  /** Those of its snapshots that are marked as this copier's: the role may change and delete no others. */
  readonly ownSnapshotIds: readonly string[];
}

type Step = (subject: Subject, how: Retirement, context: RetireContext) => Promise<StepOutcome>;
type StepOutcome = RetirementOutcome | 'disabled';

/** Reads what uses the images, and takes a step with each. An error with one does not hold up the others. */
async function inTurn(retirements: readonly Retirement[], context: RetireContext, step: Step): Promise<StepOutcome[]> {
  const view = await readView(
    retirements.map(({ imageId }) => imageId),
    context,
  );
  const outcomes: StepOutcome[] = [];
  for (const how of retirements) {
    const image = view.images.find(({ imageId }) => imageId === how.imageId);
    if (!image) {
      outcomes.push({ outcome: 'gone', image: how.imageId });
      continue;
    }
    const known = knownTo(image, context);
    const reasons = keepReasons(known, view, context, context.nowMs());
    try {
      const ownSnapshotIds = ownSnapshots(image, view.snapshots, context);
      outcomes.push(await step({ ...known, reasons, ownSnapshotIds }, how, context));
    } catch (error) {
      outcomes.push({ outcome: 'putOff', ...about(known), error: asError(error) });
    }
  }
  return outcomes;
}

/** The snapshots of an image that are marked as this copier's. */
function ownSnapshots(
  image: AccountImage,
  snapshots: readonly CopySnapshot[],
  { copier }: Pick<KeepRules, 'copier'>,
): string[] {
  const ids = snapshotIdsOf(image);
  const isMarked = ({ tags }: CopySnapshot) =>
    tags.some(({ key, value }) => key === MARKER && parseMarker(value, copier) !== undefined);
  return snapshots
    .filter((snapshot) => ids.includes(snapshot.snapshotId) && isMarked(snapshot))
    .map(({ snapshotId }) => snapshotId);
}

async function readView(
  imageIds: readonly string[],
  context: RetireContext,
): Promise<AccountView & { readonly snapshots: readonly CopySnapshot[] }> {
  const { references, parameters } = context;
  const images = await context.images.list();
  return {
    images,
    snapshots: await context.images.snapshotsOf(snapshotIdsFor(imageIds, images, context)),
    parameters: await parameters.list(),
    // Last, so that it is as fresh as it can be when the step is taken.
    found: await references.find(imageIds),
  };
}

const takeStep: Step = async (subject, how, context) => {
  const { reasons, end, image } = subject;
  if (end?.state === 'retired') return await goOn(subject, how, context);
  if (reasons.length > 0) {
    if (how.isAsked && reasons.every(({ kind }) => kind !== 'never')) await markAsked(subject, how, context);
    return await keep(subject, how, context);
  }
  // A revoked image has been disabled since, so that it needs no quarantine.
  if (end?.state === 'revoked' && image.state === 'disabled') return await removeRevoked(subject, context);
  // One that is not disabled yet, whoever revokes it, can be launched until it is.
  if (end?.state !== 'revoked') await markRetired(subject, how.quarantineDays, context);
  if (image.state === 'available') await context.images.disable(image.imageId);
  return 'disabled';
};

async function markRetired(subject: Subject, quarantineDays: number, context: RetireContext): Promise<void> {
  await mark(subject, { state: 'retired', at: new Date(context.nowMs()).toISOString(), quarantineDays }, context);
}

/** Marked first: whoever ends in between is followed by one that goes on, and what is left of its snapshots is found by it. */
async function removeRevoked(subject: Subject, context: RetireContext): Promise<RetirementOutcome> {
  await markRetired(subject, 0, context);
  return await remove(subject, context);
}

/** With an image that is in quarantine already, or was on its way there. */
const goOn: Step = async (subject, how, context) => {
  const { image, reasons } = subject;
  if (isUsed(subject)) return await restoreUsed(subject, context);
  if (image.state === 'available' && reasons.length === 0) {
    await context.images.disable(image.imageId);
    return 'disabled';
  }
  const dueMs = quarantineEndMs(subject, how);
  if (context.nowMs() < dueMs) return quarantined(subject, dueMs);
  return reasons.length > 0 ? await keep(subject, how, context) : await remove(subject, context);
};

/** With an image that was marked and disabled a moment ago. EC2 may not show that yet: taken as it is shown, it would be due at once. */
const finishStep: Step = async (shown, how, context) => {
  if (shown.end?.state === 'revoked') {
    return shown.reasons.length > 0 ? await keep(shown, how, context) : await removeRevoked(shown, context);
  }
  const { quarantineDays } = how;
  const marked: CopyEnd = { state: 'retired', at: new Date(context.nowMs()).toISOString(), quarantineDays };
  const subject: Subject = {
    ...shown,
    image: { ...shown.image, state: 'disabled' },
    end: shown.end?.state === 'retired' ? shown.end : marked,
  };
  if (isUsed(subject)) return await restoreUsed(subject, context);
  const dueMs = quarantineEndMs(subject, how);
  if (context.nowMs() >= dueMs && subject.reasons.length === 0) return await remove(subject, context);
  const outcome = quarantined(subject, dueMs);
  const { quarantineUntil } = outcome;
  return { ...outcome, ...(await tell('Image Quarantined', subject, { quarantineUntil }, context)) };
};

function isUsed({ reasons }: Subject): boolean {
  return reasons.some(({ kind }) => kind === 'use');
}

function quarantineEndMs({ end }: KnownImage, { quarantineDays }: Retirement): number {
  return end ? Date.parse(end.at) + (end.quarantineDays ?? quarantineDays) * DAY_MS : 0;
}

function quarantined(subject: Subject, dueMs: number): RetirementOutcome & { readonly quarantineUntil: string } {
  return { outcome: 'quarantined', ...about(subject), quarantineUntil: new Date(dueMs).toISOString() };
}

async function keep(subject: Subject, { isAsked }: Retirement, context: RetireContext): Promise<RetirementOutcome> {
  const reasons = named(subject.reasons);
  const told = isAsked && (await tell('Image Kept', subject, { reasons }, context));
  return { outcome: 'kept', ...about(subject), reasons, ...told };
}

async function restoreUsed(subject: Subject, context: RetireContext): Promise<RetirementOutcome> {
  return await restore(
    subject,
    subject.reasons.filter(({ kind }) => kind === 'use'),
    context,
  );
}

/** Makes images launchable again that were retired, and takes back that they are to go. */
export async function restoreImages(imageIds: readonly string[], context: RetireContext): Promise<RetirementOutcome[]> {
  const images = await context.images.list();
  const outcomes: RetirementOutcome[] = [];
  for (const id of imageIds) {
    const named = imagesNamed(id, images, context);
    if (named.length === 0) outcomes.push({ outcome: 'gone', image: id });
    // Asked for by its source, it may be made again: that is what the request after it asks for.
    const noted = await context.ended.find(id);
    if (noted?.kind === 'retired') await context.ended.forget(id);
    const snapshots = await context.images.snapshotsOf(named.flatMap(({ image }) => snapshotIdsOf(image)));
    for (const known of named) {
      const ownSnapshotIds = ownSnapshots(known.image, snapshots, context);
      outcomes.push(await restore({ ...known, ownSnapshotIds }, [], context));
    }
  }
  return outcomes;
}

type Restorable = KnownImage & Pick<Subject, 'ownSnapshotIds'>;

/** First it can be launched again, then it says so: whoever ends in between is followed by one that goes on. */
async function restore(
  subject: Restorable,
  reasons: readonly EndReason[],
  context: RetireContext,
): Promise<RetirementOutcome> {
  const { image, ownership, end } = subject;
  if (end === undefined) return { outcome: 'kept', ...about(subject), reasons: [NOT_RETIRED] };
  const noted = ownership.kind === 'ours' ? await context.ended.find(ownership.sourceImageId) : undefined;
  if (end.state === 'revoked' || noted?.kind === 'revoked') {
    const revoked: CopyEnd = { state: 'revoked', at: noted?.at ?? end.at };
    if (end.state === 'retired') await mark(subject, revoked, context);
    return { outcome: 'kept', ...about(subject), reasons: [REVOKED] };
  }
  if (image.state === 'disabled') await context.images.enable(image.imageId);
  await mark(subject, undefined, context);
  const told = await tell('Image Restored', subject, { reasons: named(reasons) }, context);
  return { outcome: 'restored', ...about(subject), reasons: named(reasons), ...told };
}

const NOT_RETIRED: EndReason = { code: 'NotRetired', message: 'It is not retired, and nobody asked for that.' };
const REVOKED: EndReason = {
  code: 'Revoked',
  message: 'Its source image is revoked. Only the source account can undo that.',
};

async function remove(known: KnownImage, context: RetireContext): Promise<RetirementOutcome> {
  const { images, ended, nowMs } = context;
  const { image, ownership } = known;
  if (ownership.kind === 'ours') {
    // Before it is gone: nothing else keeps a late request from making it again.
    const { sourceImageId } = ownership;
    const noted = await ended.find(sourceImageId);
    const at = new Date(nowMs()).toISOString();
    const reason = `Its copy ${image.imageId} was retired.`;
    if (noted?.kind !== 'revoked') await ended.note(sourceImageId, { kind: 'retired', at, reason });
  }
  const deletions = await images.deregister(image.imageId);
  const remainingSnapshots: string[] = [];
  for (const { snapshotId, code } of deletions) {
    if (code === 'success' || code === 'skipped') continue;
    // The image is gone: what stays of it, the next sweep finds by its mark.
    const isGone = await images.deleteSnapshot(snapshotId).catch(() => false);
    if (!isGone) remainingSnapshots.push(snapshotId);
  }
  const told = await tell('Image Retired', known, { remainingSnapshots }, context);
  return {
    outcome: 'retired',
    ...about(known),
    ...(remainingSnapshots.length > 0 && { remainingSnapshots }),
    ...told,
  };
}

async function markAsked(known: KnownImage, { quarantineDays }: Retirement, context: RetireContext): Promise<void> {
  const { ownership, end } = known;
  if (ownership.kind !== 'ours' || end?.state === 'asked' || end?.state === 'revoked') return;
  if (ownership.marker.announcement?.state !== 'announced') return;
  const asked: CopyEnd = { state: 'asked', at: new Date(context.nowMs()).toISOString(), quarantineDays };
  await context.images.mark(known.image.imageId, [], { ...ownership.marker, end: asked });
}

/** Notes the end of an image on it, and on its snapshots where they are the copier's own; or takes the note away. */
async function mark(subject: Restorable, end: CopyEnd | undefined, context: RetireContext): Promise<void> {
  const { image, ownership, ownSnapshotIds } = subject;
  if (ownership.kind !== 'ours') {
    const isMarked = await context.images.markForeign(image.imageId, end && { ...end, state: 'retired' as const });
    if (end && !isMarked)
      throw new Error(`${image.imageId} has no room for one more tag, ${FOREIGN_MARK}. Remove one.`);
    return;
  }
  await context.images.mark(image.imageId, ownSnapshotIds, withEnd(ownership.marker, end));
}

export function withEnd(marker: CopyMarker, end: CopyEnd | undefined): CopyMarker {
  const changed: { -readonly [Field in keyof CopyMarker]: CopyMarker[Field] } = { ...marker };
  delete changed.end;
  return end ? { ...changed, end } : changed;
}

function about({ image, ownership, recipe }: KnownImage): Pick<RetirementOutcome, 'image' | 'sourceImage' | 'recipe'> {
  return {
    image: image.imageId,
    ...(ownership.kind !== 'none' && { sourceImage: ownership.sourceImageId }),
    ...(recipe !== undefined && { recipe }),
  };
}

/** It is done, whether anybody hears of it or not: an image that is gone cannot be told of again. */
async function tell(
  kind: RetirementResult['kind'],
  { image, ownership, recipe }: KnownImage,
  details: Partial<Pick<RetirementResult, 'reasons' | 'quarantineUntil' | 'remainingSnapshots'>>,
  { results, nowMs }: RetireContext,
): Promise<Pick<RetirementOutcome, 'untold'>> {
  const isCopy = ownership.kind !== 'none';
  try {
    await results.tell({
      kind,
      imageId: image.imageId,
      sourceAmi: isCopy ? ownership.sourceImageId : null,
      sourceRegion: isCopy ? (ownership.sourceRegion ?? null) : null,
      name: image.name,
      recipe: recipe ?? null,
      reasons: [],
      quarantineUntil: null,
      remainingSnapshots: [],
      at: new Date(nowMs()).toISOString(),
      ...details,
    });
    return {};
  } catch (error) {
    return { untold: asError(error) };
  }
}

function named(reasons: readonly EndReason[]): EndReason[] {
  return reasons.map(({ code, message }) => ({ code, message }));
}
