import { HeldLetters } from '../common/dead-letter-queue.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import type { Copier } from '../common/environment.ts';
import { environmentsOf } from '../common/environments.ts';
import { allWell, inEnvironments, PARALLEL, printProblems, type Outcome } from '../common/in-environments.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { Tool } from '../common/tool.ts';
import type { LetterOfCopier } from './choose.ts';
import { formatLine } from './show.ts';

/** The dead letters that a command works with, while nobody else gets them. */
export interface Session {
  /** Those that could be read. */
  readonly environments: readonly HeldEnvironment[];
  /** By environment, then the oldest request first. */
  readonly letters: readonly LetterOfCopier[];
  /** Whether each environment that was chosen could be read. */
  readonly allRead: boolean;
  /** Whether more than one environment was chosen, so that lines must say which one they are about. */
  readonly several: boolean;
  /** Aborted when the user stops the command. */
  readonly signal: AbortSignal;
}

interface HeldEnvironment {
  readonly copier: Copier;
  readonly held: HeldLetters;
}

/**
 * Reads the letters of all environments that the options name, and holds them all until `use` is done, fails, or the user stops
 * it. Of several environments, one that cannot be read stops no other; its problem is printed.
 */
export async function withLetters<T>(
  options: EnvironmentOptions,
  { loadConnect, interruptible, terminal }: Tool,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { copiers } = await environmentsOf(options, await loadConnect());
  const several = copiers.length > 1;
  return await interruptible(async (signal) => {
    const opened: HeldLetters[] = [];
    // Printed at the end: until then there may be live lines.
    const warnings: string[] = [];
    const open = async (copier: Copier) => {
      const warn = (line: string) => warnings.push(formatLine(copier, line, several));
      const held = await HeldLetters.open(copier.aws.sqs, copier.name, signal, warn);
      opened.push(held);
      return held;
    };
    try {
      const outcomes = await openAll(copiers, open, signal, terminal);
      printProblems(outcomes, terminal);
      const environments = outcomes.flatMap((outcome) =>
        'value' in outcome ? [{ copier: outcome.copier, held: outcome.value }] : [],
      );
      const letters = environments.flatMap(({ copier, held }) => held.letters.map((letter) => ({ ...letter, copier })));
      return await use({ environments, letters, allRead: allWell(outcomes), several, signal });
    } finally {
      await mapConcurrently(opened, PARALLEL, (held) => held.giveBack());
      for (const warning of warnings) print(terminal.err, warning);
    }
  });
}

/** Does something in each environment with those of the letters that are its own, and gives all that came of it. */
export async function withLettersOf<T>(
  { environments }: Session,
  letters: readonly LetterOfCopier[],
  use: (environment: HeldEnvironment, letters: readonly LetterOfCopier[]) => Promise<Iterable<T>>,
): Promise<T[]> {
  const results = await mapConcurrently(environments, PARALLEL, (environment) =>
    use(
      environment,
      letters.filter(({ copier }) => copier === environment.copier),
    ),
  );
  return results.flatMap((each) => [...each]);
}

/** What fails in the only environment is the failure of the command. */
async function openAll(
  copiers: readonly Copier[],
  open: (copier: Copier) => Promise<HeldLetters>,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<Outcome<HeldLetters>[]> {
  const [only, ...others] = copiers;
  if (only && others.length === 0) return [{ copier: only, value: await open(only) }];
  return await inEnvironments(copiers, open, signal, terminal);
}
