import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from '../common/setup-error.ts';
import type { TerraformProgram } from './require-terraform.ts';

/** Names a folder in the layout of a Terraform provider mirror, to be used before the registry. */
const MIRROR_VARIABLE = 'IMAGE_COPIER_PROVIDER_MIRROR';

/** The versions of the provider that the modules take, as their versions.tf says it. */
const PROVIDER = { oldest: [5, 100], below: 7 } as const;

/** A folder in the layout of a provider mirror. */
export interface ProviderMirror {
  readonly folder: string;
  /** The registry that its packages of the provider stand under. */
  readonly registry: string;
  /** Those that the modules take, for the platform: paths below hashicorp/aws, such as 5.100.0/linux_amd64. */
  readonly packages: readonly string[];
}

/**
 * A folder that holds the aws provider for a program, unpacked or zipped: the one that is named, or where people put mirrors.
 * Both registries serve the same packages, so OpenTofu takes those of Terraform's too.
 * @param upgrade whether the newest provider is wanted: what a plugin cache holds says nothing of that
 * @throws {SetupError} if the one that is named does not hold it
 */
export function findProviderMirror(
  program: TerraformProgram,
  env: NodeJS.ProcessEnv,
  upgrade: boolean,
): ProviderMirror | undefined {
  const { [MIRROR_VARIABLE]: named, TF_PLUGIN_CACHE_DIR: cache } = env;
  if (named !== undefined) {
    const mirror = mirrorAt(named, program);
    if (mirror) return mirror;
    const versions = `${PROVIDER.oldest.join('.')} or newer, below ${PROVIDER.below}.0`;
    throw new SetupError(
      `${MIRROR_VARIABLE}: no hashicorp/aws provider for ${program.platform} in ${named}, ${versions}.`,
    );
  }
  const folders = [
    ...(cache === undefined || upgrade ? [] : [cache]),
    join(homedir(), '.terraform.d', 'plugins'),
    ...entries('/opt').map((entry) => join('/opt', entry)),
    '/usr/local/share/terraform/plugins',
    '/usr/share/terraform/plugins',
  ];
  for (const folder of folders) {
    const mirror = mirrorAt(folder, program);
    if (mirror) return mirror;
  }
  return undefined;
}

function mirrorAt(folder: string, { name, registry: own, platform }: TerraformProgram): ProviderMirror | undefined {
  const registries = name === 'OpenTofu' ? [own, 'registry.terraform.io'] : [own];
  return registries
    .map((registry) => ({
      folder,
      registry,
      packages: packagesIn(join(folder, registry, 'hashicorp', 'aws'), platform),
    }))
    .find(({ packages }) => packages.length > 0);
}

/** Unpacked, a version is a folder with one for each platform; zipped, the name of the file says both. */
function packagesIn(provider: string, platform: string): string[] {
  return entries(provider).flatMap((entry) => {
    if (!entry.endsWith('.zip')) {
      return isTaken(entry) && existsSync(join(provider, entry, platform)) ? [join(entry, platform)] : [];
    }
    const [, version, builtFor] = /^terraform-provider-aws_([^_]+)_(.+)\.zip$/.exec(entry) ?? [];
    return builtFor === platform && isTaken(version ?? '') ? [entry] : [];
  });
}

/** Whether the modules take a version. A release candidate is taken by nobody who does not name it. */
function isTaken(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)\.\d+$/.exec(version)?.map(Number) ?? [];
  if (major === undefined || minor === undefined || major >= PROVIDER.below) return false;
  return major > PROVIDER.oldest[0] || (major === PROVIDER.oldest[0] && minor >= PROVIDER.oldest[1]);
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
