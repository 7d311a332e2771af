import type { Command } from 'commander';
import { imageId } from '../common/option-values.ts';
import { addEnvironmentOptions } from '../common/environment-options.ts';
import { EXIT_CODES, type End, type Tool } from '../common/tool.ts';
import { history, rollback, type HistoryOptions, type RollbackOptions } from './run.ts';

/** Adds `history` and `rollback`: what the parameter of a recipe points to, and pointed to. */
export function addRecipes(program: Command, tool: Tool, end: End): void {
  addEnvironmentOptions(program.command('history'))
    .description('show what the parameter of a recipe pointed to, and when')
    .argument('<recipe>', 'value of the recipe tag, such as ubuntu')
    .option('--json', 'print a JSON array')
    .addHelpText('after', help(tool, 'history ubuntu --accounts-file accounts.yaml --only payments'))
    .action(async (recipe: string, options: HistoryOptions) => {
      end(await history(recipe, options, tool));
    });

  addEnvironmentOptions(program.command('rollback'))
    .description('point the parameter of a recipe to an earlier copy again, until a newer image is copied')
    .argument('<recipe>', 'value of the recipe tag, such as ubuntu')
    .option('--to <image>', 'the copy, or its source image; by default the verified copy before', imageId)
    .option('--dry-run', 'show what would be set, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON array')
    .addHelpText('after', help(tool, 'rollback ubuntu --accounts-file accounts.yaml --to ami-0123456789abcdef0'))
    .action(async (recipe: string, options: RollbackOptions) => {
      end(await rollback(recipe, options, tool));
    });
}

function help({ program }: Tool, example: string): string {
  return `\nExample:\n  ${program} ${example}\n\n${EXIT_CODES}`;
}
