import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountImage } from '../../../lambda/src/core/account-images.ts';
import { isOver } from '../../../lambda/src/core/ended-sources.ts';
import { SsmEndedSources } from '../../../lambda/src/adapters/ssm-ended-sources.ts';
import { DAY_MS } from '../../../lambda/src/core/retention.ts';
import { imagesNamed } from '../../../lambda/src/core/retire-images.ts';
import type { EndReason } from '../../../lambda/src/core/retirement-results.ts';
import type { RetireImageConfig } from '../../../lambda/src/functions/common/retire-configuration.ts';
import { findKeepReasons, knownImages, listAccountImages, readRetirementSettings } from '../common/ends-of-images.ts';
import type { Copier } from '../common/environment.ts';
import { sendToRetirements } from '../common/retirements-queue.ts';
import type { PlannedImage, RetirementPlan } from './plan.ts';

/** How far the end of an image is, or that it can be launched again. */
export interface ImageProgress {
  readonly state: 'waiting' | 'quarantined' | 'removed' | 'stays' | 'restored';
  /** Why it stays, or what else is to be known. */
  readonly reasons: readonly EndReason[];
  /** When an image in quarantine may be removed, in ISO 8601. */
  readonly quarantineUntil?: string;
}

export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What became of an image, by its id. */
export type Progresses = ReadonlyMap<string, ImageProgress>;

const LOOK_EVERY_MS = 3000;
const WAITING: ImageProgress = { state: 'waiting', reasons: [] };

/** Asks the copier's function to take the images away, and follows by what EC2 shows what becomes of each. */
export async function carryOutRetirement(
  copier: Copier,
  { settings, images }: RetirementPlan,
  patience: Patience,
): Promise<Progresses> {
  const asked = images.filter(({ isAsked }) => isAsked);
  for (const days of new Set(asked.map(({ quarantineDays }) => quarantineDays))) {
    const ids = asked.filter(({ quarantineDays }) => quarantineDays === days).map(({ imageId }) => imageId);
    await sendToRetirements(copier, { retire: { images: ids, quarantineDays: days } });
  }
  const progresses = new Map<string, ImageProgress>(
    images.map((image) => [image.imageId, image.isAsked ? WAITING : { state: 'stays', reasons: image.reasons }]),
  );
  await look(progresses, patience, async () => {
    const all = await listAccountImages(copier);
    for (const planned of asked) progresses.set(planned.imageId, progressOf(planned, all, settings));
    await explain(progresses, all, settings, copier);
  });
  return progresses;
}

function progressOf(planned: PlannedImage, all: readonly AccountImage[], settings: RetireImageConfig): ImageProgress {
  const [known] = knownImages(
    all.filter(({ imageId, state }) => imageId === planned.imageId && state !== 'deregistered'),
    settings,
  );
  if (!known) return { state: 'removed', reasons: [] };
  const { image, end } = known;
  if (end?.state === 'asked' && (planned.reasons.length > 0 || !planned.wasAsked)) {
    return { state: 'stays', reasons: planned.reasons };
  }
  if (end?.state !== 'retired' || image.state !== 'disabled') return WAITING;
  const untilMs = Date.parse(end.at) + (end.quarantineDays ?? 0) * DAY_MS;
  if (untilMs <= Date.now()) return WAITING;
  return { state: 'quarantined', reasons: [], quarantineUntil: new Date(untilMs).toISOString() };
}

/** Finds out why images stay that nothing used when they were looked at before. */
async function explain(
  progresses: Map<string, ImageProgress>,
  all: readonly AccountImage[],
  settings: RetireImageConfig,
  copier: Copier,
): Promise<void> {
  const unexplained = knownImages(all, settings).filter(({ image: { imageId } }) => {
    const { state, reasons = [] } = progresses.get(imageId) ?? {};
    return state === 'stays' && reasons.length === 0;
  });
  for (const [imageId, reasons] of await findKeepReasons(unexplained, all, settings, copier)) {
    progresses.set(imageId, { state: 'stays', reasons });
  }
}

