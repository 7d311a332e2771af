import { Option, type Command } from 'commander';
import { MAX_QUARANTINE_DAYS } from '../../../lambda/src/core/allowed-values.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { imageIds, minutes, wholeNumber } from '../common/option-values.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { RestoreOptions, RetireOptions } from './run.ts';

const retireHelp = (copier: string) => `
An image goes only if nothing in its account uses it at that moment. It is disabled first, and removed with its snapshots after its
quarantine. What uses an image that is to go is named, and it goes once nothing does. Until it is removed, ${copier} restore makes
it launchable again. With --dry-run and without an image it shows what the retention policy of each account would let go now.

Examples:
  ${copier} retire ami-0123456789abcdef0 --accounts-file accounts.yaml --dry-run
  ${copier} retire --dry-run --accounts-file accounts.yaml --only payments

${EXIT_CODES}`;

const restoreHelp = (copier: string) => `
It waits until the image can be launched again. A revoked image is not restored: only the source account can undo that, by
${copier} unrevoke.

Example:
  ${copier} restore ami-0123456789abcdef0 --accounts-file accounts.yaml --only payments

${EXIT_CODES}`;

/** Adds `retire` and `restore`: the end of images that nothing uses any more, and the way back. */
export function addRetire(program: Command, tool: Tool, end: End): void {
  const timeout = (what: string) =>
    new Option('--timeout <minutes>', `how long to wait for ${what}, at most`).argParser(minutes).default(10);

  addEnvironmentOptions(program.command('retire'))
    .description('take away images that nothing uses any more')
    .argument('[images...]', 'images of the accounts, or source images: then their copies', imageIds)
    .addOption(
      new Option(
        '--quarantine-days <n>',
        "days from being disabled to being removed; by default those of the account's retention policy, else 7",
      ).argParser(wholeNumber(0, MAX_QUARANTINE_DAYS)),
    )
    .addOption(timeout('each image to be in quarantine or removed'))
    .option('--dry-run', 'show what would happen to each image, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText('after', retireHelp(tool.program))
    .action(async (images: readonly string[] | undefined, options: RetireOptions) => {
      const { retire } = await import('./run.ts');
      end(await retire(images ?? [], options, tool));
    });

  addEnvironmentOptions(program.command('restore'))
    .description('make retired images launchable again')
    .argument('<images...>', 'images of the accounts, or source images: then their copies', imageIds)
    .addOption(timeout('each image'))
    .option('--json', 'print a JSON array')
    .addHelpText('after', restoreHelp(tool.program))
    .action(async (images: readonly string[], options: RestoreOptions) => {
      const { restore } = await import('./run.ts');
      end(await restore(images, options, tool));
    });
}
