import { digestOf, type AskedImages, type RefusedRequests } from './asked-requests.ts';
import type { CopyInventory } from './copy-inventory.ts';
import { isAnnounced, keyArnOf } from './copy-marker.ts';
import { formatCopyRequest, tagValue, type CopyRequest } from './copy-request.ts';
import { isOver, type EndedSources } from './ended-sources.ts';
import { asError } from './errors.ts';
import type { ImageFacts } from './image-catalogue.ts';
import {
  findFlaw,
  isContradicted,
  isCopyOf,
  isLiveCopy,
  ownershipOf,
  snapshotIdsOf,
  type Ownership,
} from './ownership.ts';
import type { NextTries } from './request-queue.ts';
import type { SharedImage, SharedImages } from './shared-images.ts';
import { readSharedTags } from './shared-tags.ts';

/** What a copier wants of what is shared with it. */
export interface ReconcileRules {
  readonly copier: string;
  readonly account: string;
  readonly region: string;
  readonly recipeTag: string;
  readonly trustedOwners: readonly string[];
  /** How many images of each recipe, the newest ones. */
  readonly newest: number;
}

export interface ReconcileContext extends ReconcileRules {
  readonly kmsKeyArn: string;
  /** How long a request is tried again. So long it is not asked for anew. */
  readonly retrySeconds: number;
  readonly shared: SharedImages;
  readonly inventory: Pick<CopyInventory, 'listCopies' | 'snapshotsOf'>;
  readonly ended: Pick<EndedSources, 'find'>;
  readonly asked: AskedImages;
  readonly refused: Pick<RefusedRequests, 'find'>;
  readonly requests: Pick<NextTries, 'enqueue'>;
  readonly nowMs: () => number;
}

/** What the state of the account led to. */
export interface ReconcileReport {
  /** The source images of which copies were asked for. */
  readonly asked: readonly string[];
  /** Images for which the time was not enough. */
  readonly remaining: number;
  readonly errors: readonly Error[];
}

/** An image of which a copy is wanted. */
export interface WantedImage {
  readonly imageId: string;
  readonly recipe: string;
  readonly bakedMs: number;
  readonly request: CopyRequest;
}

/** An image that is there as a copy. */
interface KnownCopy {
  readonly image: ImageFacts;
  readonly ownership: Exclude<Ownership, { kind: 'none' }>;
  readonly recipe: string | undefined;
  /** When its source image was made; undefined where nothing says so. */
  readonly bakedMs: number | undefined;
}

/**
 * Asks for the copies that are wanted and missing, as if a message had come for each. It takes no message: what trusted accounts share,
 * and what they say by shared tags, decides. What it asks for, copy-image judges like any request.
 * @param launchable images of this account that parameters point to. Where those are enough, nothing more is looked up
 * @param untilMs no image is asked for after it, in milliseconds since 1970
 */
export async function reconcile(
  context: ReconcileContext,
  launchable: readonly ImageFacts[],
  untilMs: number,
): Promise<ReconcileReport> {
  const shared = await context.shared.list();
  const wanted = wantedImages(shared, context);
  // A parameter points to what was verified. Each recipe's newest copy is there in most accounts at most times.
  const announced = knownCopies(launchable, shared, context).filter(isAnnouncedCopy);
  const open = wanted.filter((each) => !announced.some((copy) => makesNeedless(copy, each)));
  if (open.length === 0) return { asked: [], remaining: 0, errors: [] };
  return await ask(await findMissing(open, shared, context), context, untilMs);
}

/**
 * The images of which a copy is wanted: those that a trusted account shares, that are available, and whose shared tags name this
 * Region; of each recipe the newest ones. An image without a recipe is not wanted: there is nothing that it could be the newest of.
 */
export function wantedImages(shared: readonly SharedImage[], rules: ReconcileRules): WantedImage[] {
  const { account, region, recipeTag, trustedOwners, newest } = rules;
  const byRecipe = new Map<string, WantedImage[]>();
  for (const image of shared) {
    const said = readSharedTags(image.tags);
    if (!trustedOwners.includes(image.ownerId) || image.state !== 'available') continue;
    const recipe = said && tagValue(said.tags, recipeTag);
    if (recipe === undefined || !said?.regions.includes(region)) continue;
    const { imageId: sourceAmi, region: sourceRegion, name, description } = image;
    const request = { sourceAmi, sourceRegion, targetAccounts: [account], name, description, tags: said.tags };
    const wanted = { imageId: sourceAmi, recipe, bakedMs: Date.parse(image.createdAt), request };
    const others = byRecipe.get(recipe);
    if (others) others.push(wanted);
    else byRecipe.set(recipe, [wanted]);
  }
  return Array.from(byRecipe.values(), (images) => images.toSorted(newestFirst).slice(0, newest)).flat();
}

