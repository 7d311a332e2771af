import { CommanderError, type Command } from 'commander';
import { UserError } from './common/user-error.ts';

/** Runs the program to its end with the arguments of the process, and sets its exit code. */
export async function runProgram(program: Command): Promise<void> {
  // The reader of a pipe may have seen enough, as `head` does.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));
  await runCommandLine(program, process.argv.slice(2));
}

/** Runs a program, tells of the user's mistakes, and sets the process's exit code. */
export async function runCommandLine(program: Command, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeAfter(error);
  }
}

function exitCodeAfter(error: unknown): number {
  // Commander has said already what is wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UserError) {
    console.error(`Error: ${error.message}`);
    return error.exitCode;
  }
  console.error(error);
  return 1;
}
