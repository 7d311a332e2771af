import type { CopySnapshot } from './copy-inventory.ts';
import type { CopyMarker } from './copy-marker.ts';
import type { ImageFacts } from './image-catalogue.ts';

/** An image of this account, with what its end depends on. */
export interface AccountImage extends ImageFacts {
  readonly name: string;
  /** When it was made, as EC2 says it. */
  readonly createdAt: string;
  /** Whether it is protected from being deregistered, or was until less than a day ago. */
  readonly isProtected: boolean;
  /** The last launch that EC2 knows of; it learns of one within 24 hours (EC2 User Guide, "lastLaunchedTime"). */
  readonly lastLaunchedAt?: string;
}

/** Something in this account that names an image. */
export interface ImageReference {
  readonly imageId: string;
  /** What it is, such as `instance`. */
  readonly kind: string;
  /** Its name or id, as the console shows it. */
  readonly name: string;
}

/** What names images in this account, and what of it could not be read. */
export interface ReferencesFound {
  readonly references: readonly ImageReference[];
  /** In words: what could not be read, and why. */
  readonly unreadable: readonly string[];
}

/** What EC2 says of a snapshot that was to go with its image (EC2 API Reference, DeleteSnapshotReturnCode). */
export interface SnapshotDeletion {
  readonly snapshotId: string;
  /** `success`, `skipped` for one that another image uses, or what kept EC2 from it. */
  readonly code: string;
}

/** The mark of an image that is retired or revoked and is no copy of this copier's. */
export interface ForeignMark {
  readonly state: 'retired' | 'revoked';
  readonly at: string;
  readonly quarantineDays?: number;
  /** The source image whose revocation it is. */
  readonly source?: string;
}

/** The images of this account and Region, whoever made them. */
export interface AccountImages {
  /** All of them, in any state. */
  list(): Promise<AccountImage[]>;
  snapshotsOf(snapshotIds: readonly string[]): Promise<CopySnapshot[]>;
  /** Writes the marker of a copy, and of snapshots of it. */
  mark(imageId: string, snapshotIds: readonly string[], marker: CopyMarker): Promise<void>;
  /**
   * Writes the mark of an image that is no copy of this copier's, or takes it away. Says whether the image has it: it may have as many
   * tags as EC2 allows.
   */
  markForeign(imageId: string, mark: ForeignMark | undefined): Promise<boolean>;
  /** Disables an image: nothing is launched from it any more, and its sharing ends. */
  disable(imageId: string): Promise<void>;
  enable(imageId: string): Promise<void>;
  /** Deregisters an image, and says what became of its snapshots. One that is gone already is no error. */
  deregister(imageId: string): Promise<SnapshotDeletion[]>;
  /** The snapshots of retired images that are still there. */
  retiredSnapshots(): Promise<string[]>;
  /** Deletes a snapshot, and says whether it is gone now; one that an image uses stays. */
  deleteSnapshot(snapshotId: string): Promise<boolean>;
}

/** EC2 API Reference, DescribeImageReferences: at most 10 images a call. */
export const IMAGES_AT_ONCE = 10;

/** What uses the images of this account and Region. */
export interface ImageReferences {
  /** Reads anew what names any of the images, of which there are at most {@link IMAGES_AT_ONCE}. It never fails: what cannot be read is named. */
  find(imageIds: readonly string[]): Promise<ReferencesFound>;
  /** How many instances that are not terminated were launched from the images. */
  countInstances(imageIds: readonly string[]): Promise<number>;
}

/** The tag that marks an image that is retired or revoked and is no copy of this copier's. */
export const FOREIGN_MARK = 'ImageCopierEnd';

const FORM =
  /^(?<copier>[A-Za-z0-9_-]+) (?<state>retired|revoked)=(?<at>\S+)(?: quarantine=(?<days>[0-9]{1,3}))?(?: source=(?<source>ami-[0-9a-f]{1,32}))?$/;

export function formatForeignMark(copier: string, { state, at, quarantineDays, source }: ForeignMark): string {
  const quarantine = quarantineDays === undefined ? '' : ` quarantine=${quarantineDays}`;
  return `${copier} ${state}=${at}${quarantine}${source === undefined ? '' : ` source=${source}`}`;
}

/** The mark that this copier has set on an image, or undefined. */
export function parseForeignMark(value: string | undefined, copier: string): ForeignMark | undefined {
  const fields = FORM.exec(value ?? '')?.groups;
  if (fields?.['copier'] !== copier) return undefined;
  const { state, at = '', days, source } = fields;
  if (Number.isNaN(Date.parse(at))) return undefined;
  return {
    state: state as ForeignMark['state'],
    at,
    ...(days !== undefined && { quarantineDays: Number(days) }),
    ...(source !== undefined && { source }),
  };
}
