import { CommandError } from '../tool/common/run-command.ts';
import { SetupError } from '../tool/common/setup-error.ts';
import { WaitError } from '../tool/common/wait-for.ts';

/** Runs a script to its end. What the user can mend is said in its own words; anything else with its stack trace. */
export async function runScript(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const plain = [SetupError, CommandError, WaitError].some((kind) => error instanceof kind);
    console.error(plain ? `Error: ${(error as Error).message}` : error);
    process.exitCode = 1;
  }
}
