import type { Command } from 'commander';
import { channel, imageId } from '../common/option-values.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import type { PromoteOptions } from './run-promote.ts';
import type { HistoryOptions, RollbackOptions } from './run.ts';

const promoteHelp = `
A channel, such as prod, is a parameter beside that of a recipe: <parameter_path>/<recipe>/channels/<channel>. Nothing but a promotion
moves it forward. All chosen accounts get the copy of one and the same image of the source account. By default that is the newest one of
which all of them have a verified copy, if that is no step back. Nothing is copied, and if an account cannot follow, nothing is set anywhere.
`;

/** Adds `history`, `promote` and `rollback`: what the parameters of a recipe point to, and pointed to. */
export function addRecipes(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('history'))
    .description('show what the parameter of a recipe, or of its channel, pointed to, and when')
    .argument('<recipe>', 'value of the recipe tag, such as ubuntu')
    .option('--channel <channel>', 'of this channel of the recipe, such as prod', channel)
    .option('--json', 'print a JSON array')
    .addHelpText('after', help(tool, 'history ubuntu --accounts-file accounts.yaml --only payments'))
    .action(async (recipe: string, options: HistoryOptions) => {
      const { history } = await import('./run.ts');
      end(await history(recipe, options, tool));
    });

  addEnvironmentOptions(program.command('promote'))
    .description('point a channel of a recipe, such as prod, to the copies of one image')
    .argument('<recipe>', 'value of the recipe tag, such as ubuntu')
    .requiredOption('--to <channel>', 'the channel, such as prod; it is made where there is none', channel)
    .option(
      '--image <image>',
      'the source image, or a copy of it; by default the newest one of which all chosen accounts have a verified copy',
      imageId,
    )
    .option('--from <channel>', 'take the image that this channel points to', channel)
    .option('--partial', 'go on without the accounts that cannot follow')
    .option('--dry-run', 'show what would be set, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON array')
    .addHelpText(
      'after',
      promoteHelp + help(tool, 'promote ubuntu --to prod --from canary --accounts-file accounts.yaml'),
    )
    .action(async (recipe: string, options: PromoteOptions) => {
      const { promote } = await import('./run-promote.ts');
      end(await promote(recipe, options, tool));
    });

  addEnvironmentOptions(program.command('rollback'))
    .description('point the parameter of a recipe to an earlier copy again, until a newer image is copied')
    .argument('<recipe>', 'value of the recipe tag, such as ubuntu')
    .option('--to <image>', 'the copy, or its source image; by default the verified copy before', imageId)
    .option('--channel <channel>', 'a channel of the recipe, such as prod, until the next promotion', channel)
    .option('--dry-run', 'show what would be set, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON array')
    .addHelpText('after', help(tool, 'rollback ubuntu --accounts-file accounts.yaml --to ami-0123456789abcdef0'))
    .action(async (recipe: string, options: RollbackOptions) => {
      const { rollback } = await import('./run.ts');
      end(await rollback(recipe, options, tool));
    });
}

function help({ program }: Tool, example: string): string {
  return `\nExample:\n  ${program} ${example}\n\n${EXIT_CODES}`;
}
