import { clientToken } from './client-token.ts';
import { formatMarker, keyArnOf, keyIdOf, MARKER, MAX_ATTEMPTS, type CopyMarker } from './copy-marker.ts';
import { isFor, type CopyRequest, type Tag } from './copy-request.ts';
import { planTags } from './copy-tags.ts';
import { isOver, type EndedSources, type SourceEnd } from './ended-sources.ts';
import { PaceRefusedError, RejectedError, RetryableError, TokenTakenError } from './errors.ts';
import type { CopyPlan, ImageCatalogue, ImageFacts, ImageState, SourceImage } from './image-catalogue.ts';
import {
  findFlaw,
  isContradicted,
  isCopyOf,
  isLiveCopy,
  ownershipOf,
  snapshotIdsOf,
  type Ownership,
} from './ownership.ts';
import { isSamePartition } from './partition.ts';
import type { Reason } from './request-queue.ts';

/** The account that the copies are made for. */
export interface CopyTarget {
  /** The copier's name, by which it knows its own copies. */
  readonly copier: string;
  readonly account: string;
  /** The full ARN: EC2 resolves a bare key id in the wrong account (EC2 User Guide, "Use encryption with EBS-backed AMIs"). */
  readonly kmsKeyArn: string;
  /** The tags that this account sets on every copy. */
  readonly copyTags: readonly Tag[];
  /** Minutes within which EC2 is to copy where the request names none. */
  readonly withinMinutes?: number;
  /** The accounts whose images are copied. */
  readonly trustedOwners: readonly string[];
}

export type CopyOutcome =
  | { readonly kind: 'started'; readonly imageId: string; readonly ownPace?: Reason }
  | { readonly kind: 'reused'; readonly imageId: string }
  | { readonly kind: 'ignored' };

/**
 * Makes the one copy that a request asks for, or finds it made.
 * @throws {RetryableError} if it may work later
 * @throws {RejectedError} if it never will
 */
export async function copyImage(
  request: CopyRequest,
  target: CopyTarget,
  catalogue: ImageCatalogue,
  ended: Pick<EndedSources, 'find'>,
): Promise<CopyOutcome> {
  if (!isFor(request, target.account)) return { kind: 'ignored' };
  const tags = planTags(request, target.copyTags);
  const { sourceAmi: sourceImageId, sourceRegion, name, description, retry } = request;
  requireSamePartition(sourceImageId, sourceRegion, target.kmsKeyArn);
  const [source, found] = await Promise.all([
    catalogue.findSource(sourceImageId, sourceRegion),
    catalogue.findCopies(sourceImageId, sourceRegion),
  ]);
  if (source) requireTrusted(sourceImageId, source, target.trustedOwners);

  const images = found.map((image): Owned => ({ image, ownership: ownershipOf(image, target) }));
  const copies = images.filter(({ ownership }) => isCopyOf(ownership, sourceImageId, sourceRegion));
  const existing = existingCopy(await withoutContradicted(copies, target, catalogue), images);
  if (existing) return { kind: 'reused', imageId: existing.imageId };
  requireSettled(copies, retry?.after);
  // After the copies: a copy that is removed is noted before, so that one that is not found any more is found noted.
  requireNotOver(sourceImageId, await ended.find(sourceImageId));

  const { createdAt: bakedAt } = requireCopyable(sourceImageId, sourceRegion, source);
  const { copier, kmsKeyArn } = target;
  const withinMinutes = request.withinMinutes ?? target.withinMinutes;
  const order: Order = {
    plan: { sourceImageId, sourceRegion, name, description, kmsKeyArn, tags },
    marker: { copier, attempt: retry?.attempt ?? 1, bakedAt, keyId: keyIdOf(kmsKeyArn) },
    ...(withinMinutes !== undefined && { withinMinutes }),
  };
  return { kind: 'started', ...(await startNewCopy(order, retry?.after, catalogue)) };
}

/** What is asked of EC2. */
interface Order {
  /** With the tags of the copy but the marker. */
  readonly plan: Omit<CopyPlan, 'clientToken' | 'withinMinutes'>;
  readonly marker: CopyMarker;
  /** Minutes within which EC2 is to copy. */
  readonly withinMinutes?: number;
}

