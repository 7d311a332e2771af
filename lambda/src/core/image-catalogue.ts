import type { Tag } from './copy-request.ts';

/** The states of an image, as EC2 names them (EC2 API Reference, Image). */
export type ImageState =
  'pending' | 'available' | 'invalid' | 'deregistered' | 'transient' | 'failed' | 'error' | 'disabled';

export interface SourceImage {
  readonly ownerId: string;
  readonly state: ImageState;
  /** When it was made, as EC2 says it: `2026-11-23T22:10:00.000Z`. */
  readonly createdAt: string;
}

/** An image of this account that was copied from the source. */
export interface ImageCopy {
  readonly imageId: string;
  readonly state: ImageState;
  readonly tags: readonly Tag[];
  /** False if EC2 shows a device that is not encrypted; unknown devices of a pending copy do not count. */
  readonly encrypted: boolean;
}

export interface CopyPlan {
  readonly sourceImageId: string;
  readonly sourceRegion: string;
  readonly name: string;
  readonly description: string;
  readonly kmsKeyArn: string;
  readonly tags: readonly Tag[];
  readonly clientToken: string;
  /** Minutes within which EC2 is to copy, as `isPace` allows them; without them it takes its own time. */
  readonly withinMinutes?: number;
}

/**
 * EC2's images, as this account sees them.
 * Each method throws RetryableError or RejectedError, and nothing else, for what EC2 answers.
 */
export interface ImageCatalogue {
  /** The image in its own Region, or undefined while it is not visible to this account. */
  findSource(imageId: string, region: string): Promise<SourceImage | undefined>;
  /** This account's images that were copied from the source, in any state. */
  findCopies(sourceImageId: string, sourceRegion: string): Promise<ImageCopy[]>;
  /**
   * Starts the copy and returns its image id. The same token gives the same copy.
   * @throws {PaceRefusedError} if EC2 does not copy within the time of the plan
   */
  startCopy(plan: CopyPlan): Promise<string>;
  /** The state of an image of this account, or undefined while EC2 does not know it: it is new, or gone for long. */
  stateOf(imageId: string): Promise<ImageState | undefined>;
}
