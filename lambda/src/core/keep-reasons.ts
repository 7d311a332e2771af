import {
  FOREIGN_MARK,
  parseForeignMark,
  type AccountImage,
  type ForeignMark,
  type ReferencesFound,
} from './account-images.ts';
import { isAnnounced, isUnapproved, keyArnOf, type CopyEnd } from './copy-marker.ts';
import { tagValue, type Tag } from './copy-request.ts';
import type { SnapshotFacts } from './image-catalogue.ts';
import { channelOf, recipeParameter, type ImageParameter, type ParameterNames } from './image-parameters.ts';
import { findFlaw, isContradicted, ownershipOf, snapshotIdsOf, type Ownership } from './ownership.ts';
import type { EndReason } from './retirement-results.ts';

/** What a copier asks of images before they go. */
export interface KeepRules extends ParameterNames {
  readonly copier: string;
  readonly account: string;
  readonly kmsKeyArn: string;
  /** How many copies stay before the one that their recipe's parameter points to, and before each that a channel of it does. */
  readonly rollbackDepth: number;
  /** The tags that an image must have, all of them, to be retired though this copier did not make it; none where none may. */
  readonly retireTagged: readonly Tag[];
}

/** An account at the moment of a step. */
export interface AccountView {
  /** All images of the account. */
  readonly images: readonly AccountImage[];
  /** Below the copier's path. */
  readonly parameters: readonly ImageParameter[];
  /** What names the images that the step is about. */
  readonly found: ReferencesFound;
  /** The snapshots of those images, and of all of their recipes that can be launched. */
  readonly snapshots: readonly SnapshotFacts[];
}

/** An image, and what it is to the copier. */
export interface KnownImage {
  readonly image: AccountImage;
  readonly ownership: Ownership;
  readonly recipe?: string;
  /** When it was baked, or made where that is not known, in milliseconds since 1970: the images of a recipe are ordered by it. */
  readonly bakedMs: number;
  /** Its end, by its marker or by its mark. */
  readonly end?: CopyEnd | ForeignMark;
}

/**
 * Why an image stays. `use`: something needs it, so that it must be launchable. `wait`: it may go later, or once a person has done
 * something. `never`: it is not for this copier to take away.
 */
export interface KeepReason extends EndReason {
  readonly kind: 'use' | 'wait' | 'never';
}

// EC2 learns of a launch within 24 hours (EC2 User Guide, "Check when an Amazon EC2 AMI was last used"). As long again is for instances
// that have come and gone since: a group that does so will launch it again.
const LAUNCHED_LATELY_MS = 2 * 24 * 3600 * 1000;

const KEEP_TAG = 'keep';

export function knownTo(image: AccountImage, rules: Pick<KeepRules, 'copier' | 'account' | 'recipeTag'>): KnownImage {
  const ownership = ownershipOf(image, rules);
  const recipe = tagValue(image.tags, rules.recipeTag);
  const end =
    ownership.kind === 'ours'
      ? ownership.marker.end
      : parseForeignMark(tagValue(image.tags, FOREIGN_MARK), rules.copier);
  return {
    image,
    ownership,
    ...(recipe !== undefined && { recipe }),
    bakedMs: Date.parse(ownership.kind === 'ours' ? ownership.marker.bakedAt : image.createdAt),
    ...(end && { end }),
  };
}

/** The snapshots that {@link keepReasons} looks at: those of the images, and of all of their recipes that can be launched. */
export function snapshotIdsFor(
  imageIds: readonly string[],
  images: readonly AccountImage[],
  rules: Pick<KeepRules, 'copier' | 'account' | 'recipeTag'>,
): string[] {
  const known = images.map((image) => knownTo(image, rules));
  const asked = known.filter(({ image }) => imageIds.includes(image.imageId));
  const recipes = new Set(asked.flatMap(({ recipe }) => recipe ?? []));
  const others = known.filter(({ image, recipe = '' }) => image.state === 'available' && recipes.has(recipe));
  return [...new Set([...asked, ...others].flatMap(({ image }) => snapshotIdsOf(image)))];
}

/** Everything that speaks against taking an image away now; nothing if it may go. */
export function keepReasons(known: KnownImage, view: AccountView, rules: KeepRules, nowMs: number): KeepReason[] {
  const notOurs = notOursReason(known, view, rules);
  if (notOurs) return [notOurs];
  return [
    ...stateReasons(known),
    ...placeReasons(known, view, rules),
    ...view.parameters
      .filter(({ imageId }) => imageId === known.image.imageId)
      .map(({ name }) => use('Parameter', `The parameter ${name} points to it.`)),
    ...view.found.references
      .filter(({ imageId }) => imageId === known.image.imageId)
      .map(({ kind, name }) => use('Referenced', `The ${kind} ${name} uses it.`)),
    ...view.images
      .filter(({ state, source }) => state === 'pending' && source?.imageId === known.image.imageId)
      .map(({ imageId }) => use('PendingCopy', `${imageId} is being made of it.`)),
    ...ownReasons(known, nowMs),
    ...view.found.unreadable.map((what) => wait('Unreadable', what)),
  ];
}

/** The code of an image is asked of EC2's facts, never of its tags alone. */
function notOursReason(
  { image, ownership }: KnownImage,
  { snapshots }: AccountView,
  { account, kmsKeyArn, retireTagged }: KeepRules,
): KeepReason | undefined {
  if (image.ownerId !== account) return never('NotOurs', `It belongs to account ${image.ownerId}.`);
  if (ownership.kind === 'ours') {
    const flaw = findFlaw(snapshotIdsOf(image), snapshots, keyArnOf(ownership.marker, kmsKeyArn));
    return flaw && isContradicted(flaw) ? never('NotOurs', `It is no copy of this copier: ${flaw.reason}`) : undefined;
  }
  const isTagged = ({ key, value }: Tag) => tagValue(image.tags, key) === value;
  if (retireTagged.length > 0 && retireTagged.every(isTagged)) return undefined;
  const remedy =
    retireTagged.length > 0
      ? 'it does not have the tags of the input retire_tagged'
      : 'the input retire_tagged allows no others';
  return never('NotOurs', `It is no copy of this copier, and ${remedy}.`);
}