/** Of two images of the same time one comes first at every sweep. */
function newestFirst(one: WantedImage, other: WantedImage): number {
  return other.bakedMs - one.bakedMs || (one.imageId < other.imageId ? -1 : 1);
}

/**
 * The images of which there is no copy, and none of a newer image of the same recipe. A marker can be set by hand, the key of a snapshot
 * cannot: a copy that EC2 contradicts is none.
 */
async function findMissing(
  open: readonly WantedImage[],
  shared: readonly SharedImage[],
  context: ReconcileContext,
): Promise<WantedImage[]> {
  const { inventory, kmsKeyArn } = context;
  const copies = knownCopies(await inventory.listCopies(), shared, context);
  const inTheWay = copies.filter((copy) => open.some((each) => makesNeedless(copy, each)));
  const toVerify = inTheWay.filter(({ image, ownership }) => ownership.kind === 'ours' && image.state !== 'pending');
  const snapshotIds = toVerify.flatMap(({ image }) => snapshotIdsOf(image));
  const snapshots = new Map(
    (await inventory.snapshotsOf(snapshotIds)).map((snapshot) => [snapshot.snapshotId, snapshot]),
  );
  const verified = inTheWay.filter(({ image, ownership }) => {
    const ids = snapshotIdsOf(image);
    if (ownership.kind !== 'ours' || ids.length === 0) return true;
    const shown = ids.flatMap((id) => snapshots.get(id) ?? []);
    const flaw = findFlaw(ids, shown, keyArnOf(ownership.marker, kmsKeyArn));
    return !flaw || !isContradicted(flaw);
  });
  return open.filter((each) => !verified.some((copy) => makesNeedless(copy, each)));
}

function knownCopies(
  images: readonly ImageFacts[],
  shared: readonly SharedImage[],
  rules: ReconcileRules,
): KnownCopy[] {
  const bakedMs = new Map(shared.map(({ imageId, createdAt }) => [imageId, Date.parse(createdAt)]));
  return images.flatMap((image): KnownCopy[] => {
    const ownership = ownershipOf(image, rules);
    if (ownership.kind === 'none' || !isLiveCopy(image, ownership)) return [];
    const { sourceImageId } = ownership;
    return [
      {
        image,
        ownership,
        recipe: tagValue(image.tags, rules.recipeTag),
        // Whoever else made it noted no time.
        bakedMs: ownership.kind === 'ours' ? Date.parse(ownership.marker.bakedAt) : bakedMs.get(sourceImageId),
      },
    ];
  });
}

function isAnnouncedCopy({ ownership }: KnownCopy): boolean {
  return ownership.kind === 'ours' && isAnnounced(ownership.marker);
}

function makesNeedless(copy: KnownCopy, { imageId, recipe, bakedMs, request }: WantedImage): boolean {
  if (isCopyOf(copy.ownership, imageId, request.sourceRegion)) return true;
  return copy.recipe === recipe && copy.bakedMs !== undefined && copy.bakedMs > bakedMs;
}

/** An error with one image does not hold up the others. What was asked for is noted, whatever else fails. */
async function ask(
  missing: readonly WantedImage[],
  context: ReconcileContext,
  untilMs: number,
): Promise<ReconcileReport> {
  if (missing.length === 0) return { asked: [], remaining: 0, errors: [] };
  const { retrySeconds, nowMs, requests } = context;
  const since = nowMs() - retrySeconds * 1000;
  const noted = new Map([...(await context.asked.list())].filter(([, atMs]) => atMs > since));
  // The oldest first: should the time end in between, a newer one of the same recipe is still missing at the next sweep.
  const open = missing
    .filter(({ imageId }) => !noted.has(imageId))
    .toSorted((one, other) => one.bakedMs - other.bakedMs);
  const asked: string[] = [];
  const errors: Error[] = [];
  let remaining = open.length;
  for (const { imageId, request } of open) {
    if (nowMs() >= untilMs) break;
    remaining -= 1;
    try {
      if (!(await isStillWanted(request, context))) continue;
      await requests.enqueue(formatCopyRequest(request));
      asked.push(imageId);
    } catch (error) {
      errors.push(asError(error));
    }
  }
  try {
    if (asked.length > 0) await context.asked.note(new Map([...noted, ...asked.map((id) => [id, nowMs()] as const)]));
  } catch (error) {
    errors.push(asError(error));
  }
  return { asked, remaining, errors };
}

async function isStillWanted(request: CopyRequest, { ended, refused }: ReconcileContext): Promise<boolean> {
  if (isOver(await ended.find(request.sourceAmi))) return false;
  return (await refused.find(request.sourceAmi))?.digest !== digestOf(request);
}
