import { CommanderError } from 'commander';
import { print } from './common/terminal.ts';
import type { Tool } from './common/tool.ts';
import { UserError } from './common/user-error.ts';
import { createProgram } from './program.ts';

/** Runs the command that the arguments name to its end, and prints what the user can fix if it fails. */
export async function runTool(args: readonly string[], tool: Tool): Promise<number> {
  let code = 0;
  try {
    const program = createProgram(tool, (ended) => {
      code = ended;
    });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said already what is wrong, or shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    // What explains AWS's errors knows the SDK's Regions, and is loaded for them alone.
    const known = error instanceof UserError ? error : (await import('./common/aws-errors.ts')).explained(error);
    if (known instanceof UserError) {
      print(tool.terminal.err, `Error: ${known.message}`);
      return known.exitCode;
    }
    const { inspect } = await import('node:util');
    print(tool.terminal.err, inspect(error));
    return 1;
  }
}
