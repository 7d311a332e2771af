import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from '../../../terraform/stacks/stacks.ts';
import { defaultParallel } from '../../tool/deploy/options.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { emulatedEnvironment, newAccountId, withoutAws } from '../emulated-account.ts';
import { Deployment } from '../../tool/deploy/deployment.ts';
import { runEveryStack } from '../../tool/deploy/run-stacks.ts';
import { TerraformRoot, type Changes } from '../../tool/deploy/terraform-root.ts';

const REGION = 'eu-west-1';
const ORGANIZATION = 'o-benchmarks1';
const ROLE_NAME = 'deployer';
const MODULE = `image-copier-${REGION}`;
/** How many resources one Terraform works on at a time, unless it is told otherwise. */
const TERRAFORM_PARALLELISM = 10;

type Command = 'apply' | 'destroy';

/** One way to run Terraform for some accounts. */
export interface Way {
  readonly perform: (command: Command) => Promise<Changes>;
  /** The Terraform processes of the moment. */
  readonly pids: () => readonly number[];
}

/** A configuration for some accounts in one state, and the folder that it is in. */
export interface OneState {
  readonly out: string;
  readonly count: number;
}

/** What `cdk.tf.json` of a target account in one Region says. */
interface Configuration {
  readonly module: Readonly<Record<string, object>>;
  readonly provider: { readonly aws: readonly object[] };
  readonly terraform: object;
}

/** Accounts of an emulator that nobody else uses, and their configurations in a folder. */
export class RolloutAccounts {
  /** How many stacks at a time: what `image-copier deploy` takes on this machine. */
  readonly parallel = defaultParallel();
  readonly #folder: string;
  readonly #endpoint: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #sourceId = newAccountId();

  constructor(endpoint: string, folder: string) {
    this.#endpoint = endpoint;
    this.#folder = join(folder, this.#sourceId);
    this.#env = { ...withoutAws(), ...emulatedEnvironment(endpoint, OPERATORS_ACCOUNT, REGION) };
  }

  /** Makes the topics that all targets subscribe to. */
  async applySource(): Promise<void> {
    await this.#run(await this.#open('source', 1), 'source', 'apply');
  }

  /** A stack for each of some new target accounts, as `image-copier deploy` has it. */
  async stacks(count: number): Promise<Way> {
    const deployment = await this.#open(`stacks-${count}`, count);
    return {
      perform: (command) => this.#run(deployment, 'target', command),
      pids: () => deployment.pids,
    };
  }

  /** Merges the stacks of some new target accounts into one configuration. */
  async mergeStacks(name: string, count: number): Promise<OneState> {
    const { stacks } = await this.#open(name, count);
    const out = join(this.#folder, name);
    const directory = directoryOf(out);
    mkdirSync(directory, { recursive: true });
    const targets = stacks.filter(({ kind }) => kind === 'target');
    writeFileSync(join(directory, 'cdk.tf.json'), JSON.stringify(merged(targets, out), undefined, 2));
    return { out, count };
  }

  /** @param settings further environment of Terraform */
  oneState({ out, count }: OneState, settings: NodeJS.ProcessEnv = {}): Way {
    // As many resources at a time as the stacks that run at once have together.
    const parallelism = `-parallelism=${TERRAFORM_PARALLELISM * Math.min(this.parallel, count)}`;
    const root = new TerraformRoot({
      directory: directoryOf(out),
      workDirectory: join(out, 'terraform', 'all'),
      env: { ...this.#env, TF_CLI_ARGS_apply: parallelism, TF_CLI_ARGS_destroy: parallelism, ...settings },
    });
    return {
      perform: async (command) => {
        if (!existsSync(root.dataDirectory)) await root.init();
        return await root[command]();
      },
      pids: () => (root.pid === undefined ? [] : [root.pid]),
    };
  }

  async #open(name: string, count: number): Promise<Deployment> {
    mkdirSync(this.#folder, { recursive: true });
    const accountsFile = join(this.#folder, `${name}.json`);
    const file = {
      source: { id: this.#sourceId },
      topic: 'bench',
      // So that the source account's stack is the same for all targets.
      organizationId: ORGANIZATION,
      defaults: { regions: [REGION], roleName: ROLE_NAME, inputs: { deletion_protection: false } },
      accounts: Array.from({ length: count }, (_, index) => ({ id: newAccountId(), name: `target-${index + 1}` })),
    };
    writeFileSync(accountsFile, JSON.stringify(file));
    const ids = [this.#sourceId, ...file.accounts.map(({ id }) => id)];
    await makeAdministratorRoles(this.#endpoint, ROLE_NAME, ids);
    await Promise.all(ids.map((id) => this.#joinOrganization(id)));
    return Deployment.open({ accountsFile, out: join(this.#folder, name), env: this.#env });
  }

  async #joinOrganization(account: string): Promise<void> {
    const url = `${this.#endpoint}/_image-copier/accounts/${account}/organization`;
    const { ok, status } = await fetch(url, { method: 'PUT', body: JSON.stringify({ id: ORGANIZATION }) });
    if (!ok) throw new Error(`Account ${account} cannot join an organization: the emulator answers ${status}.`);
  }

  async #run(deployment: Deployment, kind: Stack['kind'], command: Command): Promise<Changes> {
    const stacks = deployment.stacks.filter((stack) => stack.kind === kind);
    const reports = await runEveryStack(
      { deployment, action: command, waves: [{ stacks }], parallel: this.parallel },
      () => undefined,
    );
    const sum = (what: keyof Omit<Changes, 'resources'>) =>
      reports.reduce((all, { changes }) => all + (changes?.[what] ?? 0), 0);
    return { added: sum('added'), changed: sum('changed'), destroyed: sum('destroyed') };
  }
}

/** As deep as the folder of a stack, so that relative paths hold. */
function directoryOf(out: string): string {
  return join(out, 'stacks', 'all');
}

function merged(stacks: readonly Stack[], out: string): object {
  const parts = stacks.map(({ name, directory }) => {
    const file = join(out, directory, 'cdk.tf.json');
    const { module, provider, terraform } = JSON.parse(readFileSync(file, 'utf8')) as Configuration;
    return {
      terraform,
      provider: { ...provider.aws[0], alias: name },
      module: { ...module[MODULE], providers: { aws: `aws.${name}` } },
      name,
    };
  });
  return {
    terraform: { ...parts[0]?.terraform, backend: { local: { path: '../../states/all.tfstate' } } },
    provider: { aws: parts.map(({ provider }) => provider) },
    module: Object.fromEntries(parts.map(({ name, module }) => [name, module])),
  };
}
