import { runProgram } from '../common/run-command.ts';
import { SetupError } from '../common/setup-error.ts';

/** `terraform test` with `override_during` came with 1.11. */
const OLDEST = [1, 11] as const;

/** By PATH: what is installed does not change while a program runs, and asking takes a tenth of a second. */
const platforms = new Map<string | undefined, Promise<string>>();

/**
 * The platform of the installed Terraform, such as linux_amd64.
 * @throws {SetupError} if Terraform is missing or too old
 */
export async function requireTerraform(env: NodeJS.ProcessEnv): Promise<string> {
  const platform = platforms.get(env['PATH']) ?? findTerraform(env);
  platforms.set(env['PATH'], platform);
  return await platform;
}

async function findTerraform(env: NodeJS.ProcessEnv): Promise<string> {
  const { terraform_version: version, platform } = await installedVersion(env);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new SetupError(`Terraform ${version} is too old. Install Terraform ${OLDEST.join('.')} or newer.`);
  }
  return platform;
}

async function installedVersion(env: NodeJS.ProcessEnv): Promise<{ terraform_version: string; platform: string }> {
  let output = '';
  const stdout = (text: string) => (output += text);
  try {
    // What it warns of, such as settings that are not there, it says again to whom it concerns.
    await runProgram('terraform', ['version', '-json'], { env, stdout, stderr: () => undefined });
  } catch (error) {
    const message = `Terraform is not on PATH. Install Terraform ${OLDEST.join('.')} or newer.`;
    throw new SetupError(message, { cause: error });
  }
  return JSON.parse(output) as { terraform_version: string; platform: string };
}
