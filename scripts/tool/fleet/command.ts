import { Option, type Command } from 'commander';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { list } from '../common/option-values.ts';
import type { End, Tool } from '../common/tool.ts';
import type { FleetOptions } from './run.ts';

const help = (copier: string) => `
Counted are instances that run or are about to. States: current (the newest verified copy of its recipe in the account and Region,
or an image made of it); behind (an older one); revoked; no copy (an image that is no copy and descends from none); unknown (it
cannot be told, with the reason). An image that is gone is told by its name, which copies have from their source image.

Examples:
  ${copier} fleet --accounts-file accounts.yaml
  ${copier} fleet --accounts-file accounts.yaml --only wave=canary --recipe ubuntu --json

Exit codes: 0 no instance runs a revoked image; 1 one does, or an account could not be read; 2 wrong usage, or stopped by you.`;

/** Adds `fleet`: what the running instances run. */
export function addFleet(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('fleet'))
    .description('show which images the running instances run, and how old these are')
    .addOption(new Option('--recipe <names>', 'instances of these recipes alone').argParser(list))
    .option('--all', 'a line for each image in each account, also for those that are current or no copies')
    .option('--json', 'print all that is known as JSON')
    .addHelpText('after', help(tool.program))
    .action(async (options: FleetOptions) => {
      const { fleet } = await import('./run.ts');
      end(await fleet(options, tool));
    });
}
