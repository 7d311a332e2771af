import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack, StackEntry } from '../../../terraform/stacks/stacks.ts';
import { synthesizeStacks } from '../../../terraform/stacks/synth.ts';
import { requireTerraform, type TerraformProgram } from './require-terraform.ts';
import { TerraformRoot, type ChangeProgress, type Changes } from './terraform-root.ts';
import type { Connect } from '../common/aws-clients.ts';
import { DEFAULT_NAME } from '../common/environment-options.ts';
import type { Copier } from '../common/environment.ts';
import { DEFAULT_INPUTS } from '../common/environments.ts';
import { UserError } from '../common/user-error.ts';
import { readStacks } from '../common/accounts-file.ts';
import { ROOT } from '../common/paths.ts';
import { Initialization } from './initialization.ts';

export type Action = 'apply' | 'plan' | 'destroy';

interface DeploymentSettings {
  readonly accountsFile: string;
  /** Folder for configurations, logs, Terraform's own files and, unless the accounts file says otherwise, states. */
  readonly out: string;
  /** For accounts that name none. Without it the modules take what `make build` made. */
  readonly functionZip?: string;
  /** Whether to take the newest provider that the modules allow, not the one of the last run. */
  readonly upgrade?: boolean;
  /** Whether Terraform is kept from the signals of the terminal; they come by {@link Deployment.interrupt} alone. */
  readonly apart?: boolean;
  /** Credentials, Region and, for an emulator, the endpoint. */
  readonly env: NodeJS.ProcessEnv;
}

const MODULES = join(ROOT, 'terraform', 'modules');
const LOCK_FILE = '.terraform.lock.hcl';

/** What `cdk.tf.json` of a stack says, so far as it is read again. */
interface Configuration {
  readonly module?: Readonly<Record<string, ModuleInputs>>;
  readonly provider: { readonly aws: readonly Provider[] };
  readonly terraform: { readonly backend: { readonly local?: { readonly path: string } } };
}

interface ModuleInputs {
  readonly deletion_protection?: boolean;
  readonly name?: string;
  readonly parameter_path?: string;
}

interface Provider {
  /** The Region. */
  readonly alias: string;
  readonly allowed_account_ids: readonly string[];
  readonly profile?: string;
  readonly assume_role?: { readonly role_arn: string };
}

/** The stacks of an accounts file in an output folder, and Terraform for each of them. */
export class Deployment {
  readonly stacks: readonly Stack[];
  readonly #settings: DeploymentSettings;
  readonly #running = new Map<string, TerraformRoot>();
  #alone: Promise<unknown> = Promise.resolve();
  #stopping = false;

