import { clientToken } from './client-token.ts';
import { isFor, type CopyRequest } from './copy-request.ts';
import { COPIED_FROM, planTags } from './copy-tags.ts';
import { RefusedError, RetryableError } from './errors.ts';
import type { ImageCatalogue, ImageCopy, ImageState, SourceImage } from './image-catalogue.ts';

/** The account that the copies are made for. */
export interface CopyTarget {
  readonly account: string;
  /** The full ARN: EC2 resolves a bare key id in the wrong account (EC2 User Guide, "Use encryption with EBS-backed AMIs"). */
  readonly kmsKeyArn: string;
  /** The accounts whose images are copied. */
  readonly trustedOwners: readonly string[];
}

export type CopyOutcome =
  | { readonly kind: 'started'; readonly imageId: string }
  | { readonly kind: 'reused'; readonly imageId: string }
  | { readonly kind: 'ignored' };

/**
 * Makes the one copy that a request asks for, or finds it made.
 * @throws {RetryableError} if it may work later
 * @throws {RefusedError} if it never will
 */
export async function copyImage(
  request: CopyRequest,
  target: CopyTarget,
  catalogue: ImageCatalogue,
): Promise<CopyOutcome> {
  if (!isFor(request, target.account)) return { kind: 'ignored' };
  const tags = planTags(request);
  const { sourceAmi: sourceImageId, sourceRegion, name, description } = request;
  const [source, copies] = await Promise.all([
    catalogue.findSource(sourceImageId, sourceRegion),
    catalogue.findCopies(sourceImageId, sourceRegion),
  ]);
  if (source) requireTrusted(sourceImageId, source, target.trustedOwners);

  const existing = existingCopy(sourceImageId, copies);
  if (existing) return { kind: 'reused', imageId: existing.imageId };

  requireCopyable(sourceImageId, sourceRegion, source);
  const attempt = 1 + copies.filter(({ state }) => state === 'failed').length;
  const imageId = await catalogue.startCopy({
    sourceImageId,
    sourceRegion,
    name,
    description,
    kmsKeyArn: target.kmsKeyArn,
    tags,
    clientToken: clientToken({ sourceImageId, sourceRegion, kmsKeyArn: target.kmsKeyArn, attempt }),
  });
  return { kind: 'started', imageId };
}

function requireTrusted(imageId: string, source: SourceImage, trustedOwners: readonly string[]): void {
  if (trustedOwners.includes(source.ownerId)) return;
  throw new RefusedError(
    'UntrustedOwner',
    `${imageId} belongs to account ${source.ownerId}, which is not trusted. ` +
      `Trusted: ${trustedOwners.join(', ')} (trusted_owner_ids).`,
  );
}

/** The copy that makes another one needless: ours, or one that guardian/amigo's copier made, which sets the same tag. */
function existingCopy(sourceImageId: string, copies: readonly ImageCopy[]): ImageCopy | undefined {
  const live = copies.filter(({ state, encrypted }) => encrypted && (state === 'pending' || state === 'available'));
  const ours = live.find(({ tags }) => tags.some(({ key, value }) => key === COPIED_FROM && value === sourceImageId));
  // AMIgo's copier tags a moment after it copies. Wait until its copy has tags, or turns out to be somebody else's.
  const untagged = live.find(({ state, tags }) => state === 'pending' && tags.length === 0);
  if (!ours && untagged) {
    throw new RetryableError('CopyInProgress', `${untagged.imageId}, a copy without tags, is still being made.`);
  }
  return ours;
}

const NEVER_COPYABLE: readonly ImageState[] = ['invalid', 'deregistered', 'failed', 'error', 'disabled'];

function requireCopyable(imageId: string, region: string, source: SourceImage | undefined): void {
  if (!source) {
    throw new RetryableError(
      'SourceNotVisible',
      `${imageId} is not visible to this account in ${region}. ` +
        "Share it (launch permission), or check its id, its Region and the account's Allowed AMIs setting.",
    );
  }
  if (NEVER_COPYABLE.includes(source.state)) {
    throw new RefusedError('SourceNotCopyable', `${imageId} is ${source.state} and cannot be copied.`);
  }
  if (source.state !== 'available') {
    throw new RetryableError('SourceNotReady', `${imageId} is ${source.state}. It is copied once it is available.`);
  }
}
