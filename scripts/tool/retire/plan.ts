import type { AccountImage } from '../../../lambda/src/core/account-images.ts';
import type { KeepReason, KnownImage } from '../../../lambda/src/core/keep-reasons.ts';
import { retentionCandidates, ruleOf } from '../../../lambda/src/core/retention.ts';
import { imagesNamed } from '../../../lambda/src/core/retire-images.ts';
import type { EndReason } from '../../../lambda/src/core/retirement-results.ts';
import type { RetireImageConfig } from '../../../lambda/src/functions/common/retire-configuration.ts';
import {
  findKeepReasons,
  findSizes,
  knownImages,
  listAccountImages,
  readRetirementSettings,
} from '../common/ends-of-images.ts';
import type { Copier } from '../common/environment.ts';
import type { ImageSize } from '../common/image-size.ts';

/** An image that is to go, with all that is known of it before anything is done. */
export interface PlannedImage {
  readonly imageId: string;
  /** By which the user named it, or the image itself. */
  readonly named: string;
  readonly sourceImageId?: string;
  readonly recipe?: string;
  readonly size: ImageSize;
  readonly quarantineDays: number;
  /** Why it stays; nothing if it may go. */
  readonly reasons: readonly EndReason[];
  /** Whether the function has anything to do with it: to take it away, or to note that it is to go. */
  readonly isAsked: boolean;
  /** Whether it was noted before that it is to go. */
  readonly wasAsked: boolean;
}

/** What can be taken away in one account and Region. */
export interface RetirementPlan {
  readonly settings: RetireImageConfig;
  readonly images: readonly PlannedImage[];
}

/** What the retention policy of a copier lets go. */
export interface RetentionPreview extends RetirementPlan {
  /** Copies of each recipe that are announced and can be launched. */
  readonly copies: ReadonlyMap<string, number>;
}

/** Days between the retirement of an image and its removal, where neither the user nor the retention policy says how many. */
const QUARANTINE_DAYS = 7;

/** Looks at the images that the ids name: images of the account, or the copies of source images. */
export async function planRetirement(
  copier: Copier,
  ids: readonly string[],
  quarantineDays: number | undefined,
): Promise<RetirementPlan> {
  const [settings, all] = await Promise.all([readRetirementSettings(copier), listAccountImages(copier)]);
  const named = new Map<string, { known: KnownImage; by: string }>();
  for (const by of ids) {
    for (const known of imagesNamed(by, all, settings)) {
      if (!named.has(known.image.imageId)) named.set(known.image.imageId, { known, by });
    }
  }
  const subjects = Array.from(named.values(), ({ known }) => known);
  const daysOf = ({ recipe = '' }: KnownImage) =>
    quarantineDays ?? (settings.retention ? ruleOf(recipe, settings.retention).quarantineDays : QUARANTINE_DAYS);
  const images = await plannedImages(subjects, all, settings, copier, daysOf);
  return {
    settings,
    images: images.map((image) => ({ ...image, named: named.get(image.imageId)?.by ?? image.imageId })),
  };
}

/** Looks at the copies that the retention policy lets go; undefined if there is none. */
export async function previewRetention(copier: Copier): Promise<RetentionPreview | undefined> {
  const settings = await readRetirementSettings(copier);
  const { retention } = settings;
  if (!retention) return undefined;
  const all = await listAccountImages(copier);
  const candidates = new Map(
    retentionCandidates(all, retention, settings, Date.now()).map(({ imageId, quarantineDays }) => [
      imageId,
      quarantineDays,
    ]),
  );
  const known = knownImages(all, settings);
  const subjects = known.filter(({ image }) => candidates.has(image.imageId));
  const copies = new Map<string, number>();
  for (const { recipe, image, ownership } of known) {
    if (recipe === undefined || image.state !== 'available' || ownership.kind !== 'ours') continue;
    copies.set(recipe, (copies.get(recipe) ?? 0) + 1);
  }
  const daysOf = ({ image }: KnownImage) => candidates.get(image.imageId) ?? QUARANTINE_DAYS;
  return { settings, copies, images: await plannedImages(subjects, all, settings, copier, daysOf) };
}

async function plannedImages(
  subjects: readonly KnownImage[],
  all: readonly AccountImage[],
  settings: RetireImageConfig,
  copier: Copier,
  daysOf: (known: KnownImage) => number,
): Promise<PlannedImage[]> {
  const [reasons, sizes] = await Promise.all([
    findKeepReasons(subjects, all, settings, copier),
    findSizes(
      copier.aws.ec2,
      subjects.map(({ image }) => image),
    ),
  ]);
  return subjects.map((known): PlannedImage => {
    const { image, ownership, recipe, end } = known;
    const { imageId } = image;
    const why = reasons.get(imageId) ?? [];
    return {
      imageId,
      named: imageId,
      ...(ownership.kind !== 'none' && { sourceImageId: ownership.sourceImageId }),
      ...(recipe !== undefined && { recipe }),
      size: sizes.get(imageId) ?? { gib: 0, by: 'full' },
      quarantineDays: end?.quarantineDays ?? daysOf(known),
      reasons: why.map(({ code, message }) => ({ code, message })),
      isAsked: why.length === 0 || end?.state === 'retired' || isNoted(known, why),
      wasAsked: end?.state === 'asked',
    };
  });
}

/** Whether the function notes on an image that it is to go, and takes it away once nothing uses it any more. */
function isNoted({ ownership, end }: KnownImage, reasons: readonly KeepReason[]): boolean {
  if (ownership.kind !== 'ours' || reasons.some(({ kind }) => kind === 'never')) return false;
  return ownership.marker.announcement?.state === 'announced' && (end === undefined || end.state === 'asked');
}
