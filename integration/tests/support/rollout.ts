import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { stringify } from 'yaml';
import { makeAdministratorRoles } from '../../../scripts/dev/administrator-role.ts';
import { emulatedAccount, emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { CACHE, ROOT } from '../../../scripts/tool/common/paths.ts';
import { startCommand, type Ended } from './command.ts';
import { endpoint, newAccountId, REGION } from './emulator.ts';
import { withAttachedProvider } from './operators-environment.ts';

/** The queues of a copier, in the order of the alphabet. */
export const QUEUES = ['dead-letters', 'requests', 'retirements', 'settle.fifo'].map(
  (queue) => `image-copier-${queue}`,
);

/** As `terraform init` writes it: the test run has locked the provider there. */
const LOCK_FILE = '.terraform.lock.hcl';
const LOCKED = join(ROOT, 'terraform', 'modules', 'image-copier', LOCK_FILE);

/** The role that Terraform assumes in each account. */
export const ROLE = 'deployer';

/** What `deploy` and `destroy` print for programs. */
interface Row {
  readonly stack: string;
  readonly result: string;
  readonly added: number | null;
  readonly changed: number | null;
  readonly destroyed: number | null;
  /** Of a plan that would change something. */
  readonly resources?: readonly { readonly address: string; readonly action: string }[];
  readonly problem: string | null;
}

/** An accounts file, and what `deploy` and `destroy` do with it. */
export class Rollout {
  readonly source = newAccountId();
  readonly out: string;
  readonly accountsFile: string;
  readonly #work = join(CACHE, 'test', 'deploy', this.source);
  readonly #environment: NodeJS.ProcessEnv;
  readonly #place: readonly string[];

  constructor(environment = withAttachedProvider()) {
    this.#environment = environment;
    // As deploy has it where it is told no other place.
    this.out = join(this.#work, '.image-copier');
    this.accountsFile = join(this.#work, 'accounts.yaml');
    this.#place = ['--accounts-file', this.accountsFile, '--out', this.out];
  }

  /** Makes the role in the source account and in those that will be listed. */
  async makeRoles(accounts: readonly string[]): Promise<void> {
    await makeAdministratorRoles(endpoint(), ROLE, [this.source, ...accounts]);
  }

  /**
   * Writes the accounts file.
   * @param listed by name
   * @param inputs that the accounts share
   * @param sourceInputs those of the source account
   */
  write(
    listed: Readonly<Record<string, object>>,
    inputs: object = { deletion_protection: false },
    sourceInputs: object = {},
  ): void {
    const file = {
      source: { id: this.source, inputs: sourceInputs },
      topic: 'amigo-TEST-notify',
      defaults: { regions: [REGION], roleName: ROLE, inputs },
      accounts: Object.entries(listed).map(([name, account]) => ({ name, ...account })),
    };
    mkdirSync(this.out, { recursive: true });
    // A provider that Terraform is attached to is not locked by it, and deploy needs a lock file.
    if (this.#environment['TF_REATTACH_PROVIDERS']) copyFileSync(LOCKED, join(this.out, LOCK_FILE));
    writeFileSync(this.accountsFile, stringify(file));
  }

  startOnTerminal(...args: string[]) {
    return startCommand([...args, ...this.#place], this.#environment, 'terminal');
  }

  async run(...args: string[]): Promise<Ended> {
    return await startCommand([...args, ...this.#place], this.#environment).ended;
  }

  /** Runs a command and gives what it prints for programs, in the order of the rollout. */
  async rowsOf(...args: string[]): Promise<{ code: number | null; stderr: string; rows: Row[] }> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    return { code, stderr, rows: JSON.parse(stdout) as Row[] };
  }

  remove(): void {
    rmSync(this.#work, { recursive: true });
  }
}

export const NO_CHANGES = { added: 0, changed: 0, destroyed: 0 };

export const changesOf = ({ added, changed, destroyed }: Row) => ({ added, changed, destroyed });

export const resultsOf = (rows: readonly Row[]) => rows.map(({ stack, result }) => [stack, result]);

/** The names of the copier's queues in an account, in the order of the alphabet. */
export async function queuesOf(account: string, region = REGION): Promise<string[]> {
  const { sqs } = emulatedAccount(endpoint(), account, region);
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'image-copier-' }));
  return QueueUrls.map((url) => url.slice(url.lastIndexOf('/') + 1)).sort();
}

/** The names of the roles in an account. LocalStack has none of AWS's own. */
export async function rolesOf(account: string): Promise<string[]> {
  const { Roles = [] } = await new IAMClient(emulatedSettings(endpoint(), account, REGION)).send(
    new ListRolesCommand({}),
  );
  return Roles.map(({ RoleName = '' }) => RoleName);
}
