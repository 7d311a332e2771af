import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from './administrator-role.ts';
import { emulatedEnvironment, withoutAws } from './emulated-account.ts';
import { ROOT } from '../tool/common/paths.ts';
import { Deployment, type Action } from '../tool/deploy/deployment.ts';
import { runEveryStack } from '../tool/deploy/run-stacks.ts';
import { inWaves } from '../tool/deploy/waves.ts';

/** The accounts of the demo: those of the accounts file in terraform/examples/many-accounts. */
export const DEMO = {
  region: 'eu-west-1',
  sourceAccount: '111111111111',
  targetAccounts: ['222222222222', '333333333333', '444444444444'],
  /** One that no request reaches. Its label in the accounts file is what the image's tag names. */
  lateAccount: '555555555555',
  lateLabel: 'joins=later',
} as const;

export const ACCOUNTS_FILE = join(ROOT, 'terraform', 'examples', 'many-accounts', 'accounts.yaml');

/** That of the accounts file. */
export const ROLE_NAME = 'OrganizationAccountAccessRole';

/** What was applied in the source account and in the target accounts. */
export interface AppliedAccounts {
  readonly requestTopicArn: string;
  readonly resultsTopicArn: string;
  /** By account id. */
  readonly copiers: Readonly<Record<string, AppliedCopier>>;
}

export interface AppliedCopier {
  readonly key_arn: string;
  readonly key_alias: string;
  readonly queue_url: string;
  readonly dead_letter_queue_url: string;
  readonly function_name: string;
  readonly log_group_name: string;
}

type Report = (line: string) => void;

/** The demo's accounts on an emulator, given their part as `image-copier deploy` does it. */
export class DemoAccounts {
  readonly #out: string;
  readonly #endpoint: string;

  /** @param workDirectory the folder for all that belongs to the emulator */
  constructor(endpoint: string, workDirectory: string) {
    this.#endpoint = endpoint;
    this.#out = join(workDirectory, 'deployment');
  }

  /** Whether anything was applied and not destroyed since. */
  get stand(): boolean {
    return existsSync(this.#out);
  }

  /**
   * Gives each account its part.
   * @param afterSource what comes between the source account and the target accounts
   */
  async apply(report: Report, afterSource?: () => Promise<void>): Promise<AppliedAccounts> {
    const { sourceAccount, targetAccounts, lateAccount } = DEMO;
    const targets = [...targetAccounts, lateAccount];
    report(`Deploying to source account ${sourceAccount} and target accounts ${targets.join(', ')} ...`);
    await makeAdministratorRoles(this.#endpoint, ROLE_NAME, [sourceAccount, ...targets]);
    const { deployment, stacks } = this.#open();
    await this.#perform('apply', { deployment, stacks }, report, afterSource);
    const applied = await Promise.all(
      stacks.map(async (stack) => ({
        account: stack.accountId,
        outputs: (await deployment.outputsOf(stack)) as Outputs,
      })),
    );
    const [source, ...copiers] = applied;
    const inRegion = (name: string, outputs: Outputs = {}) => outputs[name]?.[DEMO.region];
    return {
      requestTopicArn: inRegion('request_topic_arns', source?.outputs) as string,
      resultsTopicArn: inRegion('results_topic_arns', source?.outputs) as string,
      copiers: Object.fromEntries(
        copiers.map(({ account, outputs }) => [account, inRegion('copiers', outputs) as AppliedCopier]),
      ),
    };
  }

  async destroy(report: Report): Promise<void> {
    await this.#perform('destroy', this.#open(), report);
    rmSync(this.#out, { recursive: true });
  }

  #open(): Chosen {
    const deployment = Deployment.open({
      accountsFile: ACCOUNTS_FILE,
      out: this.#out,
      env: { ...withoutAws(), ...emulatedEnvironment(this.#endpoint, OPERATORS_ACCOUNT, DEMO.region) },
    });
    return { deployment, stacks: deployment.stacks };
  }

  async #perform(
    action: Action,
    { deployment, stacks }: Chosen,
    report: Report,
    afterFirst?: () => Promise<void>,
  ): Promise<void> {
    const ordered = inWaves(stacks, []);
    if (action === 'destroy') ordered.reverse();
    const waves = ordered.map((wave, index) => ({
      stacks: wave,
      ...(index === 0 && afterFirst && { check: afterFirst }),
    }));
    await runEveryStack({ deployment, action, waves, parallel: stacks.length }, report);
  }
}

interface Chosen {
  readonly deployment: Deployment;
  readonly stacks: Deployment['stacks'];
}

/** Outputs of a stack by name; each is a record by Region. */
type Outputs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
