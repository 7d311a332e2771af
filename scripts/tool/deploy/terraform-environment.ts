import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CACHE } from '../common/paths.ts';
import { writeFileAtomic } from '../common/write-file-atomic.ts';
import { findProviderMirror } from './provider-mirror.ts';
import { requireTerraform } from './require-terraform.ts';

/**
 * Adds to an environment what every terraform command of the project runs with.
 * @throws {SetupError} if the machine lacks something
 */
export async function terraformEnvironment(workDirectory: string, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  return {
    // Less CPU time for more memory: docs/rollout.md has the figures.
    GOGC: '400',
    ...env,
    ...(await providerSource(workDirectory, env)),
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
async function providerSource(workDirectory: string, env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const { TF_CLI_CONFIG_FILE: ownConfiguration, TF_PLUGIN_CACHE_DIR: ownCache } = env;
  if (ownConfiguration && existsSync(ownConfiguration)) return {};
  const mirror = findProviderMirror(await requireTerraform(env), env);
  const file = join(workDirectory, 'cli.tfrc');
  // Another Terraform with the same folder may read it at this moment.
  writeFileAtomic(file, `disable_checkpoint = true\n${mirror === undefined ? '' : installationFrom(mirror)}`);
  if (mirror !== undefined) return { TF_CLI_CONFIG_FILE: file };
  const pluginCache = ownCache ?? join(CACHE, 'terraform', 'plugins');
  mkdirSync(pluginCache, { recursive: true });
  return { TF_CLI_CONFIG_FILE: file, TF_PLUGIN_CACHE_DIR: pluginCache };
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
