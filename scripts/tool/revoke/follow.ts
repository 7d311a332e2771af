import { isDeepStrictEqual } from 'node:util';
import type { MovedParameter, RevocationResult } from '../../../lambda/src/core/retirement-results.ts';
import type { Environment } from '../common/environment.ts';
import type { ResultsInbox, RevocationMessage } from '../common/results-inbox.ts';

/** An environment that was told of a decision on a source image. */
export interface Told extends Pick<Environment, 'account' | 'accountId' | 'region'> {
  readonly imageId: string;
}

/** How far an environment is with it. */
export interface ToldState {
  readonly told: Told;
  readonly state: 'waiting' | 'done';
  /** Images that are disabled, or enabled again. */
  readonly images: readonly string[];
  /** Copies that EC2 is still making. */
  readonly pending: readonly string[];
  /** Instances that run one of the images. */
  readonly instances: number;
  /** Parameters that still point to one of the images, because there is no other copy. */
  readonly stuck: readonly string[];
  /** What could not be done so far. It is tried again there. */
  readonly problems: readonly string[];
}

export interface FollowOptions {
  readonly inboxes: readonly ResultsInbox[];
  readonly kind: RevocationResult['kind'];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onChange: (state: ToldState, all: readonly ToldState[]) => void;
}

/** Follows by the results that the accounts publish, until each is done, the time is over, or the user stops it. */
export async function follow(targets: readonly Told[], options: FollowOptions): Promise<ToldState[]> {
  const { inboxes, kind, timeoutMs, signal, onChange } = options;
  const states = targets.map(waiting);
  const indexes = new Map(targets.map((told, index) => [keyOf(told.accountId, told.region, told.imageId), index]));
  const isOpen = () => states.some(({ state }) => state === 'waiting');
  const end = performance.now() + timeoutMs;
  const take = (result: RevocationMessage) => {
    if (result['detail-type'] !== kind) return;
    const { account, region, sourceAmi } = result.detail;
    const index = indexes.get(keyOf(account, region, sourceAmi));
    const before = index === undefined ? undefined : states[index];
    if (index === undefined || !before || before.state === 'done') return;
    const after = stateOf(before.told, result.detail);
    if (!after || isDeepStrictEqual(after, before)) return;
    states[index] = after;
    onChange(after, states);
  };
  // Each by itself: many results come at once, and a topic where nothing comes holds up no other.
  await Promise.all(
    inboxes.map(async (inbox) => {
      while (isOpen() && performance.now() < end && !signal.aborted) {
        for (const result of await inbox.receiveRevocations()) take(result);
      }
    }),
  );
  return states;
}

export function waiting(told: Told): ToldState {
  return { told, state: 'waiting', images: [], pending: [], instances: 0, stuck: [], problems: [] };
}

/** Whoever may publish results could send anything: what is not as it must be counts as nothing. */
function stateOf(told: Told, detail: Partial<RevocationMessage['detail']>): ToldState | undefined {
  const { images, pending, instances, parameters, problems } = detail;
  if (!isTexts(images) || !isTexts(pending) || !isTexts(problems) || !isMoved(parameters)) return undefined;
  if (typeof instances !== 'number') return undefined;
  const stuck = parameters.flatMap(({ name, to }) => (to === null ? [name] : []));
  const state = problems.length === 0 ? 'done' : 'waiting';
  return { told, state, images, pending, instances, stuck, problems };
}

function isMoved(value: unknown): value is readonly MovedParameter[] {
  const isOne = (each: unknown) => typeof each === 'object' && each !== null && 'name' in each && 'to' in each;
  return Array.isArray(value) && value.every(isOne);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function keyOf(accountId: string, region: string, imageId: string): string {
  return `${accountId} ${region} ${imageId}`;
}
