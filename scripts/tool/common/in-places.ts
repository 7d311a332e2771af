import { explained, shortReason } from './aws-errors.ts';
import type { Place } from './places.ts';
import { UserError } from './user-error.ts';

/** What came of one place: a value, or why there is none. */
export type Outcome<T> =
  { readonly place: Place; readonly value: T } | { readonly place: Place; readonly problem: string };

// Each takes a few calls of some 50 ms, and Node waits for all of them at once.
const PARALLEL = 32;

/**
 * Does something in each place, many at a time, and shows on a terminal how far it is. A place that fails stops no other.
 * @returns in the order of the places
 */
export async function inPlaces<T>(
  places: readonly Place[],
  use: (place: Place) => Promise<T>,
  signal: AbortSignal,
): Promise<Outcome<T>[]> {
  const outcomes: Outcome<T>[] = [];
  const progress = new Count(places.length);
  const waiting = places.entries();
  const worker = async () => {
    for (const [index, place] of waiting) {
      signal.throwIfAborted();
      outcomes[index] = await attempt(place, use);
      progress.step();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(PARALLEL, places.length) }, worker));
  } finally {
    progress.close();
  }
  signal.throwIfAborted();
  return outcomes;
}

/** Tells of each place that failed. */
export function tellProblems(outcomes: readonly Outcome<unknown>[]): void {
  for (const outcome of outcomes) {
    if ('problem' in outcome) console.error(`${outcome.place.account}, ${outcome.place.region}: ${outcome.problem}`);
  }
}

async function attempt<T>(place: Place, use: (place: Place) => Promise<T>): Promise<Outcome<T>> {
  try {
    return { place, value: await use(place) };
  } catch (error) {
    const known = explained(error, { region: place.region, name: place.copier.name });
    return { place, problem: known instanceof UserError ? known.message : shortReason(error) };
  }
}

/** One line on standard error, written anew at each step; nothing where standard error is no terminal. */
class Count {
  readonly #total: number;
  #done = 0;

  constructor(total: number) {
    this.#total = total;
    this.#show();
  }

  step(): void {
    this.#done += 1;
    this.#show();
  }

  close(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  }

  #show(): void {
    if (!process.stderr.isTTY || this.#total < 2) return;
    process.stderr.write(`\r\u001b[K${this.#done} of ${this.#total} accounts and Regions`);
  }
}
