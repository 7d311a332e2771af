import { EC2Client } from '@aws-sdk/client-ec2';
import { SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { findCopies, isAnnounced } from '../copies.ts';
import { messageOf } from '../message-of.ts';
import { peekLetters } from '../cli/dead-letter-queue.ts';
import type { Place } from '../cli/places.ts';
import type { ResultMessage, ResultsInbox } from './results-inbox.ts';

/** An account that was asked, and how far it is with its copy. */
export interface Target {
  readonly accountId: string;
  readonly account: string;
  readonly region: string;
  readonly imageId: string;
  /** The way there; without it only the results topic tells. */
  readonly place?: Place;
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
  readonly inbox: ResultsInbox | undefined;
  readonly timeoutMs: number;
  /** When the copies were asked for: dead letters from before are of other requests. */
  readonly since: Date;
  readonly signal: AbortSignal;
  /** Is told each change. */
  readonly onChange: (state: TargetState, all: readonly TargetState[]) => void;
}

const LOOK_EVERY_MS = 5000;

/**
 * Follows the targets until each has a copy or has failed, or the time is over.
 * @returns the states at the end
 */
export async function follow(targets: readonly Target[], options: FollowOptions): Promise<TargetState[]> {
  const { inbox, timeoutMs, signal, onChange } = options;
  const states = targets.map((target): TargetState => ({ target, progress: 'waiting' }));
  const update = (index: number, change: Partial<TargetState>) => {
    const before = states[index];
    if (!before || isSettled(before)) return;
    const after = { ...before, ...change };
    if (after.progress === before.progress && after.reason === before.reason) return;
    states[index] = after;
    onChange(after, states);
  };
  const end = performance.now() + timeoutMs;
  let lookAt = performance.now();
  while (!states.every(isSettled) && performance.now() < end) {
    signal.throwIfAborted();
    const results = inbox ? await inbox.receive() : [];
    for (const result of results) tell(targets, result, update);
    if (performance.now() >= lookAt) {
      await lookIn(states, options, update);
      lookAt = performance.now() + LOOK_EVERY_MS;
    } else if (!inbox) await sleep(lookAt - performance.now(), undefined, { signal }).catch(() => undefined);
  }
  signal.throwIfAborted();
  return states;
}

export function isSettled({ progress }: TargetState): boolean {
  return progress === 'available' || progress === 'failed';
}

type Update = (index: number, change: Partial<TargetState>) => void;

function tell(targets: readonly Target[], { 'detail-type': type, detail }: ResultMessage, update: Update): void {
  for (const [index, { accountId, region, imageId }] of targets.entries()) {
    if (detail.account !== accountId || detail.region !== region || detail.sourceAmi !== imageId) continue;
    if (type === 'Image Copied') update(index, { progress: 'available', copy: detail.imageId });
    else update(index, { progress: 'failed', copy: detail.imageId, reason: detail.reason ?? 'No reason was given.' });
  }
}

/** Asks the accounts themselves, which know more than results: copies that have begun, and requests that were refused. */
async function lookIn(states: readonly TargetState[], { since, signal }: FollowOptions, update: Update): Promise<void> {
  await Promise.all(
    states.map(async (state, index) => {
      const { place } = state.target;
      if (!place || isSettled(state)) return;
      try {
        const change = await look(place, state.target.imageId, since, signal);
        if (change) update(index, change);
      } catch (error) {
        signal.throwIfAborted();
        // The results topic may still tell. An account that stays silent is not settled at the end.
        update(index, { reason: messageOf(error) });
      }
    }),
  );
}

async function look(
  { settings, copier }: Place,
  imageId: string,
  since: Date,
  signal: AbortSignal,
): Promise<Partial<TargetState> | undefined> {
  const ec2 = new EC2Client(settings);
  const sqs = new SQSClient({ ...settings, useQueueUrlAsEndpoint: false });
  try {
    const copies = await findCopies({ ec2 }, imageId);
    const announced = copies.find((copy) => isAnnounced(copy, copier.name));
    if (announced?.ImageId !== undefined) return { progress: 'available', copy: announced.ImageId };
    const begun = copies.find(({ State }) => State === 'pending' || State === 'available');
    if (begun?.ImageId !== undefined) return { progress: 'pending', copy: begun.ImageId };
    const letters = await peekLetters(sqs, `${copier.name}-dead-letters`, signal);
    const letter = letters.find((each) => each.sourceImage === imageId && each.requestedAt >= since);
    return letter && { progress: 'failed', reason: letter.reason ?? 'It is a dead letter without a reason.' };
  } finally {
    ec2.destroy();
    sqs.destroy();
  }
}
