import type { Tag } from './copy-request.ts';

/** The states of an image, as EC2 names them (EC2 API Reference, Image). */
export type ImageState =
  'pending' | 'available' | 'invalid' | 'deregistered' | 'transient' | 'failed' | 'error' | 'disabled';

export interface SourceImage {
  readonly ownerId: string;
  readonly state: ImageState;
  /** When it was made, as EC2 says it: `2026-11-23T22:10:00.000Z`. */
  readonly createdAt: string;
  /** When it is deprecated, or was, as far as EC2 tells it: `2028-11-23T22:10:00.000Z`. */
  readonly deprecatesAt?: string;
}

/** An image of this account, as EC2 shows it. */
export interface ImageFacts {
  readonly imageId: string;
  readonly ownerId: string;
  readonly state: ImageState;
  /** What it was made of, as EC2 notes it. EC2 has no such note of some older images (EC2 User Guide, "Use AMI ancestry"). */
  readonly source?: { readonly imageId: string; readonly region: string };
  /** The instance that CreateImage made it of; EC2 shows none for a copy (EC2 API Reference, Image). */
  readonly sourceInstanceId?: string;
  readonly tags: readonly Tag[];
  /** Its EBS devices; instance stores and devices that are left out have nothing to verify. */
  readonly devices: readonly EbsDevice[];
}

export interface EbsDevice {
  readonly name: string;
  /** Missing while the image is pending. An available image without it has an empty volume there. */
  readonly snapshotId?: string;
  readonly encrypted?: boolean;
}

/** A snapshot as EC2 shows it. */
export interface SnapshotFacts {
  readonly snapshotId: string;
  readonly encrypted: boolean;
  readonly kmsKeyArn?: string;
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

/** Images that may belong to others, each in its own Region. */
export interface SourceImages {
  /**
   * Those of the images in a Region that are visible to this account, by their ids.
   * @throws {RetryableError | RejectedError} for what EC2 answers
   */
  findSources(imageIds: readonly string[], region: string): Promise<ReadonlyMap<string, SourceImage>>;
}

/**
 * EC2's images, as this account sees them.
 * Each method throws RetryableError or RejectedError, and nothing else, for what EC2 answers.
 */
export interface ImageCatalogue {
  /** The image in its own Region, or undefined while it is not visible to this account. */
  findSource(imageId: string, region: string): Promise<SourceImage | undefined>;
  /**
   * This account's images, in any state, that EC2 says were made of the source, and those that are tagged as copies of it.
   * What each of them is, `ownershipOf` says.
   */
  findCopies(sourceImageId: string, sourceRegion: string): Promise<ImageFacts[]>;
  /** Those of this account's snapshots that EC2 shows. */
  findSnapshots(snapshotIds: readonly string[]): Promise<SnapshotFacts[]>;
  /**
   * Starts the copy and returns its image id. The same token gives the same copy.
   * @throws {PaceRefusedError} if EC2 does not copy within the time of the plan
   */
  startCopy(plan: CopyPlan): Promise<string>;
  /** The state of an image of this account, or undefined while EC2 does not know it: it is new, or gone for long. */
  stateOf(imageId: string): Promise<ImageState | undefined>;
}
