import { InvalidArgumentError, Option, type Command } from 'commander';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { date, imageIds, minutes, regions } from '../common/option-values.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { RevokeOptions, UnrevokeOptions } from './run.ts';

const revokeHelp = (copier: string) => `
In the source account the image is disabled, which ends its sharing; whom it was shared with is noted there. Then every account is
told. There parameters move to the newest copy that is not revoked, and all copies are disabled, whoever made them, with the images that were made
of them. Instances go on: they are counted. ${copier} unrevoke undoes all of it.
The credentials are those of the source account; an accounts file says by itself how that account is reached.

Examples:
  ${copier} revoke ami-0123456789abcdef0 --accounts-file accounts.yaml --reason CVE-2026-12345 --wait
  ${copier} revoke --recipe ubuntu --before 2026-11-23 --accounts-file accounts.yaml --reason 'old kernel'

${EXIT_CODES}`;

const unrevokeHelp = (copier: string) => `
The source image is enabled, and shared as it was. Then every account is told: copies can be launched again, and parameters point to
the newest one.

Example:
  ${copier} unrevoke ami-0123456789abcdef0 --accounts-file accounts.yaml --wait

${EXIT_CODES}`;

// As the accounts check it.
const MAX_REASON = 500;

/** Adds `revoke` and `unrevoke`: a bad image is taken away everywhere, and given back. */
export function addRevoke(program: Command, tool: Tool, end: End): void {
  addDecisionOptions(
    addEnvironmentOptions(program.command('revoke'))
      .description('take a bad image away, in the source account and in all others')
      .argument('[images...]', 'images of the source account', imageIds)
      .addOption(
        new Option('--reason <text>', 'why, for everybody who meets it').argParser(reason).makeOptionMandatory(),
      )
      .option('--recipe <name>', 'all images of this recipe, with --before')
      .addOption(new Option('--before <date>', 'those baked before it, such as 2026-11-23').argParser(date)),
  )
    .addHelpText('after', revokeHelp(tool.program))
    .action(async (images: readonly string[] | undefined, options: RevokeOptions) => {
      const { revoke } = await import('./run.ts');
      end(await revoke(images ?? [], options, tool));
    });

  addDecisionOptions(
    addEnvironmentOptions(program.command('unrevoke'))
      .description('take back that an image is revoked')
      .argument('<images...>', 'images of the source account', imageIds)
      .addOption(new Option('--reason <text>', 'why').argParser(reason)),
  )
    .addHelpText('after', unrevokeHelp(tool.program))
    .action(async (images: readonly string[], options: UnrevokeOptions) => {
      const { unrevoke } = await import('./run.ts');
      end(await unrevoke(images, options, tool));
    });
}

function addDecisionOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--only-region <regions>',
        "of the accounts' Regions these alone, such as eu-west-1,us-east-1; --region is that of the image",
      ).argParser(regions),
    )
    .option('--topic <name>', 'name of the topic for copy requests; an accounts file has it already')
    .option('--housekeeping-topic <name>', 'name of the topic for housekeeping, where it is not named after that one')
    .option('--wait', 'wait until each account is done')
    .addOption(new Option('--timeout <minutes>', 'how long to wait, at most').argParser(minutes).default(10))
    .option('--dry-run', 'show what would be done, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON array with how far each account is');
}

function reason(value: string): string {
  if (value.trim() !== '' && value.length <= MAX_REASON) return value;
  throw new InvalidArgumentError(`It must be 1 to ${MAX_REASON} characters.`);
}
