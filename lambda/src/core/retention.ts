import { isWithheld, knownTo, newestFirst, type KeepRules, type KnownImage } from './keep-reasons.ts';
import type { AccountImage } from './account-images.ts';
import { isAnnounced } from './copy-marker.ts';

/** How many copies of a recipe are kept, and for how long. */
export interface RetentionRule {
  /** Of each recipe, at least 1. */
  readonly keepNewest: number;
  /** Days that a copy is kept in any case. */
  readonly minAgeDays: number;
  /** Days that a copy is disabled before it is removed. */
  readonly quarantineDays: number;
}

export interface Retention extends RetentionRule {
  /** What is otherwise for some recipes. */
  readonly recipes: Readonly<
    Record<string, { readonly [Field in keyof RetentionRule]?: RetentionRule[Field] | undefined }>
  >;
}

export const DAY_MS = 24 * 3600 * 1000;

/** What holds for a recipe. */
export function ruleOf(recipe: string, { recipes, ...rule }: Retention): RetentionRule {
  const own = Object.hasOwn(recipes, recipe) ? recipes[recipe] : undefined;
  return {
    keepNewest: own?.keepNewest ?? rule.keepNewest,
    minAgeDays: own?.minAgeDays ?? rule.minAgeDays,
    quarantineDays: own?.quarantineDays ?? rule.quarantineDays,
  };
}

/** A copy that its recipe's rule lets go. */
export interface RetentionCandidate {
  readonly imageId: string;
  readonly quarantineDays: number;
}

/**
 * The copies that are to go by the retention policy, so far as nothing uses them: of each recipe all but the newest ones that are old
 * enough. A copy that is not approved is none of the newest: it takes no place among them, and goes once it is older than they are.
 * Copies without a recipe stay, and so does what this copier did not make.
 */
export function retentionCandidates(
  images: readonly AccountImage[],
  retention: Retention,
  rules: Pick<KeepRules, 'copier' | 'account' | 'recipeTag'>,
  nowMs: number,
): RetentionCandidate[] {
  const copies = images
    .filter(({ state }) => state === 'available')
    .map((image) => knownTo(image, rules))
    .filter(({ ownership }) => ownership.kind === 'ours' && isAnnounced(ownership.marker));
  const recipes = new Set(copies.flatMap(({ recipe }) => recipe ?? []));
  return [...recipes].flatMap((recipe) => {
    const { keepNewest, minAgeDays, quarantineDays } = ruleOf(recipe, retention);
    return olderThan(
      keepNewest,
      copies.filter((copy) => copy.recipe === recipe),
    )
      .filter(({ image }) => nowMs - Date.parse(image.createdAt) >= minAgeDays * DAY_MS)
      .map(({ image }) => ({ imageId: image.imageId, quarantineDays }));
  });
}

/** The copies that are older than as many that are approved. */
function olderThan(count: number, copies: readonly KnownImage[]): KnownImage[] {
  let approved = 0;
  return copies.toSorted(newestFirst).filter((copy) => {
    if (approved === count) return true;
    if (!isWithheld(copy)) approved += 1;
    return false;
  });
}
