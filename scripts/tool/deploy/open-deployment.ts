import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { AccountsFileError } from '../../../terraform/stacks/accounts-file.ts';
import { ROOT } from '../common/paths.ts';
import { ChoiceError } from '../common/choose-stacks.ts';
import { Deployment } from './deployment.ts';
import { LastRunError } from './last-run.ts';
import { CommandError } from '../common/run-command.ts';
import { SetupError } from '../common/setup-error.ts';
import { requireTerraform } from './terraform.ts';
import type { DeploymentOptions } from './options.ts';
import { UserError } from '../common/user-error.ts';

const DEFAULT_ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');

/**
 * Does something with the stacks of the accounts file.
 * @throws {UserError} for what the user can mend in the file, the options or the machine
 */
export async function withDeployment<T>(
  options: DeploymentOptions,
  use: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  try {
    return await use(open(options));
  } catch (error) {
    const isUsers =
      error instanceof AccountsFileError ||
      error instanceof ChoiceError ||
      error instanceof LastRunError ||
      error instanceof SetupError;
    if (isUsers) throw new UserError(error.message, 2, { cause: error });
    if (error instanceof CommandError) throw new UserError(error.message, 1, { cause: error });
    throw error;
  }
}

function open({ accountsFile, out, functionZip, upgrade }: DeploymentOptions): Deployment {
  requireTerraform();
  if (!existsSync(accountsFile)) {
    throw new UserError(
      `There is no ${accountsFile}. Name your accounts file with --accounts-file; terraform/stacks/README.md tells how to write one.`,
      2,
    );
  }
  if (functionZip !== undefined && !existsSync(functionZip)) throw new UserError(`There is no ${functionZip}.`, 2);
  const deployment = Deployment.open({
    accountsFile,
    out,
    functionZip: functionZip ?? DEFAULT_ZIP,
    upgrade: upgrade ?? false,
    apart: true,
    env: process.env,
  });
  const needsOurs = deployment.stacks.some(({ kind, modules }) =>
    modules.some(({ inputs }) => kind === 'target' && inputs['function_zip'] === undefined),
  );
  if (functionZip === undefined && needsOurs && !existsSync(DEFAULT_ZIP)) {
    throw new UserError(`There is no ${relative(ROOT, DEFAULT_ZIP)}. Run "make build" first.`, 2);
  }
  return deployment;
}
