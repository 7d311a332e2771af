import { Option, type Command } from 'commander';
import { imageId, region } from '../common/option-values.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import type { End, Tool } from '../common/tool.ts';
import { SEVERITIES } from './finding.ts';
import type { DoctorOptions } from './run.ts';

/** Adds `doctor`: finds what keeps accounts from getting their copies. */
export function addDoctor(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('doctor'))
    .description('look for what keeps accounts from getting their copies, and tell how to fix it; changes nothing')
    .option('--image <image>', 'find out as well whether this image can be copied', imageId)
    .option(
      '--image-region <region>',
      "Region of that image; by default the accounts file's where the source account has it",
      region,
    )
    .addOption(new Option('--severity <least>', 'show what is as grave as this, or graver').choices(SEVERITIES))
    .option('--json', 'print a JSON array with the findings of each account and Region')
    .addHelpText('after', help(tool.program))
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./run.ts');
      end(await doctor(options, tool));
    });
}

const help = (copier: string) => `
Examples:
  ${copier} doctor --profile production --region eu-west-1
  ${copier} doctor --accounts-file accounts.yaml --image ami-0123456789abcdef0

The commands that it prints can be pasted into bash and zsh, here. --json has them in commands.

Exit codes: 0 no problems, 1 a problem was found or an account could not be read, 2 wrong usage, or stopped by you.
Warnings and notes do not change them, nor does --severity.`;
