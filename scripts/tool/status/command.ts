import { Option, type Command } from 'commander';
import { list } from '../common/option-values.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import type { End, Tool } from '../common/tool.ts';
import type { StatusOptions } from './run.ts';

const help = (copier: string) => `
States: available; pending; failed; missing (shared, not copied); stale (only an older image of the recipe is there);
not shared; not wanted (with --images: the Region has images of its own); unknown (the account could not be read). Without
an accounts file the newest images are those that some account has a copy of.

Examples:
  ${copier} status --accounts-file accounts.yaml --only wave=canary --recipe ubuntu
  ${copier} status --accounts-file accounts.yaml --html status.html

Exit codes: 0 all is available, pending or not shared; 1 something failed, is missing, stale or unknown; 2 wrong usage, or
stopped by you.`;

/** Adds `status`: which accounts have which copies. */
export function addStatus(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('status'))
    .description('show which accounts have a copy of the newest image of each recipe')
    .addOption(new Option('--recipe <names>', 'these recipes alone').argParser(list))
    .option('--images', 'a row for each image of the source account, not for each recipe')
    .option('--all', 'a line for each copy, also for those that are available')
    .option('--html <file>', 'write one page for a browser, which needs no network')
    .option('--json', 'print all that is known as JSON')
    .addHelpText('after', help(tool.program))
    .action(async (options: StatusOptions) => {
      const { status } = await import('./run.ts');
      end(await status(options, tool));
    });
}
