import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { ROOT } from '../common/paths.ts';
import { shellQuoted } from '../common/shell-quoted.ts';
import { print } from '../common/terminal.ts';
import { EXIT_CODES, type Tool } from '../common/tool.ts';
import { complete, type Candidate } from './complete.ts';

const SHELLS = ['bash', 'zsh', 'fish'];

const help = (copier: string) => `
It completes commands, options, files, and for --only the accounts and labels of the accounts file that was named.
In the file that your shell starts with, which is ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish:
  eval "$(${copier} completion -s bash)"
  eval "$(${copier} completion -s zsh)"
  ${copier} completion -s fish | source

${EXIT_CODES}`;

/** Adds `completion`, and what its scripts ask. */
export function addCompletion(program: Command, { program: copier, terminal: { out }, env }: Tool): void {
  program
    .command('completion')
    .description('print a script with which your shell completes command lines of this tool')
    .addOption(new Option('-s, --shell <shell>', 'your shell').choices(SHELLS).makeOptionMandatory())
    .addHelpText('after', help(fromAnywhere(copier)))
    .action(({ shell }: { readonly shell: string }) => {
      out.write(readFileSync(join(ROOT, 'scripts', 'tool', 'completion', `image-copier.${shell}`), 'utf8'));
    });
  // The first line says what follows, or that the shell finds files or folders by itself.
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      const completion = await complete(program, words, env['HOME'] ?? '');
      const lines = typeof completion === 'string' ? [completion] : ['words', ...completion.map(toLine)];
      print(out, lines.join('\n'));
    });
}

/** A shell may start in another folder than the one that the path of this program was given from. */
function fromAnywhere(program: string): string {
  return program.includes('/') ? shellQuoted(join(ROOT, 'scripts', 'tool', 'image-copier.mjs')) : program;
}

function toLine({ word, description }: Candidate): string {
  return `${word}\t${description}`;
}
