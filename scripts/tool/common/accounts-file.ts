import { existsSync, readFileSync } from 'node:fs';
import { AccountsFileError, parseAccountsFile } from '../../../terraform/stacks/accounts-file.ts';
import { planStacks, type Stack } from '../../../terraform/stacks/stacks.ts';
import { messageOf } from './message-of.ts';
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
  const contents = read(file);
  try {
    return planStacks(parseAccountsFile(contents, file));
  } catch (error) {
    if (error instanceof AccountsFileError) throw new UserError(error.message, 2, { cause: error });
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${messageOf(error)}.`, 2, { cause: error });
  }
}
