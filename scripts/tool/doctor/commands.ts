import type { ChosenCopier } from '../common/environment.ts';
import { commandLine } from '../common/command-line.ts';

/** A command for a shell. */
export interface Command {
  /** The program as a shell reads it: this tool may be started by two words. */
  readonly program: string;
  readonly words: readonly string[];
}

/** Whose commands they are: how the user started this tool, and how the account is reached. */
export interface CommandsFor extends Pick<ChosenCopier, 'access' | 'chosenBy' | 'region'> {
  readonly program: string;
}

/** A command of this tool for an account and Region. */
export function toolCommand({ program, chosenBy, region }: CommandsFor, ...words: readonly string[]): Command {
  return { program, words: [...words, ...chosenBy, '--region', region] };
}

/** A command of the AWS CLI in an account and Region, with credentials of the account. The CLI itself has no option for a role. */
export function awsCommand(place: CommandsFor, ...words: readonly string[]): Command {
  const { profile, roleArn } = place.access;
  if (roleArn !== undefined) {
    const exec = toolCommand(place, 'exec');
    return { ...exec, words: [...exec.words, '--', 'aws', ...words] };
  }
  const options = [...(profile === undefined ? [] : ['--profile', profile]), '--region', place.region];
  return { program: 'aws', words: [...words, ...options] };
}

/** The command as a line that bash and zsh take. */
export function lineOf({ program, words }: Command): string {
  return commandLine(program, words);
}

/** Lines for several commands: those of this tool that differ in the account of --only alone become one. */
export function linesOf(commands: readonly Command[]): string[] {
  const merged = new Map<string, Command>();
  for (const { program, words } of commands) {
    // What follows `--` runs in one account.
    const at = words.includes('--') ? 0 : words.indexOf('--only') + 1;
    const key = JSON.stringify([program, at === 0 ? words : words.with(at, '')]);
    const chosen = new Set([merged.get(key)?.words[at], words[at]].flatMap((word) => word?.split(',') ?? []));
    merged.set(key, { program, words: at === 0 ? words : words.with(at, Array.from(chosen).join(',')) });
  }
  return Array.from(merged.values(), lineOf);
}
