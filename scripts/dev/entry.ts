import { UserError } from '../tool/common/user-error.ts';

/** Runs a script to its end. What the user can fix is said in its own words; anything else with its stack trace. */
export async function runScript(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof UserError ? `Error: ${error.message}` : error);
    process.exitCode = 1;
  }
}