/** A copy that EC2 has taken on. */
interface StartedCopy {
  readonly imageId: string;
  /** Why EC2 copies at its own pace, though it was to copy within a time. */
  readonly ownPace?: Reason;
}

/** How many copies that are gone one delivery steps over. Each costs a call of CopyImage, of which EC2 allows one a second. */
const MAX_COPIES_GONE = 5;

/**
 * Starts a copy that is really there: EC2 answers a token that it knows with the copy of long ago, even if that is
 * gone. Every delivery steps over the same copies, so that all of them end at the same one.
 */
async function startNewCopy(order: Order, after: string | undefined, catalogue: ImageCatalogue): Promise<StartedCopy> {
  let gone = after;
  for (let copiesGone = 0; copiesGone < MAX_COPIES_GONE; copiesGone += 1) {
    const { sourceImageId, sourceRegion, kmsKeyArn } = order.plan;
    const token = clientToken({ sourceImageId, sourceRegion, kmsKeyArn, ...(gone !== undefined && { after: gone }) });
    const started = await startAtAnyAttempt(order, token, catalogue);
    const { imageId } = started;
    const state = await catalogue.stateOf(imageId);
    if (state === undefined) {
      throw new RetryableError('CopyNotListed', `EC2 answers with ${imageId}, which it does not list (yet).`);
    }
    // One that has failed already carries the request on: settling it enqueues the next try.
    if (state !== 'deregistered') return started;
    gone = imageId;
  }
  throw new RetryableError('CopiesGone', `${MAX_COPIES_GONE} earlier copies are gone. It goes on after them.`);
}

/**
 * Starts a copy, or finds the one that another request for the same image began by this token: its tags may name another
 * attempt, and EC2 answers a token that it knows with the same tags alone.
 * @throws {TokenTakenError} if it was begun with other tags than those of any attempt
 */
async function startAtAnyAttempt(order: Order, clientToken: string, catalogue: ImageCatalogue): Promise<StartedCopy> {
  const { marker } = order;
  try {
    return await startAtPace(order, clientToken, catalogue);
  } catch (error) {
    if (!(error instanceof TokenTakenError)) throw error;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      if (attempt === marker.attempt) continue;
      try {
        return await startAtPace({ ...order, marker: { ...marker, attempt } }, clientToken, catalogue);
      } catch (again) {
        if (!(again instanceof TokenTakenError)) throw again;
      }
    }
    throw error;
  }
}

/**
 * Starts a copy within the time that was asked for or, where EC2 refuses that, at its own pace: late is better than never. Both
 * have one token: of two deliveries at the same time that EC2 answers differently, one starts the copy.
 */
async function startAtPace(
  { plan, marker, withinMinutes }: Order,
  clientToken: string,
  catalogue: ImageCatalogue,
): Promise<StartedCopy> {
  const start = async (pace: Pick<Order, 'withinMinutes'>) => {
    const tags = [...plan.tags, { key: MARKER, value: formatMarker({ ...marker, ...pace }) }];
    return await catalogue.startCopy({ ...plan, ...pace, tags, clientToken });
  };
  if (withinMinutes === undefined) return { imageId: await start({}) };
  try {
    return { imageId: await start({ withinMinutes }) };
  } catch (error) {
    if (!(error instanceof PaceRefusedError)) throw error;
    const { code, message } = error;
    return { imageId: await start({}), ownPace: { code, message } };
  }
}

/** EC2 User Guide, "Copy an Amazon EC2 AMI": across partitions an image is stored and restored, never copied. */
function requireSamePartition(imageId: string, region: string, kmsKeyArn: string): void {
  const [, , , ownRegion = ''] = kmsKeyArn.split(':');
  if (isSamePartition(region, ownRegion)) return;
  throw new RejectedError(
    'OtherPartition',
    `${imageId} cannot be copied: ${region} is in another partition than ${ownRegion}. Bake the image in this partition.`,
  );
}

function requireTrusted(imageId: string, source: SourceImage, trustedOwners: readonly string[]): void {
  if (trustedOwners.includes(source.ownerId)) return;
  throw new RejectedError(
    'UntrustedOwner',
    `${imageId} belongs to account ${source.ownerId}, which is not trusted. ` +
      `Trusted: ${trustedOwners.join(', ')} (trusted_owner_ids).`,
  );
}

