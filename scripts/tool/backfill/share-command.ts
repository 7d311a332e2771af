import { commandLine, optionWords } from '../common/command-line.ts';
import { otherName, type EnvironmentOptions } from '../common/environment-options.ts';
import type { Environment } from '../common/environment.ts';

/** The options that say which images and accounts it is about. */
interface Choice extends EnvironmentOptions {
  readonly recipe?: readonly string[];
  readonly since?: Date;
}

/**
 * The command that shares images with accounts and asks for copies, for the rest as the options say.
 * @param lacking those among the chosen environments that images are not shared with
 */
export function shareCommand(
  program: string,
  options: Choice,
  chosen: readonly Environment[],
  lacking: readonly Environment[],
): string {
  const names = Array.from(new Set(lacking.map(({ account }) => account)));
  const isEverybody = chosen.every(({ account }) => names.includes(account));
  const { accountsFile, only, profile, roleName, region, recipe, since, name } = options;
  const words = optionWords({
    '--accounts-file': accountsFile,
    '--only': (isEverybody ? only : names)?.join(','),
    '--profile': profile,
    '--role-name': roleName,
    '--region': region,
    '--recipe': recipe?.join(','),
    '--since': since?.toISOString().replace(/T00:00:00.000Z$/, ''),
    '--name': otherName(name),
  });
  return commandLine(program, ['backfill', ...words, '--share']);
}
