import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from '../common/paths.ts';
import { Deployment } from './deployment.ts';
import { requireTerraform } from './require-terraform.ts';
import type { DeploymentOptions } from './options.ts';
import { UserError } from '../common/user-error.ts';

const BUILT_ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');

/**
 * The stacks of the accounts file that the options name.
 * @param builtZip the functions for accounts that name none, if the options name none
 * @throws {UserError} for what the user can fix in the file, the options or the machine
 */
export async function openDeployment(
  { accountsFile, out, functionZip, upgrade }: DeploymentOptions,
  env: NodeJS.ProcessEnv,
  builtZip = BUILT_ZIP,
): Promise<Deployment> {
  await requireTerraform(env);
  if (functionZip !== undefined && !existsSync(functionZip)) throw new UserError(`There is no ${functionZip}.`, 2);
  const deployment = Deployment.open({
    accountsFile,
    out,
    functionZip: functionZip ?? builtZip,
    upgrade: upgrade ?? false,
    apart: true,
    env,
  });
  const needsOurs = deployment.stacks.some(({ modules }) =>
    modules.some(({ inputs }) => inputs['function_zip'] === undefined),
  );
  if (functionZip === undefined && needsOurs && !existsSync(builtZip)) {
    throw new UserError(`There is no ${relative(ROOT, builtZip)}. Run "make build" first.`, 2);
  }
  return deployment;
}