/** An image, and what it is to this copier. */
interface Owned {
  readonly image: ImageFacts;
  readonly ownership: Ownership;
}

/**
 * The copies without those that only say that they are ours: a marker can be set by hand, the key of a snapshot cannot. That takes a
 * call where there is a copy already, and none where one is to be made.
 */
async function withoutContradicted(
  copies: readonly Owned[],
  { kmsKeyArn }: CopyTarget,
  catalogue: ImageCatalogue,
): Promise<Owned[]> {
  const kept: Owned[] = [];
  for (const copy of copies) {
    const { image, ownership } = copy;
    const snapshotIds = snapshotIdsOf(image);
    if (ownership.kind === 'ours' && snapshotIds.length > 0 && isLiveCopy(image, ownership)) {
      const flaw = findFlaw(
        snapshotIds,
        await catalogue.findSnapshots(snapshotIds),
        keyArnOf(ownership.marker, kmsKeyArn),
      );
      if (flaw && isContradicted(flaw)) continue;
    }
    kept.push(copy);
  }
  return kept;
}

/**
 * The copy that makes another one needless: ours, or one that somebody else made of the same source, as guardian/amigo's copier.
 * @throws {RetryableError} while the outcome of somebody else's copy is open: if it fails, nobody but us makes another
 */
function existingCopy(copies: readonly Owned[], images: readonly Owned[]): ImageFacts | undefined {
  const isLive = ({ image, ownership }: Owned) => isLiveCopy(image, ownership);
  const live = copies.filter(isLive);
  const existing = live.find(({ image, ownership }) => image.state !== 'pending' || ownership.kind === 'ours');
  // AMIgo's copier tags a moment after it copies. Wait until its copy has tags, or turns out to be somebody else's.
  const untagged = images.filter(
    (owned) => isLive(owned) && isNotTagged(owned.ownership) && owned.image.tags.length === 0,
  );
  const open = [...live, ...untagged].find(({ image }) => image.state === 'pending');
  if (!existing && open) {
    const { imageId } = open.image;
    throw new RetryableError('CopyInProgress', `${imageId}, a copy that somebody else started, is still pending.`);
  }
  return existing?.image;
}

function isNotTagged(ownership: Ownership): boolean {
  return ownership.kind === 'none' && ownership.code === 'NotTagged';
}

const FAILED: readonly ImageState[] = ['failed', 'error', 'invalid'];

/** A failed copy of ours is settled first: that removes it, and enqueues the next try. */
function requireSettled(copies: readonly Owned[], settled: string | undefined): void {
  const failed = copies.find(
    ({ image, ownership }) => ownership.kind === 'ours' && FAILED.includes(image.state) && image.imageId !== settled,
  );
  if (!failed) return;
  const { imageId } = failed.image;
  throw new RetryableError('CopyFailed', `${imageId}, an earlier copy, has failed and is about to be settled.`);
}

/** What was retired or revoked never comes back by itself, however late or often it is asked for. */
function requireNotOver(imageId: string, end: SourceEnd | undefined): void {
  if (!isOver(end)) return;
  const { kind, at, reason } = end;
  if (kind === 'revoked') {
    const remedy = 'Only the source account can undo that (command unrevoke).';
    throw new RejectedError('ImageRevoked', `${imageId} was revoked at ${at}: ${reason} ${remedy}`);
  }
  const remedy = 'To have a copy all the same, undo that (command restore), and ask for it again.';
  throw new RejectedError('ImageRetired', `${imageId} was retired at ${at}. ${reason} ${remedy}`);
}

const NEVER_COPYABLE: readonly ImageState[] = ['invalid', 'deregistered', 'failed', 'error', 'disabled'];

function requireCopyable(imageId: string, region: string, source: SourceImage | undefined): SourceImage {
  if (!source) {
    throw new RetryableError(
      'SourceNotVisible',
      `${imageId} is not visible to this account in ${region}. ` +
        "Share it (launch permission), or check its id, its Region and the account's Allowed AMIs setting.",
    );
  }
  if (NEVER_COPYABLE.includes(source.state)) {
    throw new RejectedError('SourceNotCopyable', `${imageId} is ${source.state} and cannot be copied.`);
  }
  if (source.state !== 'available') {
    throw new RetryableError('SourceNotReady', `${imageId} is ${source.state}. It is copied once it is available.`);
  }
  return source;
}
