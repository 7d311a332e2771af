import type { TimerOptions } from 'node:timers';
import timers from 'node:timers/promises';
import { afterEach, beforeEach, jest } from '@jest/globals';

const MAX_SECONDS = 10_000;

/** Gives each test around it a clock that begins at that time, and goes on by {@link fastForward} alone. */
export function useFakeClock(start: string): void {
  beforeEach(() => {
    jest.useFakeTimers({ now: Date.parse(start) });
    // Jest fakes the global functions alone.
    jest.spyOn(timers, 'setTimeout').mockImplementation(sleep);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });
}

/** Lets the clock go on, second by second, until the work has ended. */
export async function fastForward<T>(work: Promise<T>): Promise<T> {
  const state = { hasEnded: false };
  const end = () => {
    state.hasEnded = true;
  };
  work.then(end, end);
  for (let seconds = 0; !state.hasEnded; seconds += 1) {
    if (seconds > MAX_SECONDS) throw new Error(`It has not ended within ${MAX_SECONDS} s.`);
    await jest.advanceTimersByTimeAsync(1000);
  }
  return await work;
}

async function sleep<T = void>(ms?: number, value?: T, { signal }: TimerOptions = {}): Promise<T> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve(value as T);
    }, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
