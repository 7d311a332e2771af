import { setTimeout as sleep } from 'node:timers/promises';
import { copiesOf, standingsOf, type KnownCopy } from '../common/known-copies.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { peekLetters, type Warn } from '../common/dead-letter-queue.ts';
import { lineAbout, type Copier, type Environment } from '../common/environment.ts';
import type { ResultMessage, ResultsInbox } from './results-inbox.ts';

/** An environment that was asked for a copy of an image. */
export interface Target extends Pick<Environment, 'account' | 'accountId' | 'region'> {
  readonly imageId: string;
  /** Minutes within which EC2 was to copy. */
  readonly withinMinutes?: number;
  /** The way there; without it only the results topic tells. */
  readonly copier?: Copier;
}

type Progress = 'waiting' | 'pending' | 'available' | 'failed';

export interface TargetState {
  readonly target: Target;
  readonly progress: Progress;
  /** The copy's image id. */
  readonly copy?: string;
  readonly reason?: string;
}

export interface FollowOptions {
  /** One for each topic that can be listened to. */
  readonly inboxes: readonly ResultsInbox[];
  readonly timeoutMs: number;
  /** When the copies were asked for: dead letters from before are of other requests. */
  readonly since: Date;
  readonly signal: AbortSignal;
  /** Is told each change. */
  readonly onChange: (state: TargetState, all: readonly TargetState[]) => void;
  readonly warn: Warn;
}

const LOOK_EVERY_MS = 5000;

/**
 * Follows the targets until each has a copy or has failed, or the time is over.
 * @returns the states at the end
 */
export async function follow(targets: readonly Target[], options: FollowOptions): Promise<TargetState[]> {
  const { inboxes, timeoutMs, signal, onChange } = options;
  const states = targets.map((target): TargetState => ({ target, progress: 'waiting' }));
  const update = (index: number, change: Partial<TargetState>) => {
    const before = states[index];
    if (!before || isSettled(before)) return;
    const after = { ...before, ...change };
    if (after.progress === before.progress && after.reason === before.reason) return;
    states[index] = after;
    onChange(after, states);
  };
  const heard = new Map<number, Heard>();
  const end = performance.now() + timeoutMs;
  let lookAt = performance.now();
  while (!states.every(isSettled) && performance.now() < end) {
    signal.throwIfAborted();
    const results = await Promise.all(inboxes.map(async (inbox) => await inbox.receive()));
    for (const result of results.flat()) {
      for (const [index, change] of changesBy(result, targets)) {
        heard.set(index, change);
        // Whoever may publish results could say anything. Where the account can be asked, a result only says when.
        if (targets[index]?.copier) lookAt = performance.now();
        else update(index, change);
      }
    }
    if (performance.now() >= lookAt) {
      await lookIn(states, heard, options, update);
      lookAt = performance.now() + LOOK_EVERY_MS;
    } else if (inboxes.length === 0)
      await sleep(lookAt - performance.now(), undefined, { signal }).catch(() => undefined);
  }
  signal.throwIfAborted();
  return states;
}

export function isSettled({ progress }: TargetState): boolean {
  return progress === 'available' || progress === 'failed';
}

type Update = (index: number, change: Partial<TargetState>) => void;

/** What a result says of a target. */
type Heard = Partial<TargetState> & Pick<TargetState, 'progress'>;

function changesBy({ 'detail-type': type, detail }: ResultMessage, targets: readonly Target[]): [number, Heard][] {
  const { account, region, sourceAmi, imageId: copy, reason } = detail;
  const changeOf = (target: Target): Heard =>
    type === 'Image Copied'
      ? { progress: 'available', copy, ...noteOnPace(target, detail.withinMinutes) }
      : { progress: 'failed', copy, reason: reason ?? 'No reason was given.' };
  return targets.flatMap((target, index): [number, Heard][] =>
    account === target.accountId && region === target.region && sourceAmi === target.imageId
      ? [[index, changeOf(target)]]
      : [],
  );
}

/** Says so where a copy in a hurry is made at EC2's own pace. */
function noteOnPace(
  { withinMinutes }: Pick<Target, 'withinMinutes'>,
  taken: number | null | undefined,
): Pick<TargetState, 'reason'> {
  if (withinMinutes === undefined || typeof taken === 'number') return {};
  return { reason: `at EC2's own pace, not within ${withinMinutes} minutes` };
}

/**
 * Asks the accounts themselves, which know more than results: copies that have begun, and requests that were rejected. What was
 * heard of an account counts where that cannot be seen: of a failure nothing need remain.
 */
async function lookIn(
  states: readonly TargetState[],
  heard: ReadonlyMap<number, Heard>,
  options: FollowOptions,
  update: Update,
): Promise<void> {
  await Promise.all(
    states.map(async (state, index) => {
      const { copier } = state.target;
      if (!copier || isSettled(state)) return;
      const said = heard.get(index);
      try {
        const seen = await look(copier, state.target, options);
        const change = seen ?? (said?.progress === 'failed' ? said : undefined);
        if (change) update(index, change);
      } catch (error) {
        options.signal.throwIfAborted();
        // The results topic may still tell. An account that stays silent is not settled at the end.
        update(index, said ?? { reason: reasonOf(error) });
      }
    }),
  );
}

async function look(
  copier: Copier,
  target: Target,
  { since, signal, warn }: FollowOptions,
): Promise<Partial<TargetState> | undefined> {
  const { aws, name } = copier;
  const { imageId } = target;
  const copies = await standingsOf(copier, await copiesOf(copier, imageId));
  const noteOn = ({ ownership }: KnownCopy) =>
    noteOnPace(target, ownership.kind === 'ours' ? ownership.marker.withinMinutes : undefined);
  const ready = copies.find(({ standing }) => standing.kind === 'ready');
  if (ready) return { progress: 'available', copy: ready.copy.facts.imageId, ...noteOn(ready.copy) };
  const begun = copies.find(({ standing }) => standing.kind === 'pending' || standing.kind === 'settling');
  if (begun) return { progress: 'pending', copy: begun.copy.facts.imageId, ...noteOn(begun.copy) };
  for (const { copy, standing } of copies) {
    // Somebody else's is no reason: then another copy is made.
    if (standing.kind !== 'flawed' || copy.ownership.kind !== 'ours') continue;
    return { progress: 'failed', copy: copy.facts.imageId, reason: `It is not verified: ${standing.reason}` };
  }
  const letters = await peekLetters(aws.sqs, name, signal, (line) => {
    warn(lineAbout(copier, line));
  });
  const letter = letters.find((each) => each.sourceImage === imageId && each.requestedAt >= since);
  return letter && { progress: 'failed', reason: letter.reason ?? 'It is a dead letter without a reason.' };
}
