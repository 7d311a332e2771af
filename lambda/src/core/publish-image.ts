import { formatCopyRequest, parseCopyRequest, tagValue, type CopyRequest, type Tag } from './copy-request.ts';
import { planTags } from './copy-tags.ts';
import { asError, RejectedError, UncertainError } from './errors.ts';
import {
  listTargets,
  namesLabel,
  whoIsMeant,
  type KnownTargets,
  type Meant,
  type OrganizationTargets,
  type Target,
  type Targets,
} from './image-targets.ts';
import {
  checksumsOf,
  formatPublished,
  parsePublished,
  partOf,
  type Checksums,
  type WantedCopy,
} from './published-tag.ts';
import { SHARED_TAG, sharedTagsOf } from './shared-tags.ts';
import {
  missingPermissions,
  noRoomReason,
  PUBLISHED_TAG,
  REVOKED_TAG,
  surplusPermissions,
  TARGETS_TAG,
  tagsToRequest,
  uncopyableReason,
  MAX_TAGS,
  type CopyableParts,
  type Permissions,
  type Sharing,
} from './source-image.ts';

/** An image of the source account that says who is to have copies of it. */
export interface TaggedImage extends CopyableParts {
  readonly imageId: string;
  readonly name: string;
  readonly description: string;
  readonly ownerId: string;
  /** As EC2 says it: `2026-11-23T22:10:00.000Z`. */
  readonly createdAt: string;
  readonly tags: readonly Tag[];
}

/** The images of the source account in one Region. */
export interface SourceImages {
  /** Those that are available and have the tag {@link TARGETS_TAG}: all of them, or the named ones. */
  findTagged(imageIds?: readonly string[]): Promise<TaggedImage[]>;
  sharingOf(image: TaggedImage): Promise<Sharing>;
  allow(imageId: string, permissions: Permissions): Promise<void>;
  withdraw(imageId: string, permissions: Permissions): Promise<void>;
  tag(imageId: string, tags: readonly Tag[]): Promise<void>;
}

/** The topics for copy requests, one in each Region of any target. */
export interface RequestTopics {
  publish(region: string, body: string): Promise<void>;
}

export interface PublishContext {
  /** Where the images are. */
  readonly region: string;
  /** The tag that tells which images are of one recipe. */
  readonly recipeTag: string;
  /** Whether accounts that an image is not meant for lose their permissions on it. */
  readonly unshare: boolean;
  readonly images: SourceImages;
  readonly targets: Targets;
  /** Undefined where Terraform names all accounts. */
  readonly organization: OrganizationTargets | undefined;
  readonly topics: RequestTopics;
  readonly nowMs: () => number;
}

/** What became of an image, for the log. `putOff` waits for the next sweep; `known` has nothing new. */
export interface PublishOutcome {
  readonly image: string;
  readonly outcome: 'published' | 'known' | 'refused' | 'revoked' | 'putOff';
  /** How many copies were asked for, of how many accounts and Regions. */
  readonly asked?: number;
  /** What only a person can mend. It is told again by each sweep until then. */
  readonly problems: readonly string[];
  readonly error?: Error;
}

/** What was published, and for how many images the time was not enough. */
export interface PublishReport {
  readonly images: readonly PublishOutcome[];
  readonly remaining: number;
  /** Why the accounts of the organization are not among those that were served. */
  readonly missing?: Error;
}

/** Publishes images that became available, so far as they are tagged and were not published yet. */
export async function publishNamed(
  imageIds: readonly string[],
  context: PublishContext,
  untilMs: number,
): Promise<PublishReport> {
  const tagged = await context.images.findTagged(imageIds);
  // What is new to an image that was published before, the sweep sees: it knows the others of the recipe.
  const fresh = tagged.filter((image) => publishedOf(image) === undefined);
  if (fresh.length === 0) return { images: [], remaining: 0 };
  return await publishAll(fresh, context, untilMs);
}

