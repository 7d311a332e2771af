import type { Command } from 'commander';
import type { Output } from './common/terminal.ts';
import { reflow, wrapWords } from './common/wrap.ts';

/** What help says of the whole tool. It is read from the commands when the tool is built: to load them takes longer than to print it. */
export interface TopHelp extends HelpParts {
  /** What follows the program's name where there is no terminal, which is known before it is started. */
  readonly text: string;
}

interface HelpParts {
  /** What follows the program's name. */
  readonly usage: string;
  readonly description: string;
  /** By their headings: terms, such as `status [options]`, with what they are. */
  readonly lists: Readonly<Record<string, readonly (readonly [term: string, description: string])[]>>;
}

/** How commander describes the whole tool. */
export function topHelpOf(program: Command): TopHelp {
  const help = program.createHelp();
  const parts: HelpParts = {
    usage: program.usage(),
    description: program.description(),
    lists: {
      Options: help
        .visibleOptions(program)
        .map((option) => [help.optionTerm(option), help.optionDescription(option)] as const),
      Commands: help
        .visibleCommands(program)
        .map((command) => [help.subcommandTerm(command), help.subcommandDescription(command)] as const),
    },
  };
  return { ...parts, text: format(parts, HELP_WIDTH) };
}

/** How wide help is where there is no terminal. */
export const HELP_WIDTH = 80;
/** Next to the longest names of options a narrow terminal has no more room. */
export const MIN_WIDTH_TO_WRAP = 20;

/** Prints what commander would print. */
export function printTopHelp(help: TopHelp, program: string, { size, write }: Output): void {
  if (size) write(reflow(`Usage: ${program} ${format(help, size.columns)}`, size.columns));
  else write(`Usage: ${program} ${help.text}`);
}

function format({ usage, description, lists }: HelpParts, width: number): string {
  const all = Object.values(lists).flat();
  const widest = Math.max(...all.map(([term]) => term.length));
  const room = width - widest - 4;
  const lines = (text: string, columns: number) => (columns < MIN_WIDTH_TO_WRAP ? [text] : wrapWords(text, columns));
  const item = ([term, what]: readonly [string, string]) =>
    `  ${term.padEnd(widest)}  ${lines(what, room).join(`\n${' '.repeat(widest + 4)}`)}`;
  return [
    usage,
    lines(description, width).join('\n'),
    ...Object.entries(lists).map(([heading, items]) => [`${heading}:`, ...items.map(item)].join('\n')),
    '',
  ]
    .join('\n\n')
    .replace(/\n\n$/, '\n');
}
