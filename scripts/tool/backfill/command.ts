import { Option, type Command } from 'commander';
import { date, list } from '../common/option-values.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { BackfillOptions } from './run.ts';

const help = (copier: string) => `
It asks for the newest image of each recipe, or for all since a date, in each account that has none of it, neither pending
nor among its dead letters. In a Region where a recipe is not baked, that is the image of another Region. Images that are not
shared with an account are named; with --share they are shared, and asked for. Asking twice makes one copy.

Examples:
  ${copier} backfill --accounts-file accounts.yaml --only payments --share --dry-run
  ${copier} backfill --accounts-file accounts.yaml --recipe ubuntu

${EXIT_CODES}`;

/** Adds `backfill`: asks for copies that accounts missed. */
export function addBackfill(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('backfill'))
    .description('ask for the copies that accounts missed, because they joined late or a request was lost')
    .addOption(new Option('--recipe <names>', 'these recipes alone').argParser(list))
    .addOption(new Option('--since <date>', 'all images since then, such as 2026-11-01').argParser(date))
    .option('--share', 'give launch permission, and createVolume permission on each snapshot, where they are missing')
    .option('--dry-run', 'show every call that changes something, and make none')
    .option('--json', 'print a JSON array of what was asked for')
    .addHelpText('after', help(tool.program))
    .action(async (options: BackfillOptions) => {
      const { backfill } = await import('./run.ts');
      end(await backfill(options, tool));
    });
}