/** Publishes all that is tagged and was not published yet, and of each recipe the newest image for accounts that are new. */
export async function publishSweep(context: PublishContext, untilMs: number): Promise<PublishReport> {
  const tagged = await context.images.findTagged();
  if (tagged.length === 0) return { images: [], remaining: 0 };
  return await publishAll(tagged, context, untilMs);
}

/** One after the other, the newest first: what a newer image of a recipe is meant for, an older one is not needed for. */
async function publishAll(
  images: readonly TaggedImage[],
  context: PublishContext,
  untilMs: number,
): Promise<PublishReport> {
  const withLabels = images.some((image) => namesLabel(tagValue(image.tags, TARGETS_TAG) ?? ''));
  const known = await listTargets(context.targets, context.organization, withLabels);
  const readings = new Map<string, Reading>();
  const newer = new Map<string, Set<Reading>>();
  const inOrder = images.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  const outcomes: PublishOutcome[] = [];
  for (const image of inOrder) {
    if (context.nowMs() >= untilMs) break;
    const value = tagValue(image.tags, TARGETS_TAG) ?? '';
    const meant = readings.get(value) ?? readingOf(value, known);
    readings.set(value, meant);
    const recipe = tagValue(image.tags, context.recipeTag);
    const ofRecipe = recipe === undefined ? undefined : (newer.get(recipe) ?? new Set());
    const outcome = await publishOne(image, meant, ofRecipe, context);
    outcomes.push(outcome);
    if (recipe === undefined || !ofRecipe || outcome.outcome === 'refused' || outcome.outcome === 'revoked') continue;
    newer.set(recipe, ofRecipe.add(meant));
  }
  const remaining = inOrder.length - outcomes.length;
  return { images: outcomes, remaining, ...(known.missing && { missing: known.missing }) };
}

/** What a tag means, with the copies that are wanted by it. Many images have the same tag, and it may mean thousands of accounts. */
interface Reading extends Meant {
  readonly wanted: Wanted;
  /** Why accounts that it may mean as well are not known. */
  readonly missing: Error | undefined;
}

interface Wanted {
  readonly copies: readonly WantedCopy[];
  readonly checksums: Checksums;
}

function readingOf(value: string, known: KnownTargets): Reading {
  const meant = whoIsMeant(value, known);
  return { ...meant, wanted: wantedBy(meant.targets), missing: known.missing };
}

function wantedBy(targets: readonly Target[]): Wanted {
  const copies = targets.flatMap(({ account, regions }) => regions.map((region) => ({ account, region })));
  return { copies, checksums: checksumsOf(copies) };
}

/** An error with one image does not hold up the others. */
async function publishOne(
  image: TaggedImage,
  meant: Reading,
  newer: ReadonlySet<Reading> | undefined,
  context: PublishContext,
): Promise<PublishOutcome> {
  const { imageId } = image;
  if (tagValue(image.tags, REVOKED_TAG) !== undefined) return { image: imageId, outcome: 'revoked', problems: [] };
  // What was published waits for the accounts that are missing: with them, or without, it would be published anew each time.
  if (meant.missing && publishedOf(image)) return { image: imageId, outcome: 'known', problems: [] };
  // An image that was published, and that a newer one of its recipe has followed, needs no other tag if an account leaves.
  const isPast = publishedOf(image) !== undefined && newer?.size !== 0;
  const told = isPast ? [] : meant.problems;
  const refused = (...problems: readonly string[]): PublishOutcome => {
    return { image: imageId, outcome: 'refused', problems: [...told, ...problems] };
  };
  if (meant.missing && meant.targets.length === 0 && told.length === 0) {
    return { image: imageId, outcome: 'putOff', problems: [], error: meant.missing };
  }
  if (meant.targets.length === 0) return isPast ? { image: imageId, outcome: 'known', problems: [] } : refused();
  try {
    const { steps, problems } = planPublication(image, meant, newer, context);
    const isDone = steps !== undefined && (await carryOut(steps, image, context));
    return {
      image: imageId,
      outcome: isDone ? 'published' : 'known',
      ...(isDone && { asked: steps.asked }),
      problems: [...told, ...problems],
    };
  } catch (error) {
    // What EC2 need not answer otherwise later is told at once. Each sweep asks once more.
    if (error instanceof RejectedError || error instanceof UncertainError) return refused(error.message);
    return { image: imageId, outcome: 'putOff', problems: told, error: asError(error) };
  }
}

