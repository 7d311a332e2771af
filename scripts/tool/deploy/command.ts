import { Option, type Command } from 'commander';
import { completedBy } from '../common/completed-by.ts';
import { addDeploymentOptions } from './options.ts';
import { list } from '../common/option-values.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { DeployOptions, DestroyOptions } from './run.ts';

/** Adds `deploy` and `destroy`: Terraform for every account of the accounts file. */
export function addDeploy(program: Command, tool: Tool, end: End): void {
  addDeploymentOptions(program.command('deploy'))
    .description('give every account of the accounts file its part, several at a time')
    .addOption(only())
    .addOption(new Option('--plan', 'show what would be done, and change nothing').conflicts(['waves', 'smoke']))
    .addOption(
      completedBy(
        'labels',
        new Option(
          '--waves <labels>',
          'labels of the accounts to begin with, such as wave=canary,wave=early',
        ).argParser(list),
      ),
    )
    .option('--smoke', 'after the first wave of targets, have a small image copied there; go on if that works')
    .addOption(
      new Option('--resume', 'go on with the last run: accounts that failed or were not reached').conflicts([
        'only',
        'waves',
        'smoke',
      ]),
    )
    .option('--upgrade', 'take the newest AWS provider that the modules allow')
    .addHelpText('after', help(tool, 'deploy --accounts-file accounts.yaml --waves wave=canary --smoke'))
    .action(async (options: DeployOptions) => {
      const { deploy } = await import('./run.ts');
      end(await deploy(options, tool));
    });

  addDeploymentOptions(program.command('destroy'))
    .description('destroy the part of some accounts, also of those that left the accounts file')
    .addOption(only().makeOptionMandatory())
    .option('--yes', 'do not ask')
    .addHelpText('after', help(tool, 'destroy --only payments'))
    .action(async (options: DestroyOptions) => {
      const { destroy } = await import('./run.ts');
      end(await destroy(options, tool));
    });
}

function only(): Option {
  const description = 'accounts by name, id or label, such as payments,222222222222,wave=canary';
  return completedBy('accounts', new Option('--only <choice>', description).argParser(list));
}

function help({ program }: Tool, example: string): string {
  return `\nExample:\n  ${program} ${example}\n\n${EXIT_CODES}`;
}
