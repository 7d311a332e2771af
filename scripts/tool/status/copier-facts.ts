import type { CopyEnd } from '../../../lambda/src/core/copy-marker.ts';
import type { ImageState } from '../../../lambda/src/core/image-catalogue.ts';
import type { ImageSize } from '../common/image-size.ts';
import type { CopyFact } from './report.ts';

/** A copy in one account and Region, with all that decides its state. */
export interface CopyInAccount {
  readonly fact: CopyFact;
  readonly state: ImageState;
  /** What EC2 says of a copy that failed. */
  readonly stateReason?: string;
  /** Whether this copier made it; else AMIgo's did. */
  readonly isOurs: boolean;
  /** Why it never counts as a copy that can be used. */
  readonly flaw?: string;
  readonly recipe: string | undefined;
  /** That it is taken away, or is to go. */
  readonly end?: CopyEnd;
  /** Why it stays though it is to go. */
  readonly endReasons?: readonly string[];
  /** Whether the retention policy lets it go now, unless something uses it. */
  readonly mayGo?: true;
  readonly size: ImageSize;
  /** The Region of its source image, where EC2 tells it. */
  readonly sourceRegion?: string;
}

/** What a channel of a recipe points to in one account and Region. */
export interface ChannelFact {
  readonly recipe: string;
  readonly channel: string;
  readonly imageId: string;
}

/** What one account and Region has. */
export interface CopierFacts {
  readonly copies: readonly CopyInAccount[];
  /** None where nobody asked for them. */
  readonly channels: readonly ChannelFact[];
  /** Of the dead letters. */
  readonly failures: readonly { readonly sourceImageId: string; readonly reason: string }[];
}
