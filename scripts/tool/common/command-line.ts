import { shellQuoted } from './shell-quoted.ts';

/** A command as a line that bash and zsh take. */
export function commandLine(program: string, words: readonly string[]): string {
  return [program, ...words.map(shellQuoted)].join(' ');
}

/** Options and their values as words of a command, in their order, without those that have no value. */
export function optionWords(options: Readonly<Record<`--${string}`, string | undefined>>): string[] {
  return Object.entries(options).flatMap(([option, value]) => (value === undefined ? [] : [option, value]));
}