  private constructor(stacks: readonly Stack[], settings: DeploymentSettings) {
    this.stacks = stacks;
    this.#settings = settings;
    if (settings.upgrade) rmSync(this.#sharedLock, { force: true });
  }

  /**
   * Reads the accounts file and writes the configuration of each stack.
   * @throws {UserError} if the file is not there, or not as it must be
   */
  static open(settings: DeploymentSettings): Deployment {
    const { accountsFile, out, functionZip } = settings;
    const stacks = readStacks(accountsFile);
    synthesizeStacks(stacks, {
      modules: MODULES,
      out,
      accountsFile,
      ...(functionZip !== undefined && { functionZip }),
    });
    return new Deployment(stacks, settings);
  }

  /** Stacks of accounts that left the file, and that something may stand of. */
  get departed(): StackEntry[] {
    const names = readdirSync(join(this.#settings.out, 'stacks'));
    return names
      .filter((name) => !this.stacks.some((stack) => stack.name === name))
      .flatMap((name) => this.#departed(name));
  }

  /** The log of the last command for a stack. */
  logOf({ name }: StackEntry): string {
    return join(this.#settings.out, 'logs', `${name}.log`);
  }

  /** Whether AWS would not delete the keys and queues of a stack, also after its configuration was applied. */
  async isProtected(stack: StackEntry): Promise<boolean> {
    const { module = {} } = this.#configurationOf(stack.name);
    const staysSo = Object.values(module).some(({ deletion_protection: isProtected = true }) => isProtected);
    if (stack.kind === 'source' || !staysSo) return false;
    const root = this.#rootOf(stack);
    return await this.#initialized(root, stack, () => standsProtected(root));
  }

  /** The copiers of a stack that may stand, those in retired Regions too. None of the source account. */
  copiersOf({ name, kind, accountId, labels }: StackEntry, connect: Connect): Copier[] {
    if (kind === 'source') return [];
    const { module = {}, provider } = this.#configurationOf(name);
    return provider.aws.map(({ alias: region, profile, assume_role: role }) => {
      // The inputs of a Region that was retired are no longer known: those of another one are the best guess.
      const inputs = module[`image-copier-${region}`] ?? Object.values(module)[0] ?? {};
      const access = { ...(profile !== undefined && { profile }), ...(role && { roleArn: role.role_arn }) };
      return {
        ...{ account: name, accountId, region, labels },
        ...DEFAULT_INPUTS,
        name: inputs.name ?? DEFAULT_NAME,
        parameterPath: inputs.parameter_path ?? DEFAULT_INPUTS.parameterPath,
        aws: connect({ ...access, region }),
      };
    });
  }

  /** Runs Terraform for a stack to its end. */
  async perform(action: Action, stack: StackEntry, progress?: ChangeProgress): Promise<Changes> {
    rmSync(this.logOf(stack), { force: true });
    const root = this.#rootOf(stack);
    this.#running.set(stack.name, root);
    try {
      const changes = await this.#initialized(root, stack, async () => {
        if (action === 'destroy' && (await standsProtected(root))) await this.#next(() => root.apply());
        return await this.#next(() => root[action](progress));
      });
      if (action === 'destroy') this.#forget(stack);
      return changes;
    } finally {
      this.#running.delete(stack.name);
    }
  }

  /** What a stack that was applied or planned from this folder puts out, by name. */
  async outputsOf(stack: StackEntry): Promise<Record<string, unknown>> {
    return await this.#rootOf(stack).outputs();
  }

  /** Asks all that run to write their states and stop; the second time, to stop at once. */
  interrupt(): void {
    this.#stopping = true;
    for (const root of this.#running.values()) root.interrupt();
  }

  /** The processes that Terraform runs in now. */
  get pids(): number[] {
    return Array.from(this.#running.values()).flatMap(({ pid }) => pid ?? []);
  }

  /** Begins a command, unless all is to stop. */
  async #next<T>(command: () => Promise<T>): Promise<T> {
    if (this.#stopping) throw new UserError('It was stopped before this step.', 2);
    return await command();
  }

  #rootOf(stack: StackEntry): TerraformRoot {
    const { out, upgrade = false, env, apart = false } = this.#settings;
    return new TerraformRoot({
      directory: join(out, stack.directory),
      workDirectory: join(out, 'terraform', stack.name),
      logFile: this.logOf(stack),
      upgrade,
      env,
      apart,
    });
  }

  /** Runs commands after an init, if one is needed. Should they fail for want of one, the next time has one. */
  async #initialized<T>(root: TerraformRoot, stack: StackEntry, commands: () => Promise<T>): Promise<T> {
    const directory = join(this.#settings.out, stack.directory);
    const { dataDirectory } = root;
    const program = await requireTerraform(this.#settings.env);
    const initialization = new Initialization({ directory, dataDirectory, program });
    try {
      await this.#init(root, join(directory, LOCK_FILE), program, initialization);
      return await commands();
    } catch (error) {
      initialization.forget();
      throw error;
    }
  }

  /**
   * All stacks take the provider that the first one locked. Without a lock file Terraform downloads the provider anew for
   * each, past its plugin cache, and that cache takes one writer at a time. Terraform and OpenTofu lock the provider of their
   * own registry: who finds only the other's locks it anew.
   */
  async #init(
    root: TerraformRoot,
    lock: string,
    { registry }: TerraformProgram,
    initialization: Initialization,
  ): Promise<void> {
    const first = async () => {
      if (existsSync(this.#sharedLock) && readFileSync(this.#sharedLock, 'utf8').includes(`"${registry}/`))
        return false;
      rmSync(lock, { force: true });
      await this.#next(() => root.init());
      copyFileSync(lock, this.#sharedLock);
      return true;
    };
    const turn = this.#alone.then(first);
    this.#alone = turn.catch(() => undefined);
    if (!(await turn)) {
      copyFileSync(this.#sharedLock, lock);
      if (initialization.stands) return;
      await this.#next(() => root.init());
    }
    initialization.remember();
  }

  get #sharedLock(): string {
    return join(this.#settings.out, LOCK_FILE);
  }

  #departed(name: string): StackEntry[] {
    const configuration = this.#configurationOf(name);
    const state = configuration.terraform.backend.local?.path;
    if (state !== undefined && !holdsResources(join(this.#folderOf(name), state))) return [];
    const providers = configuration.provider.aws;
    const accountId = providers[0]?.allowed_account_ids[0] ?? '';
    const regions = providers.map(({ alias }) => alias);
    return [{ name, kind: 'target', accountId, regions, labels: {}, directory: `stacks/${name}` }];
  }

  #configurationOf(name: string): Configuration {
    return JSON.parse(readFileSync(join(this.#folderOf(name), 'cdk.tf.json'), 'utf8')) as Configuration;
  }

  #folderOf(name: string): string {
    return join(this.#settings.out, 'stacks', name);
  }

  /** An account that left the file and of which nothing stands needs its folders no more. */
  #forget({ name }: StackEntry): void {
    if (this.stacks.some((stack) => stack.name === name)) return;
    rmSync(this.#folderOf(name), { recursive: true });
    rmSync(join(this.#settings.out, 'terraform', name), { recursive: true });
  }
}

function holdsResources(stateFile: string): boolean {
  if (!existsSync(stateFile)) return false;
  const { resources = [] } = JSON.parse(readFileSync(stateFile, 'utf8')) as { resources?: unknown[] };
  return resources.length > 0;
}

/** Whether what was applied last refuses its deletion. */
async function standsProtected(root: TerraformRoot): Promise<boolean> {
  const { copiers = {} } = (await root.outputs()) as { copiers?: Record<string, { deletion_protection?: boolean }> };
  return Object.values(copiers).some(({ deletion_protection: isProtected }) => isProtected);
}
