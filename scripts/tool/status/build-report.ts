import type { ImageState } from '../../../lambda/src/core/image-catalogue.ts';
import { noParameterReason, type ParameterNames } from '../../../lambda/src/core/image-parameters.ts';
import type { Outcome } from '../common/in-environments.ts';
import type { Cell, CopyFact, Row, SourceImageFact, StatusReport } from './report.ts';

/** A copy in one account and Region, with all that decides its state. */
export interface CopyInAccount {
  readonly fact: CopyFact;
  readonly state: ImageState;
  /** What EC2 says of a copy that failed. */
  readonly stateReason?: string;
  /** Whether this copier made it; else AMIgo's did. */
  readonly isOurs: boolean;
  /** Why it never counts as a copy that can be used. */
  readonly flaw?: string;
  readonly recipe: string | undefined;
}

/** What one account and Region has. */
export interface CopierFacts {
  readonly copies: readonly CopyInAccount[];
  /** Of the dead letters. */
  readonly failures: readonly { readonly sourceImageId: string; readonly reason: string }[];
}

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
  const groups = rows === 'recipes' ? byRecipe(known) : known.toSorted(newestFirst).map((image) => [image]);
  return {
    readAt,
    columns: outcomes.map(({ copier: { accountId, account, region, labels } }) => ({
      accountId,
      account,
      region,
      labels,
    })),
    rows: groups.map((images) => rowOf(images, rows, outcomes, sharedWith)),
  };
}

/** The images of which some account has no copy: for these it is worth to ask who they are shared with. */
export function imagesWithGaps({ rows, columns }: StatusReport): SourceImageFact[] {
  return rows.flatMap(({ images, cells }) =>
    images.filter(({ region }) =>
      cells.some(({ state }, index) => columns[index]?.region === region && (state === 'missing' || state === 'stale')),
    ),
  );
}

/** Without the source account, what its copies say of it. An image that nobody has copied is not known then. */
function sourcesOfCopies(outcomes: readonly Outcome<CopierFacts>[]): SourceImage[] {
  const found = new Map<string, SourceImage>();
  for (const outcome of outcomes) {
    if (!('value' in outcome)) continue;
    const { region } = outcome.copier;
    for (const { fact, recipe } of outcome.value.copies) {
      const { sourceImageId, bakedAt } = fact;
      found.set(`${region} ${sourceImageId}`, { imageId: sourceImageId, region, name: '', bakedAt, recipe });
    }
  }
  return [...found.values()];
}

/** For each recipe its newest image in each Region. */
function byRecipe(images: readonly SourceImage[]): SourceImage[][] {
  const recipes = new Map<string, SourceImage[]>();
  for (const image of images.toSorted(newestFirst)) {
    if (image.recipe === undefined) continue;
    const group = recipes.get(image.recipe) ?? [];
    if (!group.some(({ region }) => region === image.region)) recipes.set(image.recipe, [...group, image]);
  }
  return Array.from(recipes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, group]) => group);
}

function newestFirst(one: SourceImage, other: SourceImage): number {
  return Date.parse(other.bakedAt) - Date.parse(one.bakedAt) || (one.imageId < other.imageId ? -1 : 1);
}

function rowOf(
  images: readonly SourceImage[],
  rows: ReportInput['rows'],
  outcomes: readonly Outcome<CopierFacts>[],
  sharedWith: ReadonlyMap<string, SharedWith>,
): Row {
  const [{ imageId, recipe } = { imageId: '', recipe: undefined }] = images;
  return {
    title: rows === 'recipes' ? (recipe ?? imageId) : imageId,
    ...(recipe !== undefined && { recipe }),
    images: images.map(({ imageId: id, region, name, bakedAt }) => ({ imageId: id, region, name, bakedAt })),
    cells: outcomes.map((outcome) => {
      const newest = images.find(({ region }) => region === outcome.copier.region);
      if (!newest) return { state: 'not shared' };
      if (!('value' in outcome)) return { state: 'unknown', reason: outcome.problem };
      const cell = cellOf(newest, outcome.value, rows === 'recipes', outcome.copier);
      const isShared = isSharedWith(outcome.copier.accountId, sharedWith.get(newest.imageId));
      if (isShared || (cell.state !== 'missing' && cell.state !== 'stale')) return cell;
      return cell.state === 'stale' ? { ...cell, reason: NOT_SHARED } : { state: 'not shared' };
    }),
  };
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
  { copies, failures }: CopierFacts,
  olderCount: boolean,
  copier: ParameterNames,
): Cell {
  // Somebody else's that is not encrypted is no reason: then another copy is made.
  const ofNewest = copies.filter(
    ({ fact, isOurs, flaw }) => fact.sourceImageId === newest.imageId && (isOurs || flaw === undefined),
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
      unencryptedVolumes(ready.fact),
    ].filter((reason) => reason !== undefined);
    return { state: 'available', copy: ready.fact, ...(reasons.length > 0 && { reason: reasons.join(' ') }) };
  }
  const available = ofNewest.find(({ state, flaw }) => state === 'available' && flaw === undefined);
  if (available) return { state: 'pending', copy: available.fact, reason: IN_SETTLING };
  const pending = ofNewest.find(({ state }) => state === 'pending');
  if (pending) return { state: 'pending', copy: pending.fact };
  const failure = failures.find(({ sourceImageId }) => sourceImageId === newest.imageId);
  if (failure) return { state: 'failed', reason: failure.reason };
  const flawed = ofNewest.find(({ flaw }) => flaw !== undefined);
  if (flawed?.flaw !== undefined) {
    return { state: 'failed', copy: flawed.fact, reason: `It is not verified: ${flawed.flaw}` };
  }
  const [failed] = ofNewest;
  if (failed) {
    return { state: 'failed', copy: failed.fact, reason: failed.stateReason ?? `The copy is ${failed.state}.` };
  }
  const [older] = copies
    .filter(
      ({ recipe, state, flaw }) =>
        olderCount && recipe === newest.recipe && state === 'available' && flaw === undefined,
    )
    .sort((one, other) => Date.parse(other.fact.bakedAt) - Date.parse(one.fact.bakedAt));
  return older ? { state: 'stale', copy: older.fact } : { state: 'missing' };
}