/** What is to be done for an image. */
interface Steps {
  /** How many copies are asked for. */
  readonly asked: number;
  /** The bodies of the copy requests, by Region. */
  readonly requests: ReadonlyMap<string, string>;
  /** The accounts that are to have the permissions. */
  readonly sharedWith: readonly string[];
  /** The accounts that may keep theirs; undefined where none loses any. */
  readonly allowed: readonly string[] | undefined;
  /** Those that the image lacks. */
  readonly sharedTags: readonly Tag[];
  /** What it is tagged with at the end; undefined while accounts are missing, so that all is done again when they are known. */
  readonly checksums: Checksums | undefined;
}

/**
 * Says what is to be done for an image; no steps where all is as it was left.
 * @throws {RejectedError} where it cannot be published at all
 */
function planPublication(
  image: TaggedImage,
  meant: Reading,
  newer: ReadonlySet<Reading> | undefined,
  { region, unshare }: PublishContext,
): { readonly steps?: Steps; readonly problems: readonly string[] } {
  const published = publishedOf(image);
  const needed = published ? neededBy(meant, newer) : meant.targets;
  // Nobody loses anything by a tag that is wrong in part, nor by accounts that are not known.
  const mayWithdraw = unshare && meant.problems.length === 0 && !meant.missing;
  if (needed.length === 0 && !mayWithdraw) return { problems: [] };
  const reason = uncopyableReason(image);
  if (reason !== undefined) throw new RejectedError('NotCopyable', `The image ${reason}`);
  if (tagsWithNote(image) > MAX_TAGS) {
    throw new RejectedError(
      'TooManyTags',
      `The image has ${MAX_TAGS} tags, so that none can say what was published. Remove one.`,
    );
  }

  const wanted = needed === meant.targets ? meant.wanted : wantedBy(needed);
  // A part is known if it was published for all, or later for those who still needed it.
  const known = meant.wanted.checksums.map((sum, part) => [sum, wanted.checksums[part]].includes(published?.[part]));
  const isChanged = known.includes(false);
  const asked = isChanged ? wanted.copies.filter((copy) => !known[partOf(copy)]) : [];
  const requests = requestsFor(image, region, asked);
  const shared = needed.length === 0 ? { lacking: [], problems: [] } : planSharedTags(image, regionsOf(meant.targets));
  const { problems } = shared;
  if (asked.length === 0 && shared.lacking.length === 0 && !(mayWithdraw && isChanged)) return { problems };
  return {
    steps: {
      asked: asked.length,
      requests,
      sharedWith: needed.map(({ account }) => account),
      allowed: mayWithdraw && isChanged ? meant.targets.map(({ account }) => account) : undefined,
      sharedTags: shared.lacking,
      checksums: meant.missing
        ? undefined
        : known.map((isKnown, part) => (isKnown ? published?.[part] : wanted.checksums[part]) ?? ''),
    },
    problems,
  };
}

/**
 * Takes the steps. Each of them can be repeated, and the note that they are taken comes last: where this ends in between, the next sweep
 * takes them all again. Launch permission is what an account sees an image by, so that is given when all else is there.
 * @returns whether there was anything to do: without a note, what the image has tells that it was done
 */
async function carryOut(steps: Steps, image: TaggedImage, { images, topics, nowMs }: PublishContext): Promise<boolean> {
  const { imageId } = image;
  const sharing = await images.sharingOf(image);
  const missing = missingPermissions(sharing, steps.sharedWith);
  const isLacking = steps.sharedTags.length + missing.launch.length + missing.snapshots.size > 0;
  if (!steps.checksums && !isLacking) return false;
  await images.allow(imageId, { ...NO_PERMISSIONS, snapshots: missing.snapshots });
  // The last one says that the others are complete, so it is set alone.
  for (const tags of [steps.sharedTags.slice(0, -1), steps.sharedTags.slice(-1)]) {
    if (tags.length > 0) await images.tag(imageId, tags);
  }
  await images.allow(imageId, { ...NO_PERMISSIONS, launch: missing.launch });
  for (const [region, body] of steps.requests) await topics.publish(region, body);
  if (steps.allowed) await images.withdraw(imageId, surplusPermissions(sharing, steps.allowed));
  if (!steps.checksums) return true;
  const value = formatPublished(new Date(nowMs()).toISOString(), imageId, steps.checksums);
  await images.tag(imageId, [{ key: PUBLISHED_TAG, value }]);
  return true;
}

