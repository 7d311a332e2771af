import { spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { CACHE } from '../common/paths.ts';
import { runCommand } from '../common/run-command.ts';
import { SetupError } from '../common/setup-error.ts';

/** `terraform test` with `override_during` came with 1.11. */
const OLDEST = [1, 11] as const;

/** Names a folder in the layout of a Terraform provider mirror, to be used before the registry. */
const MIRROR_VARIABLE = 'IMAGE_COPIER_PROVIDER_MIRROR';

export interface TerraformRootOptions {
  /** The folder with the configuration. */
  readonly directory: string;
  /** Where logs and Terraform's own files go. */
  readonly workDirectory: string;
  /**
   * Values of the configuration's variables. The state is then in the work directory. Without them the configuration says
   * all itself, and where its state is.
   */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** With the credentials, the Region and, for an emulator, the endpoint. */
  readonly env: NodeJS.ProcessEnv;
  readonly logFile?: string;
  /** Whether Terraform is kept from the signals of the terminal; they come by {@link TerraformRoot.interrupt} alone. */
  readonly apart?: boolean;
}

/** What a command did to resources, or a plan would do. */
export interface Changes {
  readonly added: number;
  readonly changed: number;
  readonly destroyed: number;
}

/** Is told, as a command goes on, how many of the planned changes are made. */
export type ChangeProgress = (done: number, planned: number) => void;

/** One configuration with a state of its own. Nothing is written into its folder but the (ignored) lock file. */
export class TerraformRoot {
  readonly #directory: string;
  readonly #work: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #logFile: string;
  readonly #apart: boolean;
  readonly #state: string[] = [];
  readonly #variables: string[] = [];
  #child: ChildProcess | undefined;

  constructor({ directory, workDirectory, variables, env, logFile, apart = false }: TerraformRootOptions) {
    mkdirSync(workDirectory, { recursive: true });
    this.#directory = directory;
    // Terraform runs in another folder: there, a path from here would name another place.
    this.#work = resolve(workDirectory);
    this.#env = terraformEnvironment(this.#work, env);
    this.#logFile = logFile ?? join(this.#work, 'terraform.log');
    this.#apart = apart;
    if (!variables) return;
    const file = join(this.#work, 'variables.tfvars.json');
    writeFileSync(file, JSON.stringify(variables));
    this.#state = [`-state=${join(this.#work, 'terraform.tfstate')}`];
    this.#variables = [`-var-file=${file}`];
  }

  /** @param options further arguments of `terraform init` */
  async init(...options: readonly string[]): Promise<void> {
    await this.#run(['init', ...options]);
  }

  async apply(progress?: ChangeProgress): Promise<Changes> {
    return await this.#change(['apply', '-auto-approve'], progress);
  }

  /** What an apply would do. The log says to which resources. */
  async plan(): Promise<Changes> {
    return await this.#change(['plan']);
  }

  async destroy(progress?: ChangeProgress): Promise<Changes> {
    return await this.#change(['destroy', '-auto-approve'], progress);
  }

  /** The outputs' values by name. */
  async outputs(): Promise<Record<string, unknown>> {
    const outputs = JSON.parse(await this.#run(['output', '-json', ...this.#state])) as Record<
      string,
      { value: unknown }
    >;
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  }

  /** Asks a running command to end what it has begun, write its state and stop; the second time, to stop at once. */
  interrupt(): void {
    this.#child?.kill('SIGINT');
  }

  /** Where Terraform keeps what `init` prepares: links to providers, the list of modules, which backend. */
  get dataDirectory(): string {
    return dataDirectoryIn(this.#work);
  }

  /** The process of the running command. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async #change(command: string[], progress?: ChangeProgress): Promise<Changes> {
    let planned = 0;
    let done = 0;
    const onLine = (line: string) => {
      if (line.startsWith('Plan: ')) {
        planned = total(countChanges(line));
        progress?.(done, planned);
      }
      if (!/: (Creation|Modifications|Destruction) complete after /.test(line)) return;
      done += 1;
      progress?.(done, planned);
    };
    return countChanges(await this.#run([...command, ...this.#state, ...this.#variables], onLine));
  }

  async #run(args: string[], onLine?: (line: string) => void): Promise<string> {
    try {
      return await runCommand('terraform', args, {
        cwd: this.#directory,
        env: this.#env,
        logFile: this.#logFile,
        apart: this.#apart,
        onStart: (child) => (this.#child = child),
        ...(onLine && { onLine }),
      });
    } finally {
      this.#child = undefined;
    }
  }
}

/** The counts of the last line that has any: of a plan, or of what was done. */
function countChanges(output: string): Changes {
  const line = output.match(/^(Plan:|Apply complete!|Destroy complete!).*$/gm)?.at(-1) ?? '';
  const count = (what: string) => Number(new RegExp(`(\\d+) (?:to )?${what}`).exec(line)?.[1] ?? 0);
  return { added: count('add'), changed: count('change'), destroyed: count('destroy') };
}

function total({ added, changed, destroyed }: Changes): number {
  return added + changed + destroyed;
}

/** Adds to an environment what every terraform command of the project runs with. */
export function terraformEnvironment(workDirectory: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    // Less CPU time for more memory: docs/rollout.md has the figures.
    GOGC: '400',
    ...env,
    ...providerSource(),
    TF_DATA_DIR: dataDirectoryIn(workDirectory),
    TF_INPUT: '0',
    TF_IN_AUTOMATION: '1',
    TF_CLI_ARGS: '-no-color',
  };
}

function dataDirectoryIn(workDirectory: string): string {
  return join(workDirectory, 'data');
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
  const configuration = `disable_checkpoint = true\n${installation}`;
  // Another Terraform may read it at this moment.
  if (!existsSync(file) || readFileSync(file, 'utf8') !== configuration) writeFileSync(file, configuration);
  return { TF_CLI_CONFIG_FILE: file, ...(!mirror && { TF_PLUGIN_CACHE_DIR: pluginCache }) };
}

/**
 * The platform of the installed Terraform, such as linux_amd64.
 * @throws {SetupError} if Terraform is missing or too old
 */
export function requireTerraform(): string {
  platformOfTerraform ??= findTerraform();
  return platformOfTerraform;
}

let platformOfTerraform: string | undefined;

function findTerraform(): string {
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
