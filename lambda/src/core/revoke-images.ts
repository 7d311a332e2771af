import type { ForeignMark } from './account-images.ts';
import { isAnnounced, isUnapproved, keyArnOf, type CopyEnd } from './copy-marker.ts';
import { asError, RejectedError } from './errors.ts';
import type { ImageCatalogue } from './image-catalogue.ts';
import { channelOf, pointTo, recipeParameter, type ImageParameter } from './image-parameters.ts';
import { knownTo, newestFirst, type KnownImage } from './keep-reasons.ts';
import { findFlaw, isCopyOf, snapshotIdsOf } from './ownership.ts';
import { withEnd, type RetireContext } from './retire-images.ts';
import type { MovedParameter, RevocationResult } from './retirement-results.ts';

export interface RevokeContext extends RetireContext {
  /** The accounts whose images may be revoked. */
  readonly trustedOwners: readonly string[];
  readonly catalogue: Pick<ImageCatalogue, 'findSource'>;
  readonly pause: (ms: number) => Promise<void>;
}

/** That a source image is revoked, or is no longer. */
export interface Revocation {
  readonly sourceAmi: string;
  readonly sourceRegion: string;
  readonly reason: string;
  /** When it was decided, in ISO 8601. Of two decisions on one image the later one holds, in whatever order they come. */
  readonly at: string;
}

export interface RevocationOutcome extends RevocationResult {
  /** Whether anything was to be done. */
  readonly hasChanged: boolean;
  /** What could not be done. It is to be called again. */
  readonly errors: readonly Error[];
}

/**
 * Takes a bad image away: no parameter points to a copy of it any more, and neither a copy, whoever made it, nor what descends from one
 * can be launched. A copy that EC2 is still making is marked, and settle-copy disables it. It may end anywhere, and be called any
 * number of times.
 * @returns undefined if the image was revoked or unrevoked later than that
 * @throws {RejectedError} if the image belongs to nobody who is trusted
 */
export async function revokeImage(
  revocation: Revocation,
  context: RevokeContext,
): Promise<RevocationOutcome | undefined> {
  const { sourceAmi, sourceRegion, reason, at } = revocation;
  await requireTrusted(revocation, context);
  const noted = await context.ended.find(sourceAmi);
  if (noted && noted.kind !== 'retired' && Date.parse(noted.at) > Date.parse(at)) return undefined;
  // Before anything else: whatever is settled from now on finds it.
  await context.ended.note(sourceAmi, { kind: 'revoked', at, reason });

  const images = (await context.images.list()).map((image) => knownTo(image, context));
  const family = familyOf(sourceAmi, images);
  const work = new Work();
  // Marked first, so that no settling that begins now points a parameter to one of them again.
  for (const known of family) await work.on(known, () => markRevoked(known, revocation, context));
  const parameters = await moveParameters(family, images, work, context);
  for (const known of family.filter(({ image }) => image.state === 'available')) {
    await work.on(known, async () => {
      await context.images.disable(known.image.imageId);
      return true;
    });
  }
  return {
    kind: 'Image Revoked',
    sourceAmi,
    sourceRegion,
    reason,
    images: idsOf(family, 'available', 'disabled').filter((id) => !work.failed.has(id)),
    pending: idsOf(family, 'pending'),
    parameters,
    instances: await countInstances(family, context),
    ...work.result(context),
  };
}

/**
 * Takes back that an image is revoked: its copies, and what descends from them, can be launched again, and parameters point to the
 * newest copy. What descends from another image that is revoked stays disabled.
 * @returns undefined if the image was revoked later than that
 */
export async function unrevokeImage(
  revocation: Revocation,
  context: RevokeContext,
): Promise<RevocationOutcome | undefined> {
  const { sourceAmi, sourceRegion, reason, at } = revocation;
  const noted = await context.ended.find(sourceAmi);
  if (noted?.kind === 'revoked' && Date.parse(noted.at) > Date.parse(at)) return undefined;
  // What was retired stays so. Anything else is noted, for a revocation that comes late.
  if (noted?.kind !== 'retired') await context.ended.note(sourceAmi, { kind: 'unrevoked', at, reason });

  const images = (await context.images.list()).map((image) => knownTo(image, context));
  const others = (await context.ended.list()).filter(
    ({ kind, sourceImageId }) => kind === 'revoked' && sourceImageId !== sourceAmi,
  );
  const stillRevoked = new Set(others.flatMap(({ sourceImageId }) => idsOf(familyOf(sourceImageId, images))));
  const freed = familyOf(sourceAmi, images).filter(
    ({ image, end }) => end?.state === 'revoked' && !stillRevoked.has(image.imageId),
  );
  const work = new Work();
  // Its mark goes last: whoever ends before is followed by one that finds it by that.
  for (const known of freed) await work.on(known, () => enable(known, context));
  const parameters = await restoreParameters(freed, images, work, context);
  for (const known of work.errors.length > 0 ? [] : freed) await work.on(known, () => unmark(known, context));
  return {
    kind: 'Revocation Undone',
    sourceAmi,
    sourceRegion,
    reason,
    images: idsOf(freed, 'available', 'disabled').filter((id) => !work.failed.has(id)),
    pending: idsOf(freed, 'pending'),
    parameters,
    instances: await countInstances(freed, context),
    ...work.result(context),
  };
}

