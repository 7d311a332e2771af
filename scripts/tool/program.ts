import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { addBackfill } from './backfill/command.ts';
import { print } from './common/terminal.ts';
import type { End, Tool } from './common/tool.ts';
import { reflow, wrapText } from './common/wrap.ts';
import { addCompletion } from './completion/command.ts';
import { addCost } from './cost/command.ts';
import { addDeadLetters } from './dead-letters/command.ts';
import { addDeploy } from './deploy/command.ts';
import { addDoctor } from './doctor/command.ts';
import { addExec } from './exec/command.ts';
import { addFleet } from './fleet/command.ts';
import { addRecipes } from './recipes/command.ts';
import { addRequest } from './request/command.ts';
import { addRetire } from './retire/command.ts';
import { addRevoke } from './revoke/command.ts';
import { addStatus } from './status/command.ts';
import { HELP_WIDTH, MIN_WIDTH_TO_WRAP } from './top-help.ts';

/**
 * The operators' tool with all its commands.
 * @param end takes the code that a command ended with
 */
export function createProgram(tool: Tool, end: End): Command {
  const { out, err } = tool.terminal;
  const program = new Command(tool.program)
    .description('For the people who bake images, and who run the accounts that copy them.')
    .version(packageJson.version, '--version', 'print the version')
    // Before the commands are added: they take it over.
    .exitOverride()
    .configureHelp({ minWidthToWrap: MIN_WIDTH_TO_WRAP })
    .configureOutput({
      // Also the texts that commands add to their help.
      writeOut: (text) => {
        out.write(reflow(text, out.size?.columns));
      },
      writeErr: (text) => {
        err.write(reflow(text, err.size?.columns));
      },
      outputError: (text) => {
        err.write(wrapText(text, err.size?.columns));
      },
      getOutHelpWidth: () => out.size?.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => err.size?.columns ?? HELP_WIDTH,
    });
  addRequest(program, tool, end);
  addStatus(program, tool, end);
  addFleet(program, tool, end);
  addDoctor(program, tool, end);
  addBackfill(program, tool, end);
  addRecipes(program, tool, end);
  addRetire(program, tool, end);
  addRevoke(program, tool, end);
  addDeadLetters(program, tool, end);
  addDeploy(program, tool, end);
  addExec(program, tool, end);
  addCost(program, tool);
  addCompletion(program, tool);
  program.command('version', { hidden: true }).action(() => {
    print(out, packageJson.version);
  });
  return program;
}
