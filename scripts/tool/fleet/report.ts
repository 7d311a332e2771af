import type { Environment } from '../common/environment.ts';

/** What a running instance runs. The order is that of tables. */
export const FLEET_STATES = ['current', 'behind', 'revoked', 'no copy', 'unknown'] as const;

/**
 * `current`: the newest verified copy of its recipe in the account and Region, or an image made of it. `behind`: an older one.
 * `revoked`: an image that was revoked, also if it is gone. `no copy`: an image that is no copy and descends from none. `unknown`:
 * it cannot be told.
 */
export type FleetState = (typeof FLEET_STATES)[number];

/** A running instance, and what is known of its image. */
export interface RunningInstance extends Pick<Environment, 'accountId' | 'account' | 'region'> {
  readonly instanceId: string;
  readonly imageId: string;
  readonly state: FleetState;
  /** How many source images of the recipe are newer of which the account and Region has verified copies. */
  readonly behind?: number;
  readonly recipe?: string;
  /** The copy that its image is made of, where it is not the copy itself. */
  readonly copyId?: string;
  readonly sourceImageId?: string;
  /** When the source image was made; of an image that is no copy, when it was made itself. In ISO 8601. */
  readonly bakedAt?: string;
  /** What is to be known of the state. */
  readonly reason?: string;
}

/** How many instances of a recipe are in each state. */
export interface FleetCounts {
  /** Null for instances whose recipe is not known. */
  readonly recipe: string | null;
  readonly instances: number;
  readonly states: Readonly<Record<FleetState, number>>;
}

export interface FleetReport {
  /** When it was read, in ISO 8601. */
  readonly readAt: string;
  /** Those that were asked, and why some could not be read. */
  readonly environments: readonly (Environment & { readonly problem?: string })[];
  /** Why the source account could not be read. */
  readonly sourceProblem?: string;
  readonly recipes: readonly FleetCounts[];
  readonly instances: readonly RunningInstance[];
}
