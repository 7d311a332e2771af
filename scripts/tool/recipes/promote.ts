import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { ownImages } from '../common/copies.ts';
import { lineAbout, type ChosenCopier, type Copier } from '../common/environment.ts';
import { knownTo } from '../common/known-copies.ts';
import { notFound } from '../common/require-known.ts';
import { UserError } from '../common/user-error.ts';
import { parameterOf } from './pointer.ts';
import { bakedMsOf, evidenceFor, whyUnfit } from './verified-copy.ts';

/** An image of a recipe in an account. */
interface RecipeImage {
  readonly imageId: string;
  /** None if it was made of nothing that EC2 knows. */
  readonly sourceImageId: string | undefined;
  /** When the source image was baked, in milliseconds since 1970. */
  readonly bakedMs: number;
  /** Why no parameter may point to it, as a sentence without its subject; undefined for a verified copy. */
  readonly unfit: string | undefined;
}

/** What an account has of a recipe. */
export interface RecipeFacts {
  readonly images: readonly RecipeImage[];
  /** The channel that is to be pointed to a copy. */
  readonly parameter: string;
  /** What it points to; undefined where there is no such channel yet. */
  readonly pointsTo: string | undefined;
  /** What the channel points to that the image is taken from. */
  readonly fromPointsTo: string | undefined;
}

export interface FactsOf {
  readonly copier: ChosenCopier;
  readonly value: RecipeFacts;
}

/** Which image is promoted: the one that is named, that of a channel, or else the newest. */
export interface PromotionChoice {
  readonly recipe: string;
  readonly to: string;
  readonly image?: string;
  readonly from?: string;
}

/** The image of the source account that is promoted. */
export interface PromotedImage {
  readonly sourceImageId: string;
  readonly bakedMs: number;
}

/** What a promotion does in an account. */
export type PromotionPlan =
  | { readonly kind: 'set'; readonly parameter: string; readonly from: string | undefined; readonly to: string }
  | { readonly kind: 'unchanged'; readonly parameter: string; readonly from: string; readonly to: string }
  | { readonly kind: 'missing' | 'unfit' | 'backwards'; readonly reason: string };

/** Reads what an account has of a recipe, and what its channels point to: some five calls. */
export async function readRecipe(
  copier: Copier,
  { recipe, to, from }: Pick<PromotionChoice, 'recipe' | 'to' | 'from'>,
): Promise<RecipeFacts> {
  const { aws, parameterPath, recipeTag } = copier;
  const parameters = new SsmImageParameters(aws.ssm, parameterPath);
  const parameter = parameterOf(copier, { recipe, channel: to });
  const [images, pointsTo, fromPointsTo] = await Promise.all([
    ownImages(aws, [{ Name: `tag:${recipeTag}`, Values: [recipe] }], { disabledToo: true }),
    parameters.get(parameter),
    from === undefined ? undefined : parameters.get(parameterOf(copier, { recipe, channel: from })),
  ]);
  const known = images.map((image) => knownTo(copier, image));
  const evidence = await evidenceFor(copier, known);
  return {
    parameter,
    pointsTo,
    fromPointsTo,
    images: known.map((each) => ({
      imageId: each.facts.imageId,
      sourceImageId: each.ownership.kind === 'none' ? each.facts.source?.imageId : each.ownership.sourceImageId,
      bakedMs: bakedMsOf(each),
      unfit: whyUnfit(each, recipe, copier, evidence),
    })),
  };
}

/**
 * Finds the one image of the source account that is to be promoted in all accounts.
 * @param isComplete whether all accounts could be read
 * @throws {UserError} if it is not one
 */
export function chooseImage(read: readonly FactsOf[], choice: PromotionChoice, isComplete: boolean): PromotedImage {
  const { image, from } = choice;
  if (image !== undefined) return namedImage(read, image, choice, isComplete);
  return from === undefined ? newestOfAll(read, choice) : imageOfChannel(read, from, choice, isComplete);
}

function namedImage(
  read: readonly FactsOf[],
  id: string,
  { recipe }: PromotionChoice,
  isComplete: boolean,
): PromotedImage {
  const images = read.flatMap(({ value }) => value.images);
  const copy = images.find(({ imageId }) => imageId === id);
  const sourceImageId = copy?.sourceImageId ?? id;
  const copies = images.filter((each) => each.sourceImageId === sourceImageId);
  if (copies.length === 0) {
    throw notFound(`None of the chosen accounts has a copy ${id} of ${recipe}, or one that was made of it`, {
      isComplete,
    });
  }
  // Only a copy of ours says when its source image was baked.
  const verified = copies.filter(({ unfit }) => unfit === undefined);
  const dated = verified.length > 0 ? verified : copies;
  return { sourceImageId, bakedMs: Math.max(...dated.map(({ bakedMs }) => bakedMs)) };
}

