import type { Gate } from './approval.ts';
import type { CopyInventory } from './copy-inventory.ts';
import type { CopyResults } from './copy-results.ts';
import type { EndedSources } from './ended-sources.ts';
import type { SourceImages } from './image-catalogue.ts';
import type { ImageParameters, ParameterNames } from './image-parameters.ts';
import type { NextTries } from './request-queue.ts';

export interface SettleContext extends ParameterNames {
  readonly account: string;
  readonly region: string;
  readonly kmsKeyArn: string;
  readonly failedCopyDelaySeconds: number;
  readonly inventory: CopyInventory;
  /** Where copies are deprecated when their source images are; without it they are not. */
  readonly sources?: SourceImages;
  /** What a source image needs before a parameter points to its copy; without it each verified copy may be pointed to. */
  readonly gate?: Gate;
  readonly parameters: ImageParameters;
  readonly ended: Pick<EndedSources, 'find' | 'findAll'>;
  readonly results: CopyResults;
  readonly nextTries: NextTries;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * What became of a copy. All but `waiting`, `unverified` and `unapproved` are done with. `waiting`: EC2 still makes it. `unapproved`: it
 * was announced, and its source image is still not approved. `approved`: it was announced before, and its parameter may point to it now.
 */
export interface SettleOutcome {
  readonly kind:
    'settled' | 'failed' | 'givenUp' | 'unverified' | 'waiting' | 'known' | 'revoked' | 'unapproved' | 'approved';
  /** Why a copy failed, is not verified, or is not approved. */
  readonly reason?: string;
  /** Of a copy that is not approved: whether EC2 shows this account the source image, on which approval is looked for. */
  readonly sourceSeen?: boolean;
  /** Why it could not be read whether the source image is approved. It counts as not approved until it can. */
  readonly approvalError?: Error;
  /** For a copy that failed: when the next try is delivered, from now. */
  readonly retryInSeconds?: number;
  /** Snapshots that lacked tags. */
  readonly repairedSnapshots?: readonly string[];
  /** Snapshots of a copy that failed that EC2 would not delete. */
  readonly undeletedSnapshots?: readonly string[];
  /** Devices for which EC2 makes an empty, unencrypted volume at each launch that does not ask for more. */
  readonly unencryptedDevices?: readonly string[];
  /** The parameter that points to the copy now, or why there is none. */
  readonly parameter?: string;
  /** When the copy is deprecated, as its source image is. */
  readonly deprecatesAt?: string;
  /** Why it is not, though its source image may be. */
  readonly notDeprecated?: string;
  /** From the call of CopyImage to now. */
  readonly copySeconds?: number;
}