/**
 * Disables the images that are revoked and can be launched all the same: EC2 was still making them, or somebody enabled them. Those whose
 * revocation is being taken back are left to that.
 */
export async function disableRevoked(context: RevokeContext): Promise<string[]> {
  const marked = (await context.images.list())
    .map((image) => knownTo(image, context))
    .filter(({ image, end }) => image.state === 'available' && end?.state === 'revoked');
  if (marked.length === 0) return [];
  const unrevoked = new Set(
    (await context.ended.list()).flatMap(({ kind, sourceImageId }) => (kind === 'unrevoked' ? sourceImageId : [])),
  );
  const revoked = marked.filter((known) => !unrevoked.has(revokedSourceOf(known) ?? ''));
  for (const { image } of revoked) await context.images.disable(image.imageId);
  return idsOf(revoked);
}

/** The source image whose revocation a mark is about. */
function revokedSourceOf({ ownership, end }: KnownImage): string | undefined {
  if (ownership.kind === 'ours') return ownership.sourceImageId;
  return end && 'source' in end ? end.source : undefined;
}

/** Goes on where a part fails, and tells in the end what did. */
class Work {
  readonly errors: Error[] = [];
  readonly problems: string[] = [];
  /** The images of which something failed. */
  readonly failed = new Set<string>();
  hasChanged = false;

  /** @param part says whether there was anything to do */
  async on({ image }: KnownImage, part: () => Promise<boolean>): Promise<void> {
    await this.attempt(image.imageId, part);
  }

  async attempt(what: string, part: () => Promise<boolean>): Promise<void> {
    try {
      if (await part()) this.hasChanged = true;
    } catch (thrown) {
      const error = asError(thrown);
      this.failed.add(what);
      this.errors.push(error);
      this.problems.push(`${what}: ${error.message}`);
    }
  }

  result({ nowMs }: RevokeContext): Pick<RevocationOutcome, 'problems' | 'errors' | 'hasChanged' | 'at'> {
    const { errors, problems, hasChanged } = this;
    return { errors, problems, hasChanged, at: new Date(nowMs()).toISOString() };
  }
}

/**
 * An image that EC2 shows belongs to one of the source accounts, or nobody of ours may take it away. One that it does not show is no
 * public image and none that another account shares: a revoked image is shared with nobody.
 */
async function requireTrusted(
  { sourceAmi, sourceRegion }: Revocation,
  { catalogue, trustedOwners }: RevokeContext,
): Promise<void> {
  const source = await catalogue.findSource(sourceAmi, sourceRegion);
  if (!source || trustedOwners.includes(source.ownerId)) return;
  throw new RejectedError(
    'UntrustedOwner',
    `${sourceAmi} belongs to account ${source.ownerId}, which is not trusted, so it cannot be revoked here. ` +
      `Trusted: ${trustedOwners.join(', ')} (trusted_owner_ids).`,
  );
}

/** The images that were made of the source image, and those that were made of them, whoever made them. */
function familyOf(sourceImageId: string, images: readonly KnownImage[]): KnownImage[] {
  const family = new Set(images.filter((known) => isMadeOf(known, sourceImageId)));
  // A set's iteration comes to what is added meanwhile.
  for (const { image } of family) {
    for (const known of images) if (known.image.source?.imageId === image.imageId) family.add(known);
  }
  return [...family].filter(({ image }) => image.imageId !== sourceImageId);
}

function isMadeOf({ image, ownership }: KnownImage, sourceImageId: string): boolean {
  return isCopyOf(ownership, sourceImageId) || image.source?.imageId === sourceImageId;
}

async function markRevoked(
  known: KnownImage,
  { sourceAmi, at }: Revocation,
  { images }: RevokeContext,
): Promise<boolean> {
  const { image, ownership, end } = known;
  // A retired image is disabled, and restoring it asks whether it is revoked.
  if (end?.state === 'retired' || end?.state === 'revoked') return false;
  if (ownership.kind === 'ours') {
    const revoked: CopyEnd = { state: 'revoked', at };
    await images.mark(image.imageId, [], withEnd(ownership.marker, revoked));
    return true;
  }
  const mark: ForeignMark = { state: 'revoked', at, source: sourceAmi };
  // Without the mark it is disabled all the same. To enable it again takes a person then.
  return await images.markForeign(image.imageId, mark);
}