function imageOfChannel(
  read: readonly FactsOf[],
  from: string,
  choice: PromotionChoice,
  isComplete: boolean,
): PromotedImage {
  const { recipe } = choice;
  const places = new Map<string, string[]>();
  for (const { copier, value } of read) {
    const { fromPointsTo, images } = value;
    if (fromPointsTo === undefined) continue;
    const sourceImageId = images.find(({ imageId }) => imageId === fromPointsTo)?.sourceImageId;
    if (sourceImageId === undefined) {
      const line = `The channel ${from} points to ${fromPointsTo}, which is no copy of ${recipe}. Name an image with --image.`;
      throw new UserError(lineAbout(copier, line), 1);
    }
    places.set(sourceImageId, [...(places.get(sourceImageId) ?? []), `${copier.account} in ${copier.region}`]);
  }
  const [sourceImageId, ...others] = places.keys();
  if (sourceImageId === undefined) {
    throw notFound(`None of the chosen accounts has the channel ${from} of ${recipe}`, { isComplete });
  }
  if (others.length > 0) {
    const named = Array.from(places, ([id, all]) => `${id} (${listed(all)})`).join(', ');
    throw new UserError(`The channel ${from} points to copies of several images: ${named}. Name one with --image.`, 1);
  }
  return namedImage(read, sourceImageId, choice, isComplete);
}

/** The newest image of which every account that has any verified copy has one. An account that has none has nothing to say. */
function newestOfAll(read: readonly FactsOf[], { recipe }: PromotionChoice): PromotedImage {
  const all = read.map(({ value }) => verifiedIn(value)).filter((verified) => verified.size > 0);
  const [first = new Map<string, number>()] = all;
  const common = Array.from(first, ([sourceImageId, bakedMs]) => ({ sourceImageId, bakedMs })).filter((image) =>
    all.every((verified) => verified.has(image.sourceImageId)),
  );
  const [newest] = common.toSorted(newestFirst);
  if (newest) return newest;
  if (all.length === 0) {
    throw new UserError(
      `None of the chosen accounts has a verified copy of ${recipe}. Ask for copies with request.`,
      1,
    );
  }
  const several = new Set(read.map(({ copier }) => copier.region)).size > 1;
  const remedy = several
    ? 'Where it is baked in each Region, these are different images: promote them Region by Region, with --region.'
    : 'Ask for the copies that are missing with backfill, or name an image with --image.';
  throw new UserError(`There is no image of ${recipe} of which all chosen accounts have a verified copy. ${remedy}`, 1);
}

/** The image that is newer than the one that is promoted, and who has no verified copy of it; undefined if it is the newest. */
export function newerImage(
  read: readonly FactsOf[],
  promoted: PromotedImage,
): { readonly sourceImageId: string; readonly lacking: readonly Copier[] } | undefined {
  const all = read.flatMap(({ value }) =>
    Array.from(verifiedIn(value), ([sourceImageId, bakedMs]) => ({ sourceImageId, bakedMs })),
  );
  const [newest] = all.toSorted(newestFirst);
  if (!newest || newestFirst(newest, promoted) >= 0) return undefined;
  const { sourceImageId } = newest;
  const lacking = read.filter(({ value }) => !verifiedIn(value).has(sourceImageId)).map(({ copier }) => copier);
  return { sourceImageId, lacking };
}

/** Says what is to be done in an account, or why its channel cannot be pointed to the image. */
export function planPromotion(
  { images, parameter, pointsTo }: RecipeFacts,
  { sourceImageId, bakedMs }: PromotedImage,
  { recipe, image, from }: PromotionChoice,
): PromotionPlan {
  const copies = images.filter((each) => each.sourceImageId === sourceImageId);
  const copy = copies.find(({ unfit }) => unfit === undefined);
  if (!copy) {
    const [other] = copies;
    return other?.unfit === undefined
      ? { kind: 'missing', reason: `There is no copy of ${sourceImageId} that belongs to ${recipe}.` }
      : { kind: 'unfit', reason: `The copy ${other.imageId} of ${sourceImageId} ${other.unfit}` };
  }
  const to = copy.imageId;
  if (pointsTo === to) return { kind: 'unchanged', parameter, from: pointsTo, to };
  const current = images.find(({ imageId }) => imageId === pointsTo);
  // Whoever names an image means it.
  if (image === undefined && from === undefined && current && current.bakedMs > bakedMs) {
    const reason = `${parameter} points to ${current.imageId}, which is newer than ${to}. To go back to that, name ${sourceImageId} with --image.`;
    return { kind: 'backwards', reason };
  }
  return { kind: 'set', parameter, from: pointsTo, to };
}

/** The source images of which an account has a verified copy, with when they were baked. */
function verifiedIn({ images }: RecipeFacts): Map<string, number> {
  return new Map(
    images.flatMap(({ sourceImageId, bakedMs, unfit }) =>
      sourceImageId === undefined || unfit !== undefined ? [] : [[sourceImageId, bakedMs]],
    ),
  );
}

function newestFirst(one: PromotedImage, other: PromotedImage): number {
  return other.bakedMs - one.bakedMs || (one.sourceImageId < other.sourceImageId ? -1 : 1);
}

const MAX_LISTED = 3;

function listed(places: readonly string[]): string {
  const others = places.length - MAX_LISTED;
  return [...places.slice(0, MAX_LISTED), ...(others > 0 ? [`${others} more`] : [])].join('; ');
}