const NO_PERMISSIONS: Permissions = { launch: [], snapshots: new Map() };

/** Those targets of a published image that no newer image of its recipe is meant for. Without a recipe nobody needs it any more. */
function neededBy(meant: Reading, newer: ReadonlySet<Reading> | undefined): readonly Target[] {
  // Mostly all images of a recipe have the same tag.
  if (!newer || newer.has(meant)) return [];
  if (newer.size === 0) return meant.targets;
  const served = new Set(Array.from(newer).flatMap(({ targets }) => targets.map(({ account }) => account)));
  return meant.targets.filter(({ account }) => !served.has(account));
}

/**
 * The requests for copies of an image, one for each Region.
 * @throws {RejectedError} if every copier would reject them
 */
function requestsFor(image: TaggedImage, region: string, copies: readonly WantedCopy[]): Map<string, string> {
  const requests = new Map<string, string>();
  for (const [target, accounts] of accountsByRegion(copies)) {
    const request = requestFor(image, region, accounts);
    const body = formatCopyRequest(request);
    parseCopyRequest(body);
    planTags(request, NO_COPY_TAGS);
    requests.set(target, body);
  }
  return requests;
}

// Those that an account sets on each copy are known to that account alone.
const NO_COPY_TAGS: readonly Tag[] = [];

function requestFor(image: TaggedImage, sourceRegion: string, targetAccounts: readonly string[]): CopyRequest {
  const { imageId: sourceAmi, name, description, tags } = image;
  return { sourceAmi, sourceRegion, targetAccounts, name, description, tags: tagsToRequest(tags) };
}

/** The shared tags that an image lacks, or why it is to have none. Copies are then asked for by messages alone. */
function planSharedTags(
  image: TaggedImage,
  regions: readonly string[],
): { readonly lacking: readonly Tag[]; readonly problems: readonly string[] } {
  const tags = sharedTagsOf(tagsToRequest(image.tags), regions);
  const shared = image.tags.map(({ key }) => key).filter((key) => key.startsWith(SHARED_TAG));
  const ordinary = tagsWithNote(image) - shared.length;
  const ofCopy = planTags(requestFor(image, '', []), NO_COPY_TAGS).length + 1;
  const reason = noRoomReason(tags, { ordinary, shared, ofCopy });
  if (reason === undefined)
    return { lacking: tags.filter(({ key, value }) => tagValue(image.tags, key) !== value), problems: [] };
  return {
    lacking: [],
    problems: [`With shared tags the image ${reason} It has none, and accounts hear of it by messages alone.`],
  };
}

/** How many tags an image has, as EC2 counts them, with the one that says what was published. */
function tagsWithNote({ tags }: TaggedImage): number {
  const names = tags.map(({ key }) => key).filter((key) => !key.startsWith('aws:'));
  return new Set([...names, PUBLISHED_TAG]).size;
}

function accountsByRegion(copies: readonly WantedCopy[]): Map<string, string[]> {
  const accounts = new Map<string, string[]>();
  for (const { account, region } of copies) {
    const ofRegion = accounts.get(region) ?? [];
    accounts.set(region, ofRegion);
    ofRegion.push(account);
  }
  return accounts;
}

function regionsOf(targets: readonly Target[]): string[] {
  return Array.from(new Set(targets.flatMap(({ regions }) => regions)));
}

function publishedOf(image: TaggedImage): Checksums | undefined {
  return parsePublished(tagValue(image.tags, PUBLISHED_TAG), image.imageId);
}
