import { spawnSync } from 'node:child_process';
import { SetupError } from '../common/setup-error.ts';

/** `terraform test` with `override_during` came with 1.11. */
const OLDEST = [1, 11] as const;

/** By PATH: it does not change while a program runs, and asking takes a tenth of a second. */
const platforms = new Map<string | undefined, string>();

/**
 * The platform of the installed Terraform, such as linux_amd64.
 * @throws {SetupError} if Terraform is missing or too old
 */
export function requireTerraform(env: NodeJS.ProcessEnv): string {
  const known = platforms.get(env['PATH']) ?? findTerraform(env);
  platforms.set(env['PATH'], known);
  return known;
}

function findTerraform(env: NodeJS.ProcessEnv): string {
  const { stdout, error } = spawnSync('terraform', ['version', '-json'], { env, encoding: 'utf8' });
  if (error) throw new SetupError(`Terraform is not on PATH. Install Terraform ${OLDEST.join('.')} or newer.`);
  const { terraform_version: version, platform } = JSON.parse(stdout) as {
    terraform_version: string;
    platform: string;
  };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new SetupError(`Terraform ${version} is too old. Install Terraform ${OLDEST.join('.')} or newer.`);
  }
  return platform;
}
