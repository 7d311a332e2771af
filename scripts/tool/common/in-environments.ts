import { reasonOf } from './aws-errors.ts';
import type { Copier, Environment } from './environment.ts';
import { groupBy } from './group-by.ts';
import { LiveLines } from './live-lines.ts';
import { mapConcurrently } from './map-concurrently.ts';
import { print, type Terminal } from './terminal.ts';

/** What came of one environment: a value, or why there is none. */
export type Outcome<T, C extends Copier = Copier> =
  { readonly copier: C; readonly value: T } | { readonly copier: C; readonly problem: string };

/** How many environments or images are asked about at a time: each takes a few calls of some 50 ms, and Node waits for all at once. */
export const PARALLEL = 32;

/**
 * Does something in each environment, many at a time, and shows on a terminal how far it is. One that fails stops no other.
 * @returns in the order of the copiers
 */
export async function inEnvironments<T, C extends Copier>(
  copiers: readonly C[],
  use: (copier: C) => Promise<T>,
  signal: AbortSignal,
  { err }: Terminal,
): Promise<Outcome<T, C>[]> {
  const live = new LiveLines(err);
  let done = 0;
  const draw = () => {
    if (copiers.length > 1) live.draw([`${done} of ${copiers.length} accounts and Regions`]);
  };
  draw();
  try {
    return await mapConcurrently(
      copiers,
      PARALLEL,
      async (copier) => {
        const outcome = await attempt(copier, use);
        done += 1;
        draw();
        return outcome;
      },
      signal,
    );
  } finally {
    live.close();
  }
}

/** More environments with the same line are counted. */
const MAX_NAMED = 3;

/** Prints lines that are about environments: what is the same in several once. */
export function printByEnvironment(lines: readonly (readonly [Environment, string])[], { err }: Terminal): void {
  for (const [line, places] of groupBy(lines, ([, text]) => text)) {
    const all = places.map(([{ account, region }]) => `${account}, ${region}`);
    const others = all.length - MAX_NAMED;
    const more = others > 0 ? [`and ${others} ${others === 1 ? 'other' : 'others'}`] : [];
    print(err, `${[...all.slice(0, MAX_NAMED), ...more].join('; ')}: ${line}`);
  }
}

/** Prints why environments failed, if some did. */
export function printProblems(outcomes: readonly Outcome<unknown>[], terminal: Terminal): void {
  const problems = outcomes.flatMap((outcome) =>
    'problem' in outcome ? [[outcome.copier, outcome.problem] as const] : [],
  );
  printByEnvironment(problems, terminal);
}

/** Whether each environment gave a value. */
export function allWell(outcomes: readonly Outcome<unknown>[]): boolean {
  return outcomes.every((outcome) => 'value' in outcome);
}

async function attempt<T, C extends Copier>(copier: C, use: (copier: C) => Promise<T>): Promise<Outcome<T, C>> {
  try {
    return { copier, value: await use(copier) };
  } catch (error) {
    return { copier, problem: reasonOf(error) };
  } finally {
    copier.aws.close();
  }
}
