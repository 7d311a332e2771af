import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { devNull, homedir } from 'node:os';
import { join } from 'node:path';
import { CACHE } from './paths.ts';
import { runCommand } from './run-command.ts';
import { SetupError } from './setup-error.ts';

/** `terraform test` with `override_during` came with 1.11. */
const OLDEST = [1, 11] as const;

/** Names a folder in the layout of a Terraform provider mirror, to be used before the registry. */
const MIRROR_VARIABLE = 'IMAGE_COPIER_PROVIDER_MIRROR';

export interface TerraformRootOptions {
  /** The folder with the configuration. */
  readonly directory: string;
  /** Where state, logs and Terraform's own files go. */
  readonly workDirectory: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Added to the environment: endpoint, credentials, Region. */
  readonly env: Readonly<Record<string, string>>;
}

/** One configuration with a state of its own. Nothing is written into its folder but the (ignored) lock file. */
export class TerraformRoot {
  readonly #directory: string;
  readonly #work: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor({ directory, workDirectory, variables = {}, env }: TerraformRootOptions) {
    mkdirSync(workDirectory, { recursive: true });
    this.#directory = directory;
    this.#work = workDirectory;
    writeFileSync(this.#variablesFile, JSON.stringify(variables));
    this.#env = { ...terraformEnvironment(workDirectory), ...env };
  }

  /** Whether anything was applied with this state before. */
  hasState(): boolean {
    return existsSync(join(this.#work, 'terraform.tfstate'));
  }

  async init(): Promise<void> {
    await this.#run(['init']);
  }

  /** @param progress is told, as it goes on, how many of the planned resources stand */
  async apply(progress?: (done: number, planned: number) => void): Promise<void> {
    let planned = 0;
    let done = 0;
    const onLine = (line: string) => {
      planned = Number(/^Plan: (\d+) to add/.exec(line)?.[1] ?? planned);
      if (!line.includes(': Creation complete after')) return;
      done += 1;
      progress?.(done, planned);
    };
    await this.#run(['apply', '-auto-approve', ...this.#state, this.#variables], onLine);
  }

  /** What a new plan would change: addresses and actions, none if all stands as configured. */
  async plannedChanges(): Promise<string[]> {
    const plan = join(this.#work, 'plan');
    await this.#run(['plan', `-out=${plan}`, ...this.#state, this.#variables]);
    const { resource_changes: changes = [] } = JSON.parse(await this.#run(['show', '-json', plan])) as {
      resource_changes?: { address: string; change: { actions: string[] } }[];
    };
    return changes
      .map(({ address, change }) => `${change.actions.join('+')} ${address}`)
      .filter((line) => !/^(no-op|read) /.test(line));
  }

  async destroy(): Promise<void> {
    await this.#run(['destroy', '-auto-approve', ...this.#state, this.#variables]);
  }

  /** The outputs' values by name. */
  async outputs(): Promise<Record<string, unknown>> {
    const outputs = JSON.parse(await this.#run(['output', '-json', ...this.#state])) as Record<
      string,
      { value: unknown }
    >;
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  }

  get #state(): string[] {
    return [`-state=${join(this.#work, 'terraform.tfstate')}`];
  }

  get #variablesFile(): string {
    return join(this.#work, 'variables.tfvars.json');
  }

  get #variables(): string {
    return `-var-file=${this.#variablesFile}`;
  }

  #run(args: string[], onLine?: (line: string) => void): Promise<string> {
    const logFile = join(this.#work, 'terraform.log');
    return runCommand('terraform', args, { cwd: this.#directory, env: this.#env, logFile, ...(onLine && { onLine }) });
  }
}

/** The environment that every terraform command of the project runs in. */
export function terraformEnvironment(workDirectory: string): NodeJS.ProcessEnv {
  return {
    ...withoutAwsSettings(process.env),
    ...providerSource(),
    TF_DATA_DIR: join(workDirectory, 'data'),
    TF_INPUT: '0',
    TF_IN_AUTOMATION: '1',
    TF_CLI_ARGS: '-no-color',
    // A quarter of the provider's CPU time for half as much memory again.
    GOGC: '400',
  };
}

/** The user's own accounts, profiles and roles must never meet an emulator, nor the other way round. */
function withoutAwsSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...Object.fromEntries(others),
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** Where `terraform init` finds the provider: the user's own settings, else a mirror on this machine, else the registry. */
function providerSource(): Record<string, string> {
  const platform = requireTerraform();
  const { TF_CLI_CONFIG_FILE: ownConfiguration, TF_PLUGIN_CACHE_DIR: ownCache } = process.env;
  if (ownConfiguration && existsSync(ownConfiguration)) return {};
  const mirror = findMirror(platform);
  const file = join(CACHE, 'terraform', 'cli.tfrc');
  const pluginCache = ownCache ?? join(CACHE, 'terraform', 'plugins');
  mkdirSync(pluginCache, { recursive: true });
  const installation = mirror
    ? `provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(mirror)}
    include = ["hashicorp/aws"]
  }
  direct {
    exclude = ["hashicorp/aws"]
  }
}
`
    : '';
  writeFileSync(file, `disable_checkpoint = true\n${installation}`);
  return { TF_CLI_CONFIG_FILE: file, ...(!mirror && { TF_PLUGIN_CACHE_DIR: pluginCache }) };
}

/**
 * The platform of the installed Terraform, such as linux_amd64.
 * @throws {SetupError} if Terraform is missing or too old
 */
export function requireTerraform(): string {
  const { stdout, error } = spawnSync('terraform', ['version', '-json'], { encoding: 'utf8' });
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

/** A folder that holds the aws provider for the platform, unpacked or zipped, in the places where people put mirrors. */
function findMirror(platform: string): string | undefined {
  const { [MIRROR_VARIABLE]: named, TF_PLUGIN_CACHE_DIR: cache } = process.env;
  if (named !== undefined && !holdsProvider(named, platform)) {
    throw new SetupError(`${MIRROR_VARIABLE}: no hashicorp/aws provider for ${platform} in ${named}.`);
  }
  const places = [
    named,
    cache,
    join(homedir(), '.terraform.d', 'plugins'),
    ...entries('/opt').map((entry) => join('/opt', entry)),
    '/usr/local/share/terraform/plugins',
    '/usr/share/terraform/plugins',
  ];
  return places.find((place) => place !== undefined && holdsProvider(place, platform));
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
