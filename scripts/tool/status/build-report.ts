import { noParameterReason, type ParameterNames } from '../../../lambda/src/core/image-parameters.ts';
import type { Outcome } from '../common/in-environments.ts';
import { imageFor, newestFirst, wantedImages } from '../common/wanted-images.ts';
import { channelsOf } from './channels.ts';
import type { CopierFacts } from './copier-facts.ts';
import { endedCopies, storageOf } from './ended-copies.ts';
import type { Cell, CopyFact, Row, SourceImageFact, StatusReport } from './report.ts';

export interface SourceImage extends SourceImageFact {
  readonly recipe: string | undefined;
}

/** The accounts that an image is shared with, or that it is shared with everybody or an organization. */
export type SharedWith = readonly string[] | 'many';

export interface ReportInput {
  readonly readAt: string;
  readonly outcomes: readonly Outcome<CopierFacts>[];
  /** Of the source account; undefined where it was not read. */
  readonly sources: readonly SourceImage[] | undefined;
  /** By image, as far as it was asked for. */
  readonly sharedWith: ReadonlyMap<string, SharedWith>;
  readonly rows: 'recipes' | 'images';
}

/** The matrix of recipes, or of images, by accounts. Nothing is asked for: all is in the input. */
export function buildReport({ readAt, outcomes, sources, sharedWith, rows }: ReportInput): StatusReport {
  const known = sources ?? sourcesOfCopies(outcomes);
  const recipes = Array.from(byRecipe(known), ([recipe, images]) => ({ recipe, images, wanted: wantedImages(images) }));
  const ownRegions = new Map(recipes.map(({ recipe, wanted }) => [recipe, wanted.map(({ region }) => region)]));
  const groups: Group[] =
    rows === 'recipes'
      ? recipes
          .sort((one, other) => (one.recipe < other.recipe ? -1 : 1))
          .map(({ images, wanted }) => ({ images: wanted, all: images, ownRegions: [] }))
      : known
          .toSorted(newestFirst)
          .map((image) => ({ images: [image], all: [image], ownRegions: ownRegions.get(image.recipe ?? '') ?? [] }));
  const ended = endedCopies(outcomes);
  const channels = channelsOf(outcomes);
  const storage = storageOf(outcomes);
  return {
    readAt,
    ...(ended.length > 0 && { ended }),
    ...(channels.length > 0 && { channels }),
    ...(storage.length > 0 && { storage }),
    columns: outcomes.map(({ copier: { accountId, account, region, labels } }) => ({
      accountId,
      account,
      region,
      labels,
    })),
    rows: groups.map((group) => rowOf(group, rows, outcomes, sharedWith)),
  };
}

/** What a row is about. */
interface Group {
  /** Those that are wanted, as {@link wantedImages} has them, or the one image of the row. */
  readonly images: readonly SourceImage[];
  /** All whose copies count. */
  readonly all: readonly SourceImage[];
  /** The Regions with images of the recipe of their own, which need none of another Region. */
  readonly ownRegions: readonly string[];
}

/** The images of which some account has no copy: for these it is worth to ask who they are shared with. */
export function imagesWithGaps({ rows, columns }: StatusReport): SourceImageFact[] {
  const lacking = rows.flatMap(({ images, cells }) =>
    cells.flatMap(({ state }, index) =>
      state === 'missing' || state === 'stale' ? (imageFor(images, columns[index]?.region) ?? []) : [],
    ),
  );
  return Array.from(new Set(lacking));
}

/** Without the source account, what its copies say of it. An image that nobody has copied is not known then. */
function sourcesOfCopies(outcomes: readonly Outcome<CopierFacts>[]): SourceImage[] {
  const found = new Map<string, SourceImage>();
  for (const outcome of outcomes) {
    if (!('value' in outcome)) continue;
    for (const { fact, recipe, end, sourceRegion: region = outcome.copier.region } of outcome.value.copies) {
      // Nobody is to have a copy of what was taken away.
      if (end && end.state !== 'asked') continue;
      const { sourceImageId, bakedAt } = fact;
      found.set(sourceImageId, { imageId: sourceImageId, region, name: '', bakedAt, recipe });
    }
  }
  return [...found.values()];
}

function byRecipe(images: readonly SourceImage[]): Map<string, SourceImage[]> {
  const recipes = new Map<string, SourceImage[]>();
  for (const image of images) {
    if (image.recipe !== undefined) recipes.set(image.recipe, [...(recipes.get(image.recipe) ?? []), image]);
  }
  return recipes;
}

