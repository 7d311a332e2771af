import { DAY_MS } from '../../../lambda/src/core/retention.ts';
import { groupBy } from '../common/group-by.ts';
import { dollarsAMonth } from '../common/image-size.ts';
import type { Outcome } from '../common/in-environments.ts';
import type { CopierFacts, CopyInAccount } from './copier-facts.ts';
import type { EndedCopy, FreedStorage, RecipeStorage } from './report.ts';

/** The copies that are revoked, in quarantine, or to go. */
export function endedCopies(outcomes: readonly Outcome<CopierFacts>[]): EndedCopy[] {
  return outcomes.flatMap((outcome) => {
    if (!('value' in outcome)) return [];
    const { accountId, account, region, labels } = outcome.copier;
    return outcome.value.copies.flatMap((copy): EndedCopy[] => {
      const { fact, recipe, end } = copy;
      if (!end) return [];
      const { imageId, sourceImageId } = fact;
      const { state, at } = end;
      const about = { accountId, account, region, labels, imageId, sourceImageId };
      return [{ ...about, ...(recipe !== undefined && { recipe }), state, at, reasons: reasonsOf(copy) }];
    });
  });
}

function reasonsOf({ end, endReasons = [] }: CopyInAccount): readonly string[] {
  if (end?.state !== 'retired') return endReasons;
  const until = new Date(Date.parse(end.at) + (end.quarantineDays ?? 0) * DAY_MS).toISOString();
  return [`It may be removed from ${until} on.`];
}

/** What the copies of each recipe take, whoever made them, and what of it may go. */
export function storageOf(outcomes: readonly Outcome<CopierFacts>[]): RecipeStorage[] {
  const all = outcomes.flatMap((outcome) => ('value' in outcome ? outcome.value.copies : []));
  const recipes = groupBy(all, ({ recipe, size }) => (size.gib === 0 ? undefined : recipe));
  return Array.from(recipes, ([recipe, copies]) => {
    const isFullSize = copies.every(({ size }) => size.by === 'full');
    const going = copies.filter(({ mayGo }) => mayGo);
    return { recipe, ...amountOf(copies), isFullSize, ...(going.length > 0 && { freed: amountOf(going) }) };
  }).sort((one, other) => (one.recipe < other.recipe ? -1 : 1));
}

function amountOf(copies: readonly CopyInAccount[]): FreedStorage {
  const gib = copies.reduce((sum, { size }) => sum + size.gib, 0);
  return { copies: copies.length, gib, dollarsPerMonth: dollarsAMonth(gib) };
}
