import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CACHE } from '../common/paths.ts';
import { writeFileAtomic } from '../common/write-file-atomic.ts';
import { findProviderMirror, type ProviderMirror } from './provider-mirror.ts';
import { requireTerraform } from './require-terraform.ts';

/**
 * Adds to an environment what every command of Terraform or OpenTofu in the project runs with.
 * @param upgrade whether the newest provider is wanted
 * @throws {SetupError} if the machine lacks something
 */
export async function terraformEnvironment(
  workDirectory: string,
  env: NodeJS.ProcessEnv,
  upgrade = false,
): Promise<NodeJS.ProcessEnv> {
  return {
    // Less CPU time for more memory: docs/rollout.md has the figures.
    GOGC: '400',
    ...env,
    ...(await providerSource(workDirectory, env, upgrade)),
    TF_DATA_DIR: dataDirectoryIn(workDirectory),
    TF_INPUT: '0',
    TF_IN_AUTOMATION: '1',
    TF_CLI_ARGS: '-no-color',
  };
}

/** Where Terraform keeps what `init` prepares: links to providers, the list of modules, which backend. */
export function dataDirectoryIn(workDirectory: string): string {
  return join(workDirectory, 'data');
}

/** Where `terraform init` finds the provider: the user's own settings, else a mirror on this machine, else the registry. */
async function providerSource(
  workDirectory: string,
  env: NodeJS.ProcessEnv,
  upgrade: boolean,
): Promise<Record<string, string>> {
  const { TF_CLI_CONFIG_FILE: ownConfiguration, TF_PLUGIN_CACHE_DIR: ownCache } = env;
  if (ownConfiguration && existsSync(ownConfiguration)) return {};
  const program = await requireTerraform(env);
  const mirror = findProviderMirror(program, env, upgrade);
  const file = join(workDirectory, 'cli.tfrc');
  if (mirror === undefined) {
    writeFileAtomic(file, 'disable_checkpoint = true\n');
    const pluginCache = ownCache ?? join(CACHE, 'terraform', 'plugins');
    mkdirSync(pluginCache, { recursive: true });
    return { TF_CLI_CONFIG_FILE: file, TF_PLUGIN_CACHE_DIR: pluginCache };
  }
  const folder =
    mirror.registry === program.registry ? mirror.folder : linkedMirror(mirror, program.registry, workDirectory);
  // Another Terraform with the same folder may read it at this moment.
  writeFileAtomic(file, `disable_checkpoint = true\n${installationFrom(folder)}`);
  return { TF_CLI_CONFIG_FILE: file };
}

/**
 * A mirror's packages under the name of another registry: neither program looks under the other's. The folder is named by what
 * is in it, since another one with the same work folder may read it at this moment.
 */
function linkedMirror(mirror: ProviderMirror, registry: string, workDirectory: string): string {
  const packages = resolve(mirror.folder, mirror.registry, 'hashicorp', 'aws');
  const content = JSON.stringify([packages, mirror.packages]);
  const linked = join(workDirectory, 'mirrors', createHash('sha256').update(content).digest('hex').slice(0, 12));
  for (const each of mirror.packages) {
    const link = join(linked, registry, 'hashicorp', 'aws', each);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(packages, each), link);
  }
  return linked;
}

/** Terraform runs in another folder: there, a path from here would name another one. */
function installationFrom(mirror: string): string {
  return `provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(resolve(mirror))}
    include = ["hashicorp/aws"]
  }
  direct {
    exclude = ["hashicorp/aws"]
  }
}
`;
}
