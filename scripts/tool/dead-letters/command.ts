import type { Command } from 'commander';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { DiscardOptions, ListOptions, RedriveOptions } from './run.ts';

/** Adds `dead-letters list|redrive|discard`: what to do about requests that were rejected or given up. */
export function addDeadLetters(program: Command, tool: Tool, end: End): void {
  const deadLetters = program
    .command('dead-letters')
    .description('show requests that were rejected or given up, put them back, or discard them');

  addEnvironmentOptions(deadLetters.command('list'))
    .description('show all dead letters of the chosen accounts and Regions, with their reasons')
    .option('--json', 'print a JSON array, with the whole requests')
    .addHelpText('after', help(tool, 'list --accounts-file accounts.yaml'))
    .action(async (options: ListOptions) => {
      const { list } = await import('./run.ts');
      end(await list(options, tool));
    });

  addEnvironmentOptions(addChoice(deadLetters.command('redrive')))
    .description('put dead letters back into the requests queues, once the cause is fixed')
    .option('--dry-run', 'show what would be put back, and change nothing')
    .option('--json', 'print a JSON array with what became of each')
    .addHelpText('after', help(tool, 'redrive --code UntrustedOwner --profile production --region eu-west-1'))
    .action(async (options: RedriveOptions) => {
      const { redrive } = await import('./run.ts');
      end(await redrive(options, tool));
    });

  addEnvironmentOptions(addChoice(deadLetters.command('discard')))
    .description('delete dead letters for good')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON array with what became of each')
    .addHelpText('after', help(tool, 'discard --image ami-0123456789abcdef0 --profile production --region eu-west-1'))
    .action(async (options: DiscardOptions) => {
      const { discard } = await import('./run.ts');
      end(await discard(options, tool));
    });
}

function addChoice(command: Command): Command {
  return command
    .option('--id <id...>', 'those with these ids, or with these first characters of them')
    .option('--image <source image>', 'those for this source image; - for those without one')
    .option('--code <ErrorCode>', 'those with this code; - for those without one')
    .option('--all', 'every one; several options narrow the choice down');
}

function help({ program }: Tool, example: string): string {
  return `\nExample:\n  ${program} dead-letters ${example}\n\n${EXIT_CODES}`;
}
