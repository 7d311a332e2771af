import { judge } from './approval.ts';
import type { OwnCopy } from './copy-inventory.ts';
import { isTakenAway, isUnapproved } from './copy-marker.ts';
import { flawOf } from './copy-steps.ts';
import { tagValue } from './copy-request.ts';
import { asError } from './errors.ts';
import { pointAll, recipeParameter } from './image-parameters.ts';
import { isContradicted } from './ownership.ts';
import type { SettleContext } from './settle-context.ts';

/** A parameter, and the copies that it is to point to, those of the oldest images first. */
interface Recipe {
  readonly recipe: string;
  readonly name: string;
  readonly copies: OwnCopy[];
}

/**
 * Points the recipes' parameters to their newest copies, each parameter once. Those are among the copies that are given, unless newer ones
 * are settled. It does not only look at the copies that are given: AWS may have stored the value of an earlier call late.
 * @param copies those of the oldest images first; a copy without a recipe is left out
 * @returns by copy, for the log, which parameter points to it or why it does not, or what kept its parameter from being set
 * @throws whatever a call to AWS throws that is about all of them
 */
export async function updateParameters(
  copies: readonly OwnCopy[],
  context: SettleContext,
): Promise<ReadonlyMap<string, string | Error>> {
  const recipes = recipesOf(copies, context);
  if (recipes.length === 0) return new Map();
  const { inventory, parameters, recipeTag } = context;
  const current = await parameters.getAll(recipes.map(({ name }) => name));
  const newestOwn = recipes.map(({ copies: own }) => newestAmong(own));
  // Older ones are of no interest, and of a recipe with a long history there are many.
  const since = newestOwn.reduce((one, other) => (bakedMs(other) < bakedMs(one) ? other : one));
  const values = recipes.map(({ recipe }) => recipe);
  const others = await inventory.findSettled(recipeTag, values, since.marker.bakedAt);
  // By their ids too: what EC2 lists by tags may lag behind what it was told a moment ago.
  if (current.size > 0) others.push(...(await inventory.findById([...new Set(current.values())])));

  const found: { readonly name: string; readonly own: readonly OwnCopy[]; readonly newest: OwnCopy | Error }[] = [];
  for (const { recipe, name, copies: own } of recipes) {
    const ofRecipe = others.filter(
      ({ imageId, tags }) => tagValue(tags, recipeTag) === recipe || imageId === current.get(name),
    );
    found.push({ name, own, newest: await newestOf(own, ofRecipe, current.get(name), context).catch(asError) });
  }
  const moves = found.flatMap(({ name, newest }) =>
    newest instanceof Error || newest.imageId === current.get(name) ? [] : [[name, newest.imageId] as const],
  );
  const failed = await pointAll(new Map(moves), context);
  return new Map(
    found.flatMap(({ name, own, newest }) =>
      own.map(({ imageId }) => [imageId, failed.get(name) ?? lineOf(imageId, name, newest)] as const),
    ),
  );
}

function recipesOf(copies: readonly OwnCopy[], context: SettleContext): Recipe[] {
  const recipes = new Map<string, Recipe>();
  for (const copy of copies) {
    const parameter = recipeParameter(copy.tags, context);
    if ('reason' in parameter) continue;
    const { name, recipe } = parameter;
    const known = recipes.get(name);
    if (known) known.copies.push(copy);
    else recipes.set(name, { name, recipe, copies: [copy] });
  }
  return [...recipes.values()];
}

function lineOf(imageId: string, name: string, newest: OwnCopy | Error): string | Error {
  if (newest instanceof Error) return newest;
  return newest.imageId === imageId ? name : `none: ${newest.imageId} is of a newer image`;
}

/**
 * The copy of the newest image among the given ones and those others that can be launched, are verified and approved. A marker can be
 * set by hand, so the snapshots of a newer one are looked at again. One that EC2 does not show at the moment is no reason to go back.
 */
async function newestOf(
  own: readonly OwnCopy[],
  others: readonly OwnCopy[],
  current: string | undefined,
  context: SettleContext,
): Promise<OwnCopy> {
  const newest = newestAmong(own);
  const newer = others
    .filter(({ state, marker }) => state === 'available' && marker.announcement !== undefined && !isTakenAway(marker))
    .filter((other) => bakedMs(other) > bakedMs(newest))
    .toSorted((one, other) => bakedMs(other) - bakedMs(one));
  for (const other of newer) {
    // Its approval is noted after the parameter, and the call may have ended in between.
    if (isUnapproved(other.marker) && !(other.imageId === current && (await mayBeApproved(other, context)))) continue;
    const flaw = flawOf(other, await context.inventory.snapshotsOf(other.snapshotIds), context);
    if (!flaw || !isContradicted(flaw)) return other;
  }
  return newest;
}

/** That it cannot be read at the moment is no reason to go back either. */
async function mayBeApproved(copy: OwnCopy, { gate }: SettleContext): Promise<boolean> {
  const verdict = gate && (await judge([copy], gate)).get(copy.imageId);
  return verdict === undefined || verdict.isApproved || verdict.error !== undefined;
}

/** The last of those whose source images were baked last. */
function newestAmong(copies: readonly OwnCopy[]): OwnCopy {
  return copies.reduce((one, other) => (bakedMs(other) >= bakedMs(one) ? other : one));
}

function bakedMs({ marker }: OwnCopy): number {
  return Date.parse(marker.bakedAt);
}
