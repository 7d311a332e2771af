import type { ImageState } from '../../../lambda/src/core/image-catalogue.ts';
import type { FailedTries } from '../common/failed-tries.ts';
import type { Environment } from '../common/environment.ts';

/** How a copy of an image stands in one account and Region. */
export type CellState =
  /** A verified copy of the newest image. */
  | 'available'
  /** EC2 copies, or a try has failed and the next one is due. */
  | 'pending'
  /** EC2 gave the copy up, it is not verified, or the request is among the dead letters. */
  | 'failed'
  /** The image is shared with the account, and there is no copy and no failure. */
  | 'missing'
  /** The account has a copy of an older image of the recipe, and none of the newest. */
  | 'stale'
  /** The image is not shared with the account. */
  | 'not shared'
  /** In a row of one image: the Region has images of the recipe of its own. */
  | 'not wanted'
  /** The account could not be read. */
  | 'unknown';

/** A copy as EC2 shows it. */
export interface CopyFact {
  readonly imageId: string;
  readonly sourceImageId: string;
  /** When the source image was made, in ISO 8601. */
  readonly bakedAt: string;
  /** When CopyImage was called, in ISO 8601. */
  readonly startedAt: string;
  /** When it was verified and announced, in ISO 8601. */
  readonly settledAt?: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** When it is deprecated, or was, in ISO 8601. */
  readonly deprecatesAt?: string;
  /** ARN of the key of its snapshots. */
  readonly keyArn?: string;
  /** Devices for which EC2 makes an empty, unencrypted volume at each launch that does not ask for more. */
  readonly unencryptedDevices?: readonly string[];
  /** Of a copy that no parameter points to until its source image is approved: what that needs, in a sentence. */
  readonly waitsFor?: string;
}

export interface Cell {
  readonly state: CellState;
  /** The copy that the state is about; for `stale` the newest one that there is. */
  readonly copy?: CopyFact;
  /** Why it failed, why the account could not be read, or what is to be known of a copy that is available. */
  readonly reason?: string;
  /** Of a copy that is pending: tries before it, or before the next one. */
  readonly failedTries?: FailedTries;
}

/** A row: a recipe with its newest image in each Region, or one image. */
export interface Row {
  /** The recipe, or the id of an image without one. */
  readonly title: string;
  readonly recipe?: string;
  /** The images that the row is about, the newest first. Each but the first is for its own Region alone. */
  readonly images: readonly SourceImageFact[];
  /** In the order of the columns. */
  readonly cells: readonly Cell[];
}

export interface SourceImageFact {
  readonly imageId: string;
  readonly region: string;
  readonly name: string;
  /** In ISO 8601. */
  readonly bakedAt: string;
}

/** A copy that is taken away, or is to go. */
export interface EndedCopy extends Environment {
  readonly imageId: string;
  readonly sourceImageId: string;
  readonly recipe?: string;
  /** `asked`: it is to go, and something uses it. `retired`: in quarantine. */
  readonly state: 'asked' | 'retired' | 'revoked';
  /** When that was decided, in ISO 8601. */
  readonly at: string;
  /** Why one that is to go stays, as far as that could be read now; of one in quarantine, when it may be removed. */
  readonly reasons: readonly string[];
}

/** What the copies of a recipe take in all accounts. */
export interface RecipeStorage {
  readonly recipe: string;
  readonly copies: number;
  readonly gib: number;
  /** By the list price. */
  readonly dollarsPerMonth: number;
  /** Whether EC2 tells the full size of each snapshot; else the sizes of some are those of their volumes. */
  readonly isFullSize: boolean;
  /** What the retention policies let go of it now; left out where they let nothing go. */
  readonly freed?: FreedStorage;
}

/** What copies take that retention policies let go, at most: whether instances and the like use them is not known. */
export interface FreedStorage {
  readonly copies: number;
  readonly gib: number;
  /** By the list price. */
  readonly dollarsPerMonth: number;
}

/** A channel of a recipe in one account and Region. */
export interface ChannelInAccount extends Environment {
  readonly recipe: string;
  readonly channel: string;
  /** What it points to; missing where it is not set. */
  readonly imageId?: string;
  /** Of a copy: its source image, and when that was baked, in ISO 8601. */
  readonly sourceImageId?: string;
  readonly bakedAt?: string;
  /**
   * `not set`: other accounts have such a channel. `no copy`: the account has no copy with this id. Else how the copy stands: instances
   * can be launched by the channel where it is available.
   */
  readonly state: 'not set' | 'no copy' | 'retired' | 'revoked' | ImageState;
}

export interface StatusReport {
  /** When it was read, in ISO 8601. */
  readonly readAt: string;
  readonly columns: readonly Environment[];
  readonly rows: readonly Row[];
  /** Copies that are revoked, in quarantine, or to go; left out where there are none. */
  readonly ended?: readonly EndedCopy[];
  /** By recipe and channel; left out where there are none. */
  readonly channels?: readonly ChannelInAccount[];
  /** By recipe; left out where no size is known. */
  readonly storage?: readonly RecipeStorage[];
}