async function enable({ image }: KnownImage, { images }: RevokeContext): Promise<boolean> {
  if (image.state === 'disabled') await images.enable(image.imageId);
  return true;
}

async function unmark({ image, ownership }: KnownImage, { images }: RevokeContext): Promise<boolean> {
  if (ownership.kind === 'ours') await images.mark(image.imageId, [], withEnd(ownership.marker, undefined));
  else await images.markForeign(image.imageId, undefined);
  return true;
}

/**
 * Points the parameters away from the family: each to the newest copy of its recipe that is none of it, and a channel to the newest
 * one that is older than what it pointed to. What people promoted is never gone beyond.
 */
async function moveParameters(
  family: readonly KnownImage[],
  images: readonly KnownImage[],
  work: Work,
  context: RevokeContext,
): Promise<MovedParameter[]> {
  const gone = new Set(idsOf(family));
  const others = images.filter(({ image }) => !gone.has(image.imageId));
  const moved: MovedParameter[] = [];
  for (const { name, imageId: from } of await context.parameters.list()) {
    const pointedTo = family.find(({ image }) => image.imageId === from);
    if (!pointedTo) continue;
    await work.attempt(name, async () => {
      const channel = channelOf(name, context);
      const older = others.filter((known) => newestFirst(pointedTo, known) < 0);
      const to = channel
        ? await newestFor(`${context.parameterPath}/${channel.recipe}`, older, context)
        : await newestFor(name, others, context);
      if (to !== undefined) await pointTo(name, to, context);
      moved.push({ name, from, to: to ?? null });
      return to !== undefined;
    });
  }
  return moved;
}

/** Points the parameters of what is free again to the newest copies. Channels stay: to promote is for people to do. */
async function restoreParameters(
  freed: readonly KnownImage[],
  images: readonly KnownImage[],
  work: Work,
  context: RevokeContext,
): Promise<MovedParameter[]> {
  if (freed.length === 0) return [];
  const freedIds = new Set(idsOf(freed));
  const asFreed = images.map((known) => (freedIds.has(known.image.imageId) ? unrevoked(known) : known));
  const current = await context.parameters.list();
  const moved: MovedParameter[] = [];
  for (const name of new Set(freed.flatMap((known) => parameterOf(known, context) ?? []))) {
    await work.attempt(name, async () => {
      const to = await newestFor(name, asFreed, context);
      const from = current.find((parameter: ImageParameter) => parameter.name === name)?.imageId;
      if (to === undefined || to === from || !freedIds.has(to)) return false;
      await pointTo(name, to, context);
      moved.push({ name, from: from ?? null, to });
      return true;
    });
  }
  return moved;
}

/** An image as it is once nothing says any more that it is revoked. */
function unrevoked(known: KnownImage): KnownImage {
  const { image, ownership } = known;
  const isDisabled = image.state === 'disabled';
  return {
    ...known,
    ...(isDisabled && { image: { ...image, state: 'available' } }),
    ...(ownership.kind === 'ours' && { ownership: { ...ownership, marker: withEnd(ownership.marker, undefined) } }),
  };
}

/** The newest copy that a parameter may point to: ours, announced, approved, and encrypted as it says. */
async function newestFor(
  parameter: string,
  images: readonly KnownImage[],
  context: RevokeContext,
): Promise<string | undefined> {
  const candidates = images
    .filter((known) => known.image.state === 'available' && parameterOf(known, context) === parameter)
    .toSorted(newestFirst);
  for (const { image, ownership } of candidates) {
    if (ownership.kind !== 'ours' || !isAnnounced(ownership.marker) || isUnapproved(ownership.marker)) continue;
    const snapshotIds = snapshotIdsOf(image);
    const snapshots = await context.images.snapshotsOf(snapshotIds);
    if (!findFlaw(snapshotIds, snapshots, keyArnOf(ownership.marker, context.kmsKeyArn))) return image.imageId;
  }
  return undefined;
}

function parameterOf({ image }: KnownImage, context: RevokeContext): string | undefined {
  const parameter = recipeParameter(image.tags, context);
  return 'name' in parameter ? parameter.name : undefined;
}

async function countInstances(family: readonly KnownImage[], { references }: RevokeContext): Promise<number> {
  return family.length === 0 ? 0 : await references.countInstances(idsOf(family));
}

/** The ids of the images, or of those in some states. */
function idsOf(images: readonly KnownImage[], ...states: readonly KnownImage['image']['state'][]): string[] {
  return images
    .filter(({ image }) => states.length === 0 || states.includes(image.state))
    .map(({ image }) => image.imageId);
}
