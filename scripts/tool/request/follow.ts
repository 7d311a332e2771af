import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { looksEncrypted } from '../../../lambda/src/core/ownership.ts';
import { isTriedAgain, readFailedTriesIfAllowed, type FailedTries } from '../common/failed-tries.ts';
import { copiesOf, standingsOf, type KnownCopy } from '../common/known-copies.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { peekLetters, type Warn } from '../common/dead-letter-queue.ts';
import { lineAbout, type Copier, type Environment } from '../common/environment.ts';
import type { ResultMessage, ResultsInbox } from '../common/results-inbox.ts';

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
  /** Of a copy that is not given up. */
  readonly failedTries?: FailedTries;
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
  /** Is told after each look into the accounts: what is told as a time from now has changed. */
  readonly onLook: (all: readonly TargetState[]) => void;
  readonly warn: Warn;
}

const LOOK_EVERY_MS = 5000;
const DISABLED = 'The copy is disabled in the account, so no other one is made. Enable it there: aws ec2 enable-image.';

/**
 * Follows the targets until each has a copy or has failed, the time is over, or the user stops it.
 * @returns the states at the end
 */
export async function follow(targets: readonly Target[], options: FollowOptions): Promise<TargetState[]> {
  const { inboxes, timeoutMs, signal, onChange, onLook } = options;
  const states = targets.map((target): TargetState => ({ target, progress: 'waiting' }));
  const update: Update = (index, seen) => {
    const before = states[index];
    if (!before || isSettled(before)) return;
    const after = 'progress' in seen ? { target: before.target, ...seen } : { ...before, ...seen };
    if (isDeepStrictEqual(after, before)) return;
    states[index] = after;
    onChange(after, states);
  };
  const heard = new Map<number, Seen>();
  const end = performance.now() + timeoutMs;
  let lookAt = performance.now();
  while (!states.every(isSettled) && performance.now() < end && !signal.aborted) {
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
      onLook(states);
      lookAt = performance.now() + LOOK_EVERY_MS;
    } else if (inboxes.length === 0)
      await sleep(lookAt - performance.now(), undefined, { signal }).catch(() => undefined);
  }
  return states;
}

export function isSettled({ progress }: TargetState): boolean {
  return progress === 'available' || progress === 'failed';
}

/** Takes what a target is now, or why it could not be seen. */
type Update = (index: number, seen: Seen | Pick<TargetState, 'reason'>) => void;

/** What an account or a result says of a target. */
type Seen = Omit<TargetState, 'target'>;

function changesBy({ 'detail-type': type, detail }: ResultMessage, targets: readonly Target[]): [number, Seen][] {
  const { account, region, sourceAmi, imageId: copy, reason } = detail;
  const changeOf = (target: Target): Seen =>
    type === 'Image Copied'
      ? { progress: 'available', copy, ...noteOnPace(target, detail.withinMinutes) }
      : { progress: 'failed', copy, reason: reason ?? 'No reason was given.' };
  return targets.flatMap((target, index): [number, Seen][] =>
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
  heard: ReadonlyMap<number, Seen>,
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
        // A copy that is gone is not shown any more.
        update(index, seen ?? (said?.progress === 'failed' ? said : { progress: state.progress }));
      } catch (error) {
        if (options.signal.aborted) return;
        // The results topic may still tell. An account that stays silent is not settled at the end.
        update(index, said ?? { reason: reasonOf(error) });
      }
    }),
  );
}

async function look(copier: Copier, target: Target, { since, signal, warn }: FollowOptions): Promise<Seen | undefined> {
  const { aws, name } = copier;
  const { imageId } = target;
  const copies = await standingsOf(copier, await copiesOf(copier, imageId));
  const noteOn = ({ ownership }: KnownCopy) =>
    noteOnPace(target, ownership.kind === 'ours' ? ownership.marker.withinMinutes : undefined);
  const ready = copies.find(({ standing }) => standing.kind === 'ready');
  if (ready) return { progress: 'available', copy: ready.copy.facts.imageId, ...noteOn(ready.copy) };
  const about = (line: string) => {
    warn(lineAbout(copier, line));
  };
  const begun = copies.find(({ standing }) => standing.kind === 'pending' || standing.kind === 'settling')?.copy;
  if (begun) {
    const isFirst = begun.ownership.kind !== 'ours' || begun.ownership.marker.attempt === 1;
    const failedTries = isFirst ? undefined : await failedTriesOf(copier, imageId, since, about);
    return { progress: 'pending', copy: begun.facts.imageId, ...(failedTries ? { failedTries } : noteOn(begun)) };
  }
  const [ended] = copies.flatMap((each) => endOf(each) ?? []);
  if (ended) return ended;
  const letters = await peekLetters(aws.sqs, name, signal, about);
  const letter = letters.find((each) => each.sourceImage === imageId && each.requestedAt >= since);
  if (letter) return { progress: 'failed', reason: letter.reason ?? 'It is a dead letter without a reason.' };
  const [failed] = copies.flatMap(({ copy }) => failedCopyOf(copy) ?? []);
  if (failed) return failed;
  const failedTries = await failedTriesOf(copier, imageId, since, about);
  return failedTries && isTriedAgain(failedTries, Date.now()) ? { progress: 'pending', failedTries } : undefined;
}

type CopyAndStanding = Awaited<ReturnType<typeof standingsOf>>[number];

/** What it is to a target that a copy is there which never will be the one that was asked for, and lets no other one be made. */
function endOf({ copy: { facts, ownership }, standing }: CopyAndStanding): Seen | undefined {
  const { imageId: copy, state } = facts;
  if (state === 'disabled' && (ownership.kind === 'ours' || looksEncrypted(facts))) {
    return { progress: 'failed', copy, reason: DISABLED };
  }
  // Somebody else's is no reason: then another copy is made.
  if (standing.kind !== 'flawed' || ownership.kind !== 'ours') return undefined;
  return { progress: 'failed', copy, reason: `It is not verified: ${standing.reason}` };
}

/** A copy of ours that EC2 failed to make, and that is about to be settled: removed, and tried again or given up. */
function failedCopyOf({ image, facts, ownership }: KnownCopy): Seen | undefined {
  if (facts.state !== 'failed' || ownership.kind !== 'ours') return undefined;
  const reason = image.StateReason?.Message ?? 'EC2 gives no reason';
  return { progress: 'pending', copy: facts.imageId, failedTries: { count: ownership.marker.attempt, reason } };
}

async function failedTriesOf(
  copier: Copier,
  imageId: string,
  since: Date,
  warn: Warn,
): Promise<FailedTries | undefined> {
  return (await readFailedTriesIfAllowed(copier, since.getTime(), warn))?.get(imageId);
}