function rowOf(
  group: Group,
  rows: ReportInput['rows'],
  outcomes: readonly Outcome<CopierFacts>[],
  sharedWith: ReadonlyMap<string, SharedWith>,
): Row {
  const { images, all, ownRegions } = group;
  const [{ imageId, recipe } = { imageId: '', recipe: undefined }] = images;
  // A Region that has its own may have been asked for a newer one of another Region.
  const counting = new Map(images.map((image) => [image, idsSince(all, image)]));
  return {
    title: rows === 'recipes' ? (recipe ?? imageId) : imageId,
    ...(recipe !== undefined && { recipe }),
    images: images.map(({ imageId: id, region, name, bakedAt }) => ({ imageId: id, region, name, bakedAt })),
    cells: outcomes.map((outcome) => {
      const { region, accountId } = outcome.copier;
      const newest = imageFor(images, region);
      if (!newest) return { state: 'not wanted' };
      const isWanted = newest.region === region || !ownRegions.includes(region);
      if (!('value' in outcome)) {
        return isWanted ? { state: 'unknown', reason: outcome.problem } : { state: 'not wanted' };
      }
      const counted = counting.get(newest) ?? new Set();
      const cell = cellOf(newest, counted, outcome.value, rows === 'recipes', outcome.copier);
      if (!isWanted && cell.state === 'missing') return { state: 'not wanted' };
      const isShared = isSharedWith(accountId, sharedWith.get(newest.imageId));
      if (isShared || (cell.state !== 'missing' && cell.state !== 'stale')) return cell;
      return cell.state === 'stale' ? { ...cell, reason: NOT_SHARED } : { state: 'not shared' };
    }),
  };
}

/** The ids of an image, and of those that were baked with it or after it. */
function idsSince(all: readonly SourceImage[], { bakedAt }: SourceImage): Set<string> {
  const since = Date.parse(bakedAt);
  return new Set(all.filter((image) => Date.parse(image.bakedAt) >= since).map(({ imageId }) => imageId));
}

/** Whether an account lacks the newest image because it is not shared with it. */
export function isNotShared({ state, reason }: Cell): boolean {
  return state === 'not shared' || (state === 'stale' && reason === NOT_SHARED);
}

const NOT_SHARED = 'The newest image is not shared with the account.';
const IN_SETTLING = 'EC2 has copied it; it is not verified and announced yet.';

function unencryptedVolumes({ unencryptedDevices = [] }: CopyFact): string | undefined {
  if (unencryptedDevices.length === 0) return undefined;
  return `EC2 makes ${unencryptedDevices.join(', ')} as an empty, unencrypted volume.`;
}

/** Where it is not known, it counts as shared: then a missing copy is shown, not hidden. */
function isSharedWith(accountId: string, sharedWith: SharedWith | undefined): boolean {
  return sharedWith === undefined || sharedWith === 'many' || sharedWith.includes(accountId);
}

function cellOf(
  newest: SourceImage,
  counted: ReadonlySet<string>,
  { copies, failures }: CopierFacts,
  olderCount: boolean,
  copier: ParameterNames,
): Cell {
  // Somebody else's that is not encrypted is no reason: then another copy is made.
  const ofNewest = copies.filter(
    ({ fact, isOurs, flaw }) => counted.has(fact.sourceImageId) && (isOurs || flaw === undefined),
  );
  const ready = ofNewest.find(
    ({ fact, state, isOurs, flaw }) =>
      state === 'available' && flaw === undefined && (fact.settledAt !== undefined || !isOurs),
  );
  if (ready) {
    const reasons = [
      ready.isOurs && ready.recipe !== undefined
        ? noParameterReason([{ key: copier.recipeTag, value: ready.recipe }], copier)
        : undefined,
      ready.fact.waitsFor,
      unencryptedVolumes(ready.fact),
    ].filter((reason) => reason !== undefined);
    return { state: 'available', copy: ready.fact, ...(reasons.length > 0 && { reason: reasons.join(' ') }) };
  }
  const available = ofNewest.find(({ state, flaw }) => state === 'available' && flaw === undefined);
  if (available) return { state: 'pending', copy: available.fact, reason: IN_SETTLING };
  const pending = ofNewest.find(({ state }) => state === 'pending');
  if (pending) return { state: 'pending', copy: pending.fact };
  const failure = failures.find(({ sourceImageId }) => counted.has(sourceImageId));
  if (failure) return { state: 'failed', reason: failure.reason };
  const flawed = ofNewest.find(({ flaw }) => flaw !== undefined);
  if (flawed?.flaw !== undefined) {
    return { state: 'failed', copy: flawed.fact, reason: `It is not verified: ${flawed.flaw}` };
  }
  const [failed] = ofNewest;
  if (failed) {
    return {
      state: 'failed',
      copy: failed.fact,
      reason: failed.stateReason ?? `The copy is ${failed.end?.state ?? failed.state}.`,
    };
  }
  const [older] = copies
    .filter(
      ({ recipe, state, flaw }) =>
        olderCount && recipe === newest.recipe && state === 'available' && flaw === undefined,
    )
    .sort((one, other) => Date.parse(other.fact.bakedAt) - Date.parse(one.fact.bakedAt));
  return older ? { state: 'stale', copy: older.fact } : { state: 'missing' };
}
