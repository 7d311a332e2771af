/** An image of a recipe in the source account. */
export interface ImageOfRecipe {
  readonly imageId: string;
  readonly region: string;
  /** In ISO 8601. */
  readonly bakedAt: string;
}

/** So many bakes may a Region lag behind another: those of one build end at different times, and one may fail. */
const MAX_BAKES_BEHIND = 2;

/**
 * The images of a recipe that accounts are to have copies of: its images are those of the source account in all its Regions. The
 * first is the newest of all. Each other one is the newest of a Region that the recipe is baked in too: no other Region has more
 * than two newer ones.
 */
export function wantedImages<Image extends ImageOfRecipe>(images: readonly Image[]): Image[] {
  // Not toSorted: the script of the status page, which browsers of 2022 run, is type-checked with this file.
  const sorted = [...images].sort(newestFirst);
  return sorted.filter((image, index) => {
    const newer = sorted.slice(0, index);
    const isBehind = ({ region }: Image) => newer.filter((each) => each.region === region).length > MAX_BAKES_BEHIND;
    return !newer.some((each) => each.region === image.region || isBehind(each));
  });
}

/** Of the wanted images of a recipe the one for a Region: its own, where the recipe is baked there, else the first. */
export function imageFor<Image extends { readonly region: string }>(
  wanted: readonly Image[],
  region: string | undefined,
): Image | undefined {
  return wanted.find((image) => image.region === region) ?? wanted[0];
}

export function newestFirst(one: ImageOfRecipe, other: ImageOfRecipe): number {
  return Date.parse(other.bakedAt) - Date.parse(one.bakedAt) || (one.imageId < other.imageId ? -1 : 1);
}
