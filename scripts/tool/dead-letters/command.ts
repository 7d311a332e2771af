import type { Command } from 'commander';
import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { addAccountOptions, withAccount, type Account, type AccountOptions } from '../common/account.ts';
import { chooseLetters, requireChoice, type Choice } from './choose.ts';
import { canAsk, confirm } from '../common/confirm.ts';
import { withDeadLetters, type HeldLetters } from '../common/dead-letter-queue.ts';
import type { DeadLetter } from '../common/dead-letter.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';
import { redriveLetters } from './redrive.ts';
import { countOfLetters, letterFields, lettersTable } from './show.ts';
import { EXIT_CODES, UserError } from '../common/user-error.ts';

/** What a command works with. */
interface Session {
  readonly account: Account;
  readonly held: HeldLetters;
  /** Aborted when the user stops the command. */
  readonly signal: AbortSignal;
}

interface ListOptions extends AccountOptions {
  readonly json?: true;
}

interface RedriveOptions extends ListOptions, Choice {
  readonly dryRun?: true;
}

interface DiscardOptions extends ListOptions, Choice {
  readonly yes?: true;
}

/** What became of a letter that was chosen. */
interface Result {
  readonly letter: DeadLetter;
  readonly outcome: 'redriven' | 'would be redriven' | 'discarded' | 'failed';
  /** Why it is still among the dead letters, though it should not be. */
  readonly problem?: string;
}

/** Adds `dead-letters list|redrive|discard`: what to do about requests that were refused or given up. */
export function addDeadLetters(program: Command): void {
  const deadLetters = program
    .command('dead-letters')
    .description('show requests that were refused or given up, put them back, or discard them');

  addAccountOptions(deadLetters.command('list'))
    .description('show all dead letters of an account and Region, with their reasons')
    .option('--json', 'print a JSON array, with the whole requests')
    .addHelpText('after', help('list --profile production --region eu-west-1'))
    .action(list);

  addAccountOptions(addChoice(deadLetters.command('redrive')))
    .description('put dead letters back into the requests queue, once the cause is mended')
    .option('--dry-run', 'show what would be put back, and change nothing')
    .option('--json', 'print a JSON array with what became of each')
    .addHelpText('after', help('redrive --code UntrustedOwner --profile production --region eu-west-1'))
    .action(redrive);

  addAccountOptions(addChoice(deadLetters.command('discard')))
    .description('delete dead letters for good')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON array with what became of each')
    .addHelpText('after', help('discard --image ami-0123456789abcdef0 --profile production --region eu-west-1'))
    .action(discard);
}

function addChoice(command: Command): Command {
  return command
    .option('--id <id...>', 'those with these ids, or with these first characters of them')
    .option('--image <source image>', 'those for this source image; - for those without one')
    .option('--code <ErrorCode>', 'those with this code; - for those without one')
    .option('--all', 'every one; several options narrow the choice down');
}

function help(example: string): string {
  return `\nExample:\n  npx image-copier dead-letters ${example}\n\n${EXIT_CODES}`;
}

async function list(options: ListOptions): Promise<void> {
  // Shown once they are given back: a pager may take its time.
  const { letters, unseen } = await withLetters(options, ({ held }) => Promise.resolve(held));
  if (options.json) console.log(formatJson(letters.map(letterFields)));
  else {
    showTable(letters, options);
    console.log(`${countOfLetters(letters.length)} in ${options.name}-dead-letters.`);
  }
  tellUnseen(unseen);
}

async function redrive(options: RedriveOptions): Promise<void> {
  requireChoice(options);
  const queueName = `${options.name}-requests`;
  await withLetters(options, async ({ account, held, signal }) => {
    const letters = choose(held, options);
    if (options.dryRun) {
      if (!options.json) showTable(letters, options);
      const results = letters.map(wouldRedrive);
      const whole = results.filter(({ problem }) => problem === undefined).length;
      tellResults(results, `Would put back ${whole} of ${countOfLetters(letters.length)} into ${queueName}.`, options);
      return;
    }
    const redriven = await redriveLetters(letters, held, account.sqs, queueName, signal);
    const sent = redriven.filter((result) => result.sent).length;
    tellResults(
      redriven.map(({ letter, problem }) => resultOf(letter, 'redriven', problem)),
      `Put back ${sent} of ${countOfLetters(letters.length)} into ${queueName}.`,
      options,
    );
    signal.throwIfAborted();
  });
}

async function discard(options: DiscardOptions): Promise<void> {
  requireChoice(options);
  if (!options.yes && !canAsk()) {
    throw new UserError('There is no terminal to ask on. Add --yes to discard without being asked.', 2);
  }
  await withLetters(options, async ({ held, signal }) => {
    const letters = choose(held, options);
    if (!options.json) showTable(letters, options);
    if (!options.yes && letters.length > 0) {
      const agreed = await confirm(`Discard ${countOfLetters(letters.length)}? Type yes:`, signal);
      if (!agreed) throw new UserError('Nothing was discarded.', 2);
    }
    const left = await held.delete(letters);
    tellResults(
      letters.map((letter) => resultOf(letter, 'discarded', left.get(letter.id))),
      `Discarded ${letters.length - left.size} of ${countOfLetters(letters.length)}.`,
      options,
    );
  });
}

/** Does something with all letters of the account that the options name, until it is done or the user stops it. */
async function withLetters<T>(options: AccountOptions, use: (session: Session) => Promise<T>): Promise<T> {
  return await withAccount(options, (account) =>
    interruptible((signal) =>
      withDeadLetters(account.sqs, `${account.name}-dead-letters`, signal, (held) => use({ account, held, signal })),
    ),
  );
}

function choose(held: HeldLetters, choice: Choice): readonly DeadLetter[] {
  const { letters, missing } = chooseLetters(held.letters, choice);
  for (const id of missing) fail(`There is no dead letter ${spellOutHidden(id)}.`);
  tellUnseen(held.unseen);
  return letters;
}

function wouldRedrive(letter: DeadLetter): Result {
  const { body } = letter;
  return resultOf(letter, 'would be redriven', typeof body === 'string' ? undefined : body.message);
}

function resultOf(letter: DeadLetter, outcome: Result['outcome'], problem: string | undefined): Result {
  return problem === undefined ? { letter, outcome } : { letter, outcome: 'failed', problem };
}

function tellResults(results: readonly Result[], summary: string, { json }: ListOptions): void {
  if (json) {
    const fields = results.map(({ letter, outcome, problem }) => ({
      ...letterFields(letter),
      outcome,
      problem: problem ?? null,
    }));
    console.log(formatJson(fields));
  } else console.log(summary);
  for (const { letter, problem } of results) {
    if (problem !== undefined) fail(`${letter.id} is still among the dead letters: ${problem}`);
  }
}

function showTable(letters: readonly DeadLetter[], { name }: ListOptions): void {
  if (letters.length === 0) return;
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  console.log(`${lettersTable(letters, { width, nowMs: Date.now(), name })}\n`);
}

function tellUnseen(unseen: number): void {
  if (unseen === 0) return;
  console.error(
    `About ${unseen} more are not shown: others are reading them, or they have just come. Try again in a while.`,
  );
}

/** Tells of something that went wrong, while the rest goes on. */
function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
