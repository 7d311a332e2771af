import { noParameterReason, type ParameterNames } from '../../../lambda/src/core/image-parameters.ts';
import type { Outcome } from '../common/in-environments.ts';
import { imageFor, newestFirst, wantedImages } from '../common/wanted-images.ts';
import { groupBy } from '../common/group-by.ts';
import { channelsOf } from './channels.ts';
import type { CopierFacts, CopyInAccount } from './copier-facts.ts';
import { endedCopies, storageOf } from './ended-copies.ts';
import type { Cell, CopyFact, Row, SourceImageFact, StatusReport } from './report.ts';

export interface SourceImage extends SourceImageFact {
  readonly recipe: string | undefined;
}

/** The accounts that an image is shared with, or that it is shared with everybody or an organization, or why that is not known. */
export type SharedWith = readonly string[] | 'many' | { readonly problem: string };

export interface ReportInput {
  readonly readAt: string;
  readonly outcomes: readonly Outcome<CopierFacts>[];
  /** Of the source account; undefined where it was not read. */
  readonly sources: readonly SourceImage[] | undefined;
  readonly rows: 'recipes' | 'images';
}

/**
 * The matrix of recipes, or of images, by accounts. Nothing is asked for: all is in the input. What is not shared is `missing` or
 * `stale` in it, until {@link withSharing}.
 */
export function buildReport({ readAt, outcomes, sources, rows }: ReportInput): StatusReport {
  const known = sources ?? sourcesOfCopies(outcomes);
  const recipes = Array.from(
    groupBy(known, ({ recipe }) => recipe),
    ([recipe, images]) => ({ recipe, images, wanted: wantedImages(images) }),
  );
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
    rows: rowsOf(groups, rows, outcomes),
  };
}

/** The report with what became known of the images that accounts lack: whom each is shared with. */
export function withSharing(report: StatusReport, sharedWith: ReadonlyMap<string, SharedWith>): StatusReport {
  const { columns, rows } = report;
  return {
    ...report,
    rows: rows.map((row) => ({
      ...row,
      cells: row.cells.map((cell, index) => {
        const { accountId = '', region } = columns[index] ?? {};
        const newest = isLacking(cell) ? imageFor(row.images, region) : undefined;
        const known = newest && sharedWith.get(newest.imageId);
        return known === undefined ? cell : explainedBy(known, accountId, cell);
      }),
    })),
  };
}

/** Why an account lacks an image, as far as whom it is shared with tells it. */
function explainedBy(sharedWith: SharedWith, accountId: string, cell: Cell): Cell {
  if (sharedWith === 'many') return cell;
  if ('problem' in sharedWith) {
    const { problem: reason } = sharedWith;
    return cell.state === 'stale' ? { ...cell, reason } : { state: 'unknown', reason };
  }
  if (sharedWith.includes(accountId)) return cell;
  return cell.state === 'stale' ? { ...cell, reason: NOT_SHARED } : { state: 'not shared' };
}

function isLacking({ state }: Cell): boolean {
  return state === 'missing' || state === 'stale';
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
    cells.flatMap((cell, index) => (isLacking(cell) ? (imageFor(images, columns[index]?.region) ?? []) : [])),
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

/** The copies of an account, found by what is asked for. */
interface IndexedFacts {
  readonly bySource: ReadonlyMap<string, readonly CopyInAccount[]>;
  readonly byRecipe: ReadonlyMap<string, readonly CopyInAccount[]>;
  readonly failures: ReadonlyMap<string, string>;
}

function indexed({ copies, failures }: CopierFacts): IndexedFacts {
  return {
    bySource: groupBy(copies, ({ fact }) => fact.sourceImageId),
    byRecipe: groupBy(copies, ({ recipe }) => recipe),
    failures: new Map(failures.map(({ sourceImageId, reason }) => [sourceImageId, reason])),
  };
}

/** Account by account, so that the copies of one are looked through once. */
function rowsOf(groups: readonly Group[], rows: ReportInput['rows'], outcomes: readonly Outcome<CopierFacts>[]): Row[] {
  const counting = groups.map(({ images, all }) => new Map(images.map((image) => [image, idsSince(all, image)])));
  const columns = outcomes.map((outcome) => {
    const facts = 'value' in outcome ? indexed(outcome.value) : undefined;
    return groups.map((group, index) => cellIn(group, counting[index] ?? new Map(), { outcome, facts }, rows));
  });
  return groups.map(({ images }, index) => {
    const [{ imageId, recipe } = { imageId: '', recipe: undefined }] = images;
    return {
      title: rows === 'recipes' ? (recipe ?? imageId) : imageId,
      ...(recipe !== undefined && { recipe }),
      images: images.map(({ imageId: id, region, name, bakedAt }) => ({ imageId: id, region, name, bakedAt })),
      cells: columns.flatMap((cells) => cells[index] ?? []),
    };
  });
}

interface Column {
  readonly outcome: Outcome<CopierFacts>;
  /** None where the account could not be read. */
  readonly facts: IndexedFacts | undefined;
}

/** @param counting the images whose copies count, for each that is wanted: a Region with images of its own may have been asked for a newer one of another Region */
function cellIn(
  { images, ownRegions }: Group,
  counting: ReadonlyMap<SourceImage, ReadonlySet<string>>,
  { outcome, facts }: Column,
  rows: ReportInput['rows'],
): Cell {
  const { region } = outcome.copier;
  const newest = imageFor(images, region);
  if (!newest) return { state: 'not wanted' };
  const isWanted = newest.region === region || !ownRegions.includes(region);
  if (!facts) {
    return isWanted && 'problem' in outcome ? { state: 'unknown', reason: outcome.problem } : { state: 'not wanted' };
  }
  const cell = cellOf(newest, counting.get(newest) ?? new Set(), facts, rows === 'recipes', outcome.copier);
  return !isWanted && cell.state === 'missing' ? { state: 'not wanted' } : cell;
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

function cellOf(
  newest: SourceImage,
  counted: ReadonlySet<string>,
  { bySource, byRecipe, failures }: IndexedFacts,
  olderCount: boolean,
  copier: ParameterNames,
): Cell {
  // Somebody else's that is not encrypted is no reason: then another copy is made.
  const ofNewest = Array.from(counted, (id) => bySource.get(id) ?? [])
    .flat()
    .filter(({ isOurs, flaw }) => isOurs || flaw === undefined);
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
  const failure = Array.from(counted, (id) => failures.get(id)).find((reason) => reason !== undefined);
  if (failure !== undefined) return { state: 'failed', reason: failure };
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
  const [older] = (olderCount ? (byRecipe.get(newest.recipe ?? '') ?? []) : [])
    .filter(({ state, flaw }) => state === 'available' && flaw === undefined)
    .sort((one, other) => Date.parse(other.fact.bakedAt) - Date.parse(one.fact.bakedAt));
  return older ? { state: 'stale', copy: older.fact } : { state: 'missing' };
}