function stateReasons({ image, ownership, end }: KnownImage): KeepReason[] {
  if (image.state !== 'available' && image.state !== 'disabled') {
    return [wait('NotAvailable', `It is ${image.state}.`)];
  }
  if (ownership.kind !== 'ours' || end?.state === 'revoked') return [];
  if (ownership.marker.announcement?.state === 'announced') return [];
  return [wait('NotAnnounced', 'It is not announced yet.')];
}

/**
 * The newest image of a recipe stays, and so do those that people would go back to. To one that is not approved nobody goes back: it
 * stays while it is newer than the one in use, since it may still be approved, and is left out where the others are counted.
 */
function placeReasons(known: KnownImage, view: AccountView, rules: KeepRules): KeepReason[] {
  const { image, recipe, end } = known;
  // Nobody can launch a revoked image, so it is nothing to go back to.
  if (recipe === undefined || end?.state === 'revoked') return [];
  const versions = versionsOf(recipe, known, view, rules);
  const isApproved = !isWithheld(known);
  const line = versions
    .filter((version) => version === known || !isWithheld(version))
    .map(({ image: { imageId } }) => imageId);
  const place = line.indexOf(image.imageId);
  const current = line.indexOf(currentOf(known, view, rules) ?? '');
  if (place === 0 && (isApproved || versions[0] === known)) {
    return [use('Newest', `It is the newest image of ${recipe}.`)];
  }
  if (!isApproved) {
    const isPast = current >= 0 && place > current;
    return isPast ? [] : [wait('NotApproved', 'Its source image may still be approved.')];
  }
  const { rollbackDepth } = rules;
  const inUse = [
    Math.max(current, 0),
    ...channelsOf(recipe, view, rules)
      .map((imageId) => line.indexOf(imageId))
      .filter((index) => index !== -1),
  ];
  if (!inUse.some((index) => place > index && place <= index + rollbackDepth)) return [];
  return [use('Rollback', `It is one of the ${rollbackDepth} images of ${recipe} before one in use (rollback_depth).`)];
}

/** The images of a recipe that can be launched and the one that is asked for, the newest first. */
function versionsOf(recipe: string, known: KnownImage, view: AccountView, rules: KeepRules): KnownImage[] {
  const others = view.images
    .filter(({ imageId, state }) => state === 'available' && imageId !== known.image.imageId)
    .map((image) => knownTo(image, rules))
    .filter(
      (other) =>
        other.recipe === recipe && isVersion(other, view, rules) && other.ownership.kind === known.ownership.kind,
    );
  return [...others, known].toSorted(newestFirst);
}

/** Whether it is a copy of ours that no parameter may point to yet. */
export function isWithheld({ ownership }: KnownImage): boolean {
  return ownership.kind === 'ours' && isUnapproved(ownership.marker);
}

/**
 * Whether it counts as an image of its recipe: announced and as it should be, or somebody else's; and not taken away. A marker can be set
 * by hand, so that its snapshots are looked at: what only says that it is the newest must not let the newest go.
 */
function isVersion({ image, ownership, end }: KnownImage, { snapshots }: AccountView, rules: KeepRules): boolean {
  if (ownership.kind !== 'ours') return end === undefined;
  if (!isAnnounced(ownership.marker)) return false;
  return findFlaw(snapshotIdsOf(image), snapshots, keyArnOf(ownership.marker, rules.kmsKeyArn)) === undefined;
}

export function newestFirst(one: KnownImage, other: KnownImage): number {
  // Two of one moment need an order that is always the same: else each could be taken for the older one.
  return other.bakedMs - one.bakedMs || (other.image.imageId > one.image.imageId ? 1 : -1);
}

/** The image that the parameter of the recipe points to. */
function currentOf({ image }: KnownImage, { parameters }: AccountView, rules: KeepRules): string | undefined {
  const parameter = recipeParameter(image.tags, rules);
  return 'name' in parameter ? parameters.find(({ name }) => name === parameter.name)?.imageId : undefined;
}

/** The images that the channels of a recipe point to. */
function channelsOf(recipe: string, { parameters }: AccountView, rules: KeepRules): string[] {
  return parameters.filter(({ name }) => channelOf(name, rules)?.recipe === recipe).map(({ imageId }) => imageId);
}

function ownReasons({ image }: KnownImage, nowMs: number): KeepReason[] {
  const reasons: KeepReason[] = [];
  if (image.isProtected) reasons.push(wait('Protected', 'It is protected from being deregistered.'));
  const keep = image.tags.find(({ key }) => key.toLowerCase() === KEEP_TAG);
  if (keep && keep.value.toLowerCase() !== 'false') reasons.push(use('KeepTag', `It has the tag ${keep.key}.`));
  const { lastLaunchedAt } = image;
  if (lastLaunchedAt !== undefined && nowMs - Date.parse(lastLaunchedAt) < LAUNCHED_LATELY_MS) {
    reasons.push(wait('LaunchedLately', `It was launched at ${lastLaunchedAt}, less than two days ago.`));
  }
  return reasons;
}

function use(code: string, message: string): KeepReason {
  return { kind: 'use', code, message };
}

function wait(code: string, message: string): KeepReason {
  return { kind: 'wait', code, message };
}

function never(code: string, message: string): KeepReason {
  return { kind: 'never', code, message };
}
