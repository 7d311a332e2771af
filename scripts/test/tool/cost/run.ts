import { jest } from '@jest/globals';
import { Command, CommanderError } from 'commander';
import { addCost } from '../../../tool/cost/command.ts';
import { UserError } from '../../../tool/common/user-error.ts';

/** What a command line prints, and what it says where it is wrong. */
export interface Ran {
  readonly stdout: string;
  readonly error?: string;
}

/** Runs `cost` with these arguments, in this process. */
export async function runCost(args: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const errors: string[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation((line: string) => lines.push(`${line}\n`));
  const program = new Command('image-copier').exitOverride().configureOutput({
    writeOut: (text) => lines.push(text),
    writeErr: (text) => errors.push(text),
  });
  addCost(program);
  try {
    await program.parseAsync(['cost', ...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) && !(error instanceof UserError)) throw error;
    if (error instanceof UserError) errors.push(error.message);
  } finally {
    log.mockRestore();
  }
  return { stdout: lines.join(''), ...(errors.length > 0 && { error: errors.join('').trimEnd() }) };
}
