import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from '../common/setup-error.ts';

/** Names a folder in the layout of a Terraform provider mirror, to be used before the registry. */
const MIRROR_VARIABLE = 'IMAGE_COPIER_PROVIDER_MIRROR';

/**
 * A folder that holds the aws provider for the platform, unpacked or zipped: the one that is named, or where people put mirrors.
 * @throws {SetupError} if the one that is named does not hold it
 */
export function findProviderMirror(platform: string, env: NodeJS.ProcessEnv): string | undefined {
  const { [MIRROR_VARIABLE]: named, TF_PLUGIN_CACHE_DIR: cache } = env;
  if (named !== undefined && !holdsProvider(named, platform)) {
    throw new SetupError(`${MIRROR_VARIABLE}: no hashicorp/aws provider for ${platform} in ${named}.`);
  }
  const folders = [
    named,
    cache,
    join(homedir(), '.terraform.d', 'plugins'),
    ...entries('/opt').map((entry) => join('/opt', entry)),
    '/usr/local/share/terraform/plugins',
    '/usr/share/terraform/plugins',
  ];
  return folders.find((folder) => folder !== undefined && holdsProvider(folder, platform));
}

function holdsProvider(mirror: string, platform: string): boolean {
  return entries(mirror).some((host) => {
    const provider = join(mirror, host, 'hashicorp', 'aws');
    return entries(provider).some((entry) =>
      entry.endsWith('.zip') ? entry.endsWith(`_${platform}.zip`) : existsSync(join(provider, entry, platform)),
    );
  });
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
