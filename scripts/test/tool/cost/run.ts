import { run } from '../support/run.ts';

/** What a command line prints, and what it says where it is wrong. */
export interface Ran {
  readonly stdout: string;
  readonly error?: string;
}

/** Runs `cost` with these arguments, in this process. */
export async function runCost(args: readonly string[]): Promise<Ran> {
  const { out, err } = await run(['cost', ...args]);
  return { stdout: out, ...(err !== '' && { error: err.trimEnd() }) };
}
