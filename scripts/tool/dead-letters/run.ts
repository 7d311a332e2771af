import type { EnvironmentOptions } from '../common/environment-options.ts';
import { formatJson } from '../common/json.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { chooseLetters, requireChoice, type Choice, type LetterOfCopier } from './choose.ts';
import { redriveLetters } from './redrive.ts';
import { withLetters, withLettersOf, type Session } from './session.ts';
import { countOfEnvironments, countOfLetters, formatLine, letterFields, lettersTable } from './show.ts';

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
  readonly letter: LetterOfCopier;
  readonly outcome: 'redriven' | 'would be redriven' | 'discarded' | 'failed';
  /** Why it is still among the dead letters, though it should not be. */
  readonly problem?: string;
}

/** Shows all dead letters. */
export async function list(options: ListOptions, tool: Tool): Promise<ExitCode> {
  const { terminal } = tool;
  // Shown once they are given back: a pager may take its time.
  const session = await withLetters(options, tool, (held) => Promise.resolve(held));
  const { letters } = session;
  if (options.json) print(terminal.out, formatJson(letters.map(letterFields)));
  else {
    printTable(letters, session, terminal);
    const where = onlyQueue(session, 'dead-letters') ?? countOfEnvironments(session.environments.length);
    print(terminal.out, `${countOfLetters(letters.length)} in ${where}.`);
  }
  printUnseen(session, terminal);
  return session.allRead ? 0 : 1;
}

/** Puts the chosen letters back into the requests queues. */
export async function redrive(options: RedriveOptions, tool: Tool): Promise<ExitCode> {
  requireChoice(options);
  const { terminal } = tool;
  return await withLetters(options, tool, async (session) => {
    const letters = choose(session, options, terminal);
    const queue = onlyQueue(session, 'requests');
    const of = `of ${countOfLetters(letters.length)}${queue === undefined ? '' : ` into ${queue}`}.`;
    if (options.dryRun) {
      if (!options.json) printTable(letters, session, terminal);
      const results = letters.map(wouldRedrive);
      const whole = results.filter(({ problem }) => problem === undefined).length;
      return printResults(results, `Would put back ${whole} ${of}`, session, options, terminal);
    }
    const redriven = await withLettersOf(session, letters, ({ copier, held }, own) =>
      redriveLetters(own, held, copier.aws.sqs, copier.name, session.signal),
    );
    const sent = redriven.filter((result) => result.sent).length;
    const results = redriven.map(({ letter, problem }) => resultOf(letter, 'redriven', problem));
    const code = printResults(results, `Put back ${sent} ${of}`, session, options, terminal);
    session.signal.throwIfAborted();
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
  return await withLetters(options, tool, async (session) => {
    const letters = choose(session, options, terminal);
    const count = countOfLetters(letters.length);
    if (!options.json) printTable(letters, session, terminal);
    if (
      !options.yes &&
      letters.length > 0 &&
      !(await terminal.confirm(`Discard ${count}? Type yes:`, session.signal))
    ) {
      throw new UserError('Nothing was discarded.', 2);
    }
    const kept = new Map(await withLettersOf(session, letters, ({ held }, own) => held.delete(own)));
    const results = letters.map((letter) => resultOf(letter, 'discarded', kept.get(letter.id)));
    const summary = `Discarded ${letters.length - kept.size} of ${count}.`;
    return printResults(results, summary, session, options, terminal);
  });
}

function choose(session: Session, choice: Choice, terminal: Terminal): readonly LetterOfCopier[] {
  printUnseen(session, terminal);
  const isComplete = session.allRead && session.environments.every(({ held }) => held.unseen === 0);
  return chooseLetters(session.letters, choice, isComplete);
}

function wouldRedrive(letter: LetterOfCopier): Result {
  const { body } = letter;
  return resultOf(letter, 'would be redriven', typeof body === 'string' ? undefined : body.message);
}

function resultOf(letter: LetterOfCopier, outcome: Result['outcome'], problem: string | undefined): Result {
  return problem === undefined ? { letter, outcome } : { letter, outcome: 'failed', problem };
}

function printResults(
  results: readonly Result[],
  summary: string,
  { allRead, several }: Session,
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
    const line = `${letter.id} is still among the dead letters: ${problem ?? ''}`;
    print(err, formatLine(letter.copier, line, several));
  }
  return failed.length === 0 && allRead ? 0 : 1;
}

function printTable(letters: readonly LetterOfCopier[], { several }: Session, { out }: Terminal): void {
  if (letters.length === 0) return;
  print(out, `${lettersTable(letters, { width: out.size?.columns, nowMs: Date.now(), several })}\n`);
}

function printUnseen({ environments, several }: Session, { err }: Terminal): void {
  for (const { copier, held } of environments) {
    if (held.unseen === 0) continue;
    const line = `About ${held.unseen} more are not shown: others are reading them, or they have just come. Try again in a while.`;
    print(err, formatLine(copier, line, several));
  }
}

/** The name of a queue; undefined if there are several of the kind. */
function onlyQueue({ environments: [only], several }: Session, kind: 'dead-letters' | 'requests'): string | undefined {
  return only && !several ? `${only.copier.name}-${kind}` : undefined;
}
