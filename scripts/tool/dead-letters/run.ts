import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { withDeadLetters, type HeldLetters } from '../common/dead-letter-queue.ts';
import type { DeadLetter } from '../common/dead-letter.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import type { Copier } from '../common/environment.ts';
import { environmentsOf } from '../common/environments.ts';
import { formatJson } from '../common/json.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { chooseLetters, requireChoice, type Choice } from './choose.ts';
import { redriveLetters } from './redrive.ts';
import { countOfLetters, letterFields, lettersTable } from './show.ts';

/** What a command works with. */
interface Session {
  readonly copier: Copier;
  readonly held: HeldLetters;
  /** Aborted when the user stops the command. */
  readonly signal: AbortSignal;
}

export interface ListOptions extends EnvironmentOptions {
  readonly json?: true;
}

export interface RedriveOptions extends ListOptions, Choice {
  readonly dryRun?: true;
}

export interface DiscardOptions extends ListOptions, Choice {
  readonly yes?: true;
}

/** What became of a letter that was chosen. */
interface Result {
  readonly letter: DeadLetter;
  readonly outcome: 'redriven' | 'would be redriven' | 'discarded' | 'failed';
  /** Why it is still among the dead letters, though it should not be. */
  readonly problem?: string;
}

/** Shows all dead letters. */
export async function list(options: ListOptions, tool: Tool): Promise<ExitCode> {
  const { terminal } = tool;
  // Shown once they are given back: a pager may take its time.
  const { letters, unseen } = await withLetters(options, tool, ({ held }) => Promise.resolve(held));
  if (options.json) print(terminal.out, formatJson(letters.map(letterFields)));
  else {
    printTable(letters, options, terminal);
    print(terminal.out, `${countOfLetters(letters.length)} in ${options.name}-dead-letters.`);
  }
  printUnseen(unseen, terminal);
  return 0;
}

/** Puts the chosen letters back into the requests queue. */
export async function redrive(options: RedriveOptions, tool: Tool): Promise<ExitCode> {
  requireChoice(options);
  const { terminal } = tool;
  const queueName = `${options.name}-requests`;
  return await withLetters(options, tool, async ({ copier, held, signal }) => {
    const { letters, missing } = choose(held, options, terminal);
    const of = `of ${countOfLetters(letters.length)} into ${queueName}.`;
    if (options.dryRun) {
      if (!options.json) printTable(letters, options, terminal);
      const results = letters.map(wouldRedrive);
      const whole = results.filter(({ problem }) => problem === undefined).length;
      return printResults(results, `Would put back ${whole} ${of}`, missing, options, terminal);
    }
    const redriven = await redriveLetters(letters, held, copier.aws.sqs, queueName, signal);
    const sent = redriven.filter((result) => result.sent).length;
    const results = redriven.map(({ letter, problem }) => resultOf(letter, 'redriven', problem));
    const code = printResults(results, `Put back ${sent} ${of}`, missing, options, terminal);
    signal.throwIfAborted();
    return code;
  });
}

/** Deletes the chosen letters, once the user has seen them. */
export async function discard(options: DiscardOptions, tool: Tool): Promise<ExitCode> {
  requireChoice(options);
  const { terminal } = tool;
  if (!options.yes && !terminal.canAsk) {
    throw new UserError('There is no terminal to ask on. Add --yes to discard without being asked.', 2);
  }
  return await withLetters(options, tool, async ({ held, signal }) => {
    const { letters, missing } = choose(held, options, terminal);
    const count = countOfLetters(letters.length);
    if (!options.json) printTable(letters, options, terminal);
    if (!options.yes && letters.length > 0 && !(await terminal.confirm(`Discard ${count}? Type yes:`, signal))) {
      throw new UserError('Nothing was discarded.', 2);
    }
    const kept = await held.delete(letters);
    const results = letters.map((letter) => resultOf(letter, 'discarded', kept.get(letter.id)));
    return printResults(results, `Discarded ${letters.length - kept.size} of ${count}.`, missing, options, terminal);
  });
}

/** Does something with all letters of the account that the options name, until it is done or the user stops it. */
async function withLetters<T>(
  options: EnvironmentOptions,
  { connect, interruptible }: Tool,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { copiers } = await environmentsOf(options, connect);
  const [copier] = copiers;
  if (!copier) throw new Error('no copier');
  return await interruptible((signal) =>
    withDeadLetters(copier.aws.sqs, `${copier.name}-dead-letters`, signal, (held) => use({ copier, held, signal })),
  );
}

function choose(held: HeldLetters, choice: Choice, terminal: Terminal) {
  const chosen = chooseLetters(held.letters, choice);
  for (const id of chosen.missing) print(terminal.err, `There is no dead letter ${spellOutHidden(id)}.`);
  printUnseen(held.unseen, terminal);
  return chosen;
}

function wouldRedrive(letter: DeadLetter): Result {
  const { body } = letter;
  return resultOf(letter, 'would be redriven', typeof body === 'string' ? undefined : body.message);
}

function resultOf(letter: DeadLetter, outcome: Result['outcome'], problem: string | undefined): Result {
  return problem === undefined ? { letter, outcome } : { letter, outcome: 'failed', problem };
}

function printResults(
  results: readonly Result[],
  summary: string,
  missing: readonly string[],
  { json }: ListOptions,
  { out, err }: Terminal,
): ExitCode {
  const fields = results.map(({ letter, outcome, problem }) => ({
    ...letterFields(letter),
    outcome,
    problem: problem ?? null,
  }));
  print(out, json ? formatJson(fields) : summary);
  const failed = results.filter(({ problem }) => problem !== undefined);
  for (const { letter, problem } of failed) {
    print(err, `${letter.id} is still among the dead letters: ${problem ?? ''}`);
  }
  return failed.length === 0 && missing.length === 0 ? 0 : 1;
}

function printTable(letters: readonly DeadLetter[], { name }: ListOptions, { out }: Terminal): void {
  if (letters.length === 0) return;
  print(out, `${lettersTable(letters, { width: out.size?.columns, nowMs: Date.now(), name })}\n`);
}

function printUnseen(unseen: number, { err }: Terminal): void {
  if (unseen === 0) return;
  print(
    err,
    `About ${unseen} more are not shown: others are reading them, or they have just come. Try again in a while.`,
  );
}
