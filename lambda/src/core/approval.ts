import type { Tag } from './copy-request.ts';
import { asError } from './errors.ts';
import { SHARED_TAG } from './shared-tags.ts';

/** A watermark of an image, as EC2 shows it (EC2 API Reference, ImageWatermark). */
export interface Watermark {
  /** The account that attached it and its name, such as `111111111111:approved`. */
  readonly key: string;
  /** The image that it was attached to. What was made of that image has it too, and names the same. */
  readonly imageId: string;
}

/** A copy whose source image is to be approved. */
interface CopyOfSource {
  readonly imageId: string;
  readonly sourceImageId: string;
  readonly sourceRegion: string;
  readonly watermarks: readonly Watermark[];
}

/**
 * What a source image must have before a parameter points to a copy of it: a watermark of this name, or a shared tag. Without a value
 * the tag may have any but `false`.
 */
export type Approval =
  | { readonly kind: 'watermark'; readonly name: string }
  | { readonly kind: 'sharedTag'; readonly key: string; readonly value?: string };

/** What approval is looked for in, of a source image that this account sees. */
export interface SourceMarks {
  readonly imageId: string;
  readonly ownerId: string;
  readonly watermarks: readonly Watermark[];
  readonly tags: readonly Tag[];
}

/** The images that other accounts share with this one. */
export interface SourcesSeen {
  /**
   * Those of the images in a Region that belong to one of the owners and that this account sees.
   * @throws {RetryableError | RejectedError} for what EC2 answers
   */
  findMarks(imageIds: readonly string[], region: string, ownerIds: readonly string[]): Promise<SourceMarks[]>;
}

/** What keeps parameters from copies whose source images are not approved. */
export interface Gate {
  readonly approval: Approval;
  /** The accounts whose approval counts. */
  readonly trustedOwners: readonly string[];
  readonly sources: SourcesSeen;
}

/** Whether the source image of a copy is approved. An error: that could not be read. */
export type Verdict =
  | { readonly isApproved: true }
  /** `sourceSeen`: whether EC2 shows this account the source image. */
  | { readonly isApproved: false; readonly sourceSeen: boolean; readonly error?: Error };

/**
 * Whether the source images of copies are approved, by copy. It asks EC2 once for all in a Region, and for none of those whose copies
 * show it themselves. It never throws.
 */
export async function judge(
  copies: readonly CopyOfSource[],
  { approval, trustedOwners, sources }: Gate,
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const unsure = new Map<string, CopyOfSource[]>();
  for (const copy of copies) {
    // A tag of a copy is its own account's to set. A watermark that came with it is not.
    if (hasWatermark(copy.watermarks, copy.sourceImageId, approval, trustedOwners)) {
      verdicts.set(copy.imageId, { isApproved: true });
    } else unsure.set(copy.sourceRegion, [...(unsure.get(copy.sourceRegion) ?? []), copy]);
  }
  for (const [region, inRegion] of unsure) {
    const ids = Array.from(new Set(inRegion.map(({ sourceImageId }) => sourceImageId)));
    try {
      const seen = await sources.findMarks(ids, region, trustedOwners);
      for (const { imageId, sourceImageId } of inRegion) {
        const source = seen.find((each) => each.imageId === sourceImageId);
        const isApproved = source !== undefined && hasApproval(source, approval, trustedOwners);
        verdicts.set(imageId, isApproved ? { isApproved } : { isApproved, sourceSeen: source !== undefined });
      }
    } catch (thrown) {
      const error = asError(thrown);
      for (const { imageId } of inRegion) verdicts.set(imageId, { isApproved: false, sourceSeen: false, error });
    }
  }
  return verdicts;
}

/** In a sentence, what a copy waits for that is not approved. */
export function requirement(
  { sourceImageId, sourceRegion }: Pick<CopyOfSource, 'sourceImageId' | 'sourceRegion'>,
  gate: Pick<Gate, 'approval' | 'trustedOwners'> | undefined,
): string {
  const source = `its source image ${sourceImageId} in ${sourceRegion}`;
  if (!gate) return `It waits for the approval of ${source}.`;
  const { approval, trustedOwners } = gate;
  const needed =
    approval.kind === 'watermark'
      ? `the watermark ${approval.name} of ${trustedOwners.join(' or ')}`
      : `the tag ${SHARED_TAG}${approval.key}${approval.value === undefined ? '' : ` = ${approval.value}`}`;
  return `It waits for the approval of ${source}, which needs ${needed}.`;
}

function hasApproval(
  { imageId, ownerId, watermarks, tags }: SourceMarks,
  approval: Approval,
  trustedOwners: readonly string[],
): boolean {
  if (!trustedOwners.includes(ownerId)) return false;
  if (approval.kind === 'watermark') return hasWatermark(watermarks, imageId, approval, trustedOwners);
  const tag = tags.find(({ key }) => key === `${SHARED_TAG}${approval.key}`);
  if (tag === undefined) return false;
  return approval.value === undefined ? tag.value.toLowerCase() !== 'false' : tag.value === approval.value;
}

/** One that was attached to this very image: an image that is baked from an approved one has the watermark of that. */
function hasWatermark(
  watermarks: readonly Watermark[],
  sourceImageId: string,
  approval: Approval,
  trustedOwners: readonly string[],
): boolean {
  if (approval.kind !== 'watermark') return false;
  const keys = trustedOwners.map((account) => `${account}:${approval.name}`);
  return watermarks.some(({ key, imageId }) => imageId === sourceImageId && keys.includes(key));
}