/** An image that is to be launchable again. */
export interface RestorePlan {
  readonly settings: RetireImageConfig;
  /** Those of the images of the account that the ids name. */
  readonly images: readonly { readonly imageId: string; readonly named: string; readonly recipe?: string }[];
  /** Source images whose copies were removed, so that none is made again. */
  readonly removed: readonly string[];
}

/** Looks for the images that the ids name, and for what is noted of those that are gone. */
export async function planRestore(copier: Copier, ids: readonly string[]): Promise<RestorePlan> {
  const [settings, all] = await Promise.all([readRetirementSettings(copier), listAccountImages(copier)]);
  const ended = new SsmEndedSources(copier.aws.ssm, copier.name);
  const images = new Map<string, RestorePlan['images'][number]>();
  const removed: string[] = [];
  for (const named of ids) {
    const found = imagesNamed(named, all, settings);
    for (const { image, recipe } of found) {
      images.set(image.imageId, { imageId: image.imageId, named, ...(recipe !== undefined && { recipe }) });
    }
    if (found.length === 0 && isOver(await ended.find(named))) removed.push(named);
  }
  return { settings, images: [...images.values()], removed };
}

/** Asks the copier's function to restore the images, and waits until EC2 shows each as one that can be launched. */
export async function carryOutRestore(
  copier: Copier,
  { settings, images, removed }: RestorePlan,
  patience: Patience,
): Promise<Progresses> {
  const ended = new SsmEndedSources(copier.aws.ssm, copier.name);
  const names = Array.from(new Set([...images.map(({ named }) => named), ...removed]));
  if (names.length > 0) await sendToRetirements(copier, { restore: { images: names } });
  const progresses = new Map<string, ImageProgress>(
    [...images.map(({ imageId }) => imageId), ...removed].map((id) => [id, WAITING]),
  );
  await look(progresses, patience, async () => {
    const all = knownImages(await listAccountImages(copier), settings);
    for (const { imageId } of images) {
      const known = all.find(({ image }) => image.imageId === imageId);
      progresses.set(imageId, known ? restoredOf(known) : { state: 'removed', reasons: [GONE] });
    }
    for (const id of removed) {
      const noted = await ended.find(id);
      if (noted?.kind === 'revoked') progresses.set(id, { state: 'stays', reasons: [REVOKED] });
      else if (noted === undefined) progresses.set(id, { state: 'removed', reasons: [ASK_AGAIN] });
    }
  });
  return progresses;
}

function restoredOf({ image, end }: ReturnType<typeof knownImages>[number]): ImageProgress {
  if (end?.state === 'revoked') return { state: 'stays', reasons: [REVOKED] };
  if (end === undefined && image.state === 'available') return { state: 'restored', reasons: [] };
  if (end === undefined && image.state === 'disabled') return { state: 'stays', reasons: [NOT_DISABLED_BY_US] };
  return WAITING;
}

const REVOKED = { code: 'Revoked', message: 'Its source image is revoked. Only the source account can undo that.' };
const GONE = { code: 'Gone', message: 'It is gone.' };
const ASK_AGAIN = {
  code: 'Removed',
  message: 'Its copy is removed. It is made again if the account is asked for it.',
};
const NOT_DISABLED_BY_US = {
  code: 'NotRetired',
  message: 'This copier has not disabled it. Enable it by hand: aws ec2 enable-image.',
};

/** Looks again and again until each image is decided, the time is over, or the user stops it. */
async function look(
  progresses: ReadonlyMap<string, ImageProgress>,
  { timeoutMs, signal }: Patience,
  once: () => Promise<void>,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  const isWaiting = () => [...progresses.values()].some(({ state }) => state === 'waiting');
  while (isWaiting() && !signal.aborted) {
    await once();
    if (!isWaiting() || performance.now() >= end) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
