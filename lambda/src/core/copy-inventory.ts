import type { Watermark } from './approval.ts';
import type { CopyMarker } from './copy-marker.ts';
import type { Tag } from './copy-request.ts';
import type { ImageFacts, ImageState, SnapshotFacts } from './image-catalogue.ts';

/** A copy that is ours, as `ownershipOf` says it. */
export interface OwnCopy {
  readonly imageId: string;
  readonly state: ImageState;
  /** What EC2 says of a copy that failed. */
  readonly stateReason?: string;
  readonly name: string;
  readonly description: string;
  /** When CopyImage was called, as EC2 says it. */
  readonly createdAt: string;
  readonly sourceImageId: string;
  readonly sourceRegion: string;
  readonly tags: readonly Tag[];
  readonly watermarks: readonly Watermark[];
  readonly marker: CopyMarker;
  /** The snapshots behind its devices; EC2 shows them once it is available. */
  readonly snapshotIds: readonly string[];
  /** The names of the devices without a snapshot whose volumes are made unencrypted, unless the account's default is to encrypt. */
  readonly unencryptedBlanks: readonly string[];
  /** When it is deprecated, or was. */
  readonly deprecatesAt?: string;
}

export interface CopySnapshot extends SnapshotFacts {
  readonly tags: readonly Tag[];
}

/** The copies that this copier made in this account and Region; no method sees or touches any other image. */
export interface CopyInventory {
  /** Those of the images that are copies of this copier, in any state. */
  findById(imageIds: readonly string[]): Promise<OwnCopy[]>;
  /** All copies that something is to be done with: those that are not announced, be they pending, failed or available, and those that are not approved. */
  findOpen(): Promise<OwnCopy[]>;
  /**
   * The available copies whose end is decided and whose tag with this key has one of these values, as far as their source images were
   * baked since then. Some that were baked before may be among them.
   */
  findSettled(key: string, values: readonly string[], bakedSince: string): Promise<OwnCopy[]>;
  snapshotsOf(snapshotIds: readonly string[]): Promise<CopySnapshot[]>;
  /** Whether EC2 encrypts every new volume of this account and Region. */
  encryptsByDefault(): Promise<boolean>;
  /** Sets tags on snapshots; those of the same name are overwritten. */
  tagSnapshots(snapshotIds: readonly string[], tags: readonly Tag[]): Promise<void>;
  /** Writes the marker of an image. */
  mark(imageId: string, marker: CopyMarker): Promise<void>;
  /**
   * Has an image deprecated from then on.
   * @throws {RetryableError} if it may work later
   * @throws {RejectedError} if it never will
   */
  deprecate(imageId: string, at: string): Promise<void>;
  /** Disables an image, so that nothing is launched from it. */
  disable(imageId: string): Promise<void>;
  /** Deregisters an image and deletes its snapshots; says which of them stay. One that is gone already is no error. */
  remove(imageId: string): Promise<string[]>;
  /** Deletes the snapshots that a failed copy left behind, and says which. */
  removeFailedSnapshots(): Promise<string[]>;
  /** Those of the images, whoever made them, that this account can launch as its own. */
  findLaunchable(imageIds: readonly string[]): Promise<ImageFacts[]>;
  /** All images of this account that are tagged as copies, by whom and in what state ever. What each is, `ownershipOf` says. */
  listCopies(): Promise<ImageFacts[]>;
}
