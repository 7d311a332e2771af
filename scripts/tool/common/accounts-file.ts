import { existsSync, readFileSync } from 'node:fs';
import { AccountsFileError, parseAccountsFile } from '../../../terraform/stacks/accounts-file.ts';
import { planStacks, type Stack } from '../../../terraform/stacks/stacks.ts';
import { UserError } from './user-error.ts';

/**
 * The stacks of an accounts file.
 * @throws {UserError} if it is not there, or not as it must be
 */
export function readStacks(file: string): Stack[] {
  if (!existsSync(file)) {
    throw new UserError(
      `There is no ${file}. Name your accounts file with --accounts-file; terraform/stacks/README.md tells how to write one.`,
      2,
    );
  }
  try {
    return planStacks(parseAccountsFile(readFileSync(file, 'utf8'), file));
  } catch (error) {
    if (error instanceof AccountsFileError) throw new UserError(error.message, 2, { cause: error });
    throw error;
  }
}
