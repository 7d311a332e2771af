import { resolve } from 'node:path';
import { runProgram } from '../common/run-command.ts';
import { SetupError } from '../common/setup-error.ts';

/** Names the program that deploys, by a path or by a name on PATH. */
const PROGRAM_VARIABLE = 'IMAGE_COPIER_TERRAFORM';

/** As the modules' required_version. Older ones were not run. */
const OLDEST = [1, 11] as const;

const REMEDY = `Install Terraform or OpenTofu, ${OLDEST.join('.')} or newer`;

/** Where a program takes a provider from whose source names no host. */
const REGISTRIES = { Terraform: 'registry.terraform.io', OpenTofu: 'registry.opentofu.org' } as const;

/** A program that deploys, as it says itself what it is. */
export interface TerraformProgram {
  /** What to run: a path, or a name on PATH. */
  readonly command: string;
  readonly name: keyof typeof REGISTRIES;
  readonly version: string;
  /** Such as linux_amd64. */
  readonly platform: string;
  readonly registry: string;
}

/** What is installed does not change while a program runs, and asking takes a tenth of a second. */
const found = new Map<string, Promise<TerraformProgram>>();

/**
 * The program that IMAGE_COPIER_TERRAFORM names, else `terraform` on PATH, else `tofu`.
 * @throws {SetupError} if it is missing, too old or something else
 */
export async function requireTerraform(env: NodeJS.ProcessEnv): Promise<TerraformProgram> {
  const key = JSON.stringify([env['PATH'], env[PROGRAM_VARIABLE]]);
  const program = found.get(key) ?? findTerraform(env);
  found.set(key, program);
  return await program;
}

/**
 * The program that IMAGE_COPIER_TERRAFORM names, else each of both that is on PATH, `terraform` first.
 * @throws {SetupError} if there is none, or one is too old
 */
export async function findTerraforms(env: NodeJS.ProcessEnv): Promise<TerraformProgram[]> {
  const first = await requireTerraform(env);
  if (env[PROGRAM_VARIABLE] || first.command === 'tofu' || !(await programAt('tofu', env))) return [first];
  return [first, await requireTerraform({ ...env, [PROGRAM_VARIABLE]: 'tofu' })];
}

async function findTerraform(env: NodeJS.ProcessEnv): Promise<TerraformProgram> {
  const named = env[PROGRAM_VARIABLE];
  const program = named
    ? await programAt(named, env)
    : ((await programAt('terraform', env)) ?? (await programAt('tofu', env)));
  if (!program) {
    throw new SetupError(
      named
        ? `${PROGRAM_VARIABLE}: there is no program ${named}. Name Terraform or OpenTofu, by a path or by a name on PATH.`
        : `Neither terraform nor tofu is on PATH. ${REMEDY}.`,
    );
  }
  const [major = 0, minor = 0] = program.version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new SetupError(`${program.name} ${program.version} is too old. ${REMEDY}.`);
  }
  return program;
}

/**
 * What a program says that it is; undefined if it cannot be run.
 * @throws {SetupError} if it is neither Terraform nor OpenTofu
 */
async function programAt(named: string, env: NodeJS.ProcessEnv): Promise<TerraformProgram | undefined> {
  // It runs in other folders: there, a path from here would name another program.
  const command = named.includes('/') ? resolve(named) : named;
  let output = '';
  const stdout = (text: string) => (output += text);
  try {
    // Only the words for people say which of both it is. What they warn of before, such as settings that are not there, they
    // say again to whom it concerns.
    const options = { env: { ...env, CHECKPOINT_DISABLE: '1' }, stdout, stderr: () => undefined };
    await runProgram(command, ['version'], options);
  } catch {
    return undefined;
  }
  const [, name, version = '', platform = ''] = /^(Terraform|OpenTofu) v(\S+)\s+on (\S+)$/m.exec(output) ?? [];
  if (name !== 'Terraform' && name !== 'OpenTofu') {
    throw new SetupError(`${command} is neither Terraform nor OpenTofu. ${REMEDY}.`);
  }
  return { command, name, version, platform, registry: REGISTRIES[name] };
}
