import type { Command, Option } from 'commander';
import { offerOf, type Offer } from '../common/completed-by.ts';

/** What may stand at the end of a command line. Shells find files and folders by themselves. */
export type Completion = 'files' | 'folders' | readonly Candidate[];

export interface Candidate {
  /** The whole word. */
  readonly word: string;
  readonly description: string;
}

/** What stands on a command line before the word that is completed. */
interface Typed {
  readonly command: Command;
  /** The values of the options, by their long flags. */
  readonly given: ReadonlyMap<string, string>;
  /** The option that the word is the value of. */
  readonly awaiting: Option | undefined;
  /** Whether `--` says that no options follow. */
  readonly isOver: boolean;
}

// By hand: the script for bash of @bomb.sh/tab evaluates what was typed and completes no files, and nobody maintains omelette or tabtab.

/**
 * What the last word of a command line may become.
 * @param words all after the program's name; the last one is as far as it was typed, and may be empty
 * @param home the folder that `~` stands for
 */
export async function complete(program: Command, words: readonly string[], home: string): Promise<Completion> {
  const word = words.at(-1) ?? '';
  const typed = readWords(program, words.slice(0, -1));
  const { command, awaiting, isOver } = typed;
  if (awaiting) return await valuesOf(awaiting, word, '', typed, home);
  if (isOver) return [];
  const [, flag = '', value = ''] = /^(--[^=]+)=(.*)$/.exec(word) ?? [];
  const option = optionOf(command, flag);
  if (option) return await valuesOf(option, value, `${flag}=`, typed, home);
  return (word.startsWith('-') ? optionsOf(typed) : commandsOf(command)).filter((each) => each.word.startsWith(word));
}

function readWords(program: Command, words: readonly string[]): Typed {
  let command = program;
  let awaiting: Option | undefined;
  let isOver = false;
  const given = new Map<string, string>();
  for (const word of words) {
    const [flag = '', ...value] = word.split('=');
    const option = awaiting || isOver ? undefined : optionOf(command, flag);
    if (awaiting) given.set(nameOf(awaiting), word);
    else if (word === '--') isOver = true;
    else if (option) given.set(nameOf(option), value.join('='));
    else if (!isOver) command = command.commands.find((each) => each.name() === word) ?? command;
    awaiting = option?.required === true && value.length === 0 ? option : undefined;
  }
  return { command, given, awaiting, isOver };
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => flag === long || flag === short);
}

function nameOf({ long }: Option): string {
  return long ?? '';
}

function optionsOf({ command, given }: Typed): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.variadic || !given.has(nameOf(option)))
    .map((option) => ({ word: nameOf(option), description: option.description }));
}

function commandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ word: each.name(), description: each.description() }));
}

async function valuesOf(
  option: Option,
  value: string,
  before: string,
  typed: Typed,
  home: string,
): Promise<Completion> {
  const placeholder = /<(.+)>/.exec(option.flags)?.[1];
  if (placeholder === 'file') return 'files';
  if (placeholder === 'folder') return 'folders';
  const offer = offerOf(option);
  const whole = value.slice(0, value.lastIndexOf(',') + 1);
  const [values, chosen] = offer ? [await offered(offer, typed, home), whole] : [choicesOf(option), ''];
  return values
    .map(({ word, description }) => ({ word: `${before}${chosen}${word}`, description }))
    .filter(
      ({ word }) =>
        word.startsWith(`${before}${value}`) && !whole.split(',').includes(word.slice(before.length + chosen.length)),
    );
}

function choicesOf({ argChoices = [] }: Option): Candidate[] {
  return argChoices.map((word) => ({ word, description: '' }));
}

/** Nothing if the accounts file cannot be read: who runs the command is told why. */
async function offered(offer: Offer, { command, given }: Typed, home: string): Promise<Candidate[]> {
  const byDefault: unknown = optionOf(command, '--accounts-file')?.defaultValue;
  const file = given.get('--accounts-file') ?? (typeof byDefault === 'string' ? byDefault : undefined);
  if (file === undefined) return [];
  try {
    const { readStacks } = await import('../common/accounts-file.ts');
    const stacks = readStacks(file.replace(/^~(?=\/)/, home));
    const labels = stacks.flatMap((stack) => Object.entries(stack.labels).map((label) => label.join('=')));
    return [
      ...(offer === 'labels' ? [] : stacks)
        .filter(({ kind }) => offer === 'accounts' || kind === 'target')
        .map(({ name, accountId }) => ({ word: name, description: accountId })),
      ...Array.from(new Set(labels), (word) => ({ word, description: 'label' })),
    ];
  } catch {
    return [];
  }
}
