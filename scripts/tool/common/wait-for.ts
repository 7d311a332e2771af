import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from './user-error.ts';

/** For how long, and how often, it is asked. The defaults are for an emulator. */
export interface Patience {
  readonly timeoutMs?: number;
  readonly pollMs?: number;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal;
}

/** A condition that did not come true in time. */
class WaitError extends UserError {
  override readonly name = 'WaitError';

  constructor(message: string) {
    super(message, 1);
  }
}

/**
 * Asks until the answer is there.
 * @param what names the condition in the error
 * @param probe gives the answer, or undefined while it is not there
 * @throws {WaitError} when the time is over, with what was waited for
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  { timeoutMs = 180_000, pollMs = 250, signal }: Patience = {},
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (Date.now() >= end) throw new WaitError(`Waited ${timeoutMs / 1000} s in vain for ${what}`);
    await sleep(pollMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
  }
}
