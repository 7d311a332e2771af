import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { bakeImage, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import type { AppliedAccounts } from '../../../scripts/dev/demo-accounts.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  withoutAws,
  type EmulatedAccount,
} from '../../../scripts/dev/emulated-account.ts';
import { CACHE, ROOT } from '../../../scripts/tool/common/paths.ts';
import { TerraformRoot } from '../../../scripts/tool/deploy/terraform-root.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import type { Ended } from '../support/command.ts';
import { endpoint, newAccountId, REGION } from '../support/emulator.ts';
import { leaveAccount } from '../support/leave-account.ts';
import { runHere } from '../support/run-here.ts';

const ROLE = 'operator';
/** It is looked at once a day: where no test changes that, nothing goes by it. */
const RETENTION = { keep_newest: 3, min_age_days: 0, quarantine_days: 7 };

/** A source account and three target accounts with everything in place, and the accounts file that lists them. */
export class DeployedAccounts {
  readonly source = emulatedAccount(endpoint(), newAccountId(), REGION);
  readonly canary = emulatedAccount(endpoint(), newAccountId(), REGION);
  readonly payments = emulatedAccount(endpoint(), newAccountId(), REGION);
  readonly web = emulatedAccount(endpoint(), newAccountId(), REGION);
  readonly folder = join(CACHE, 'test', 'several-accounts', this.source.id);
  readonly accountsFile = join(this.folder, 'accounts.yaml');
  readonly topic = 'amigo-TEST-notify';
  readonly environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
  applied: AppliedAccounts = { requestTopicArn: '', resultsTopicArn: '', copiers: {} };
  #lastBake = 0;
  readonly #root = new TerraformRoot({
    directory: join(ROOT, 'terraform', 'examples', 'several-accounts'),
    workDirectory: this.folder,
    variables: {
      source_account_id: this.source.id,
      target_account_ids: this.targets.map(({ id }) => id),
      topic_name: this.topic,
      role_name: ROLE,
      retention: RETENTION,
    },
    env: this.environment,
  });

  get targets(): EmulatedAccount[] {
    return [this.canary, this.payments, this.web];
  }

  async apply(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const accounts = [this.source, ...this.targets].map(({ id }) => id);
    await makeAdministratorRoles(endpoint(), ROLE, accounts);
    await this.#root.init();
    await this.#root.apply();
    const outputs = await this.#root.outputs();
    this.applied = {
      requestTopicArn: outputs['request_topic_arn'] as string,
      resultsTopicArn: outputs['results_topic_arn'] as string,
      copiers: outputs['copiers'] as AppliedAccounts['copiers'],
    };
    this.writeAccountsFile();
  }

  writeAccountsFile(): void {
    const { source, canary, payments, web, topic } = this;
    const file = {
      source: { id: source.id },
      topic,
      defaults: { regions: [REGION], roleName: ROLE },
      accounts: [
        { id: canary.id, name: 'canary', labels: { wave: 'canary' } },
        { id: payments.id, name: 'payments' },
        { id: web.id, name: 'web' },
      ],
    };
    writeFileSync(this.accountsFile, stringify(file));
  }

  /** Bakes an image of a recipe that is shared with nobody yet, in a second of its own: EC2 orders images by whole seconds. */
  async bake(recipe: string, build: number, tags: Readonly<Record<string, string>> = {}): Promise<BakedImage> {
    const second = () => Math.floor(Date.now() / 1000);
    await waitFor('the next second', () => Promise.resolve(second() > this.#lastBake ? true : undefined), {
      pollMs: 50,
    });
    const image = await bakeImage(this.source.ec2, {
      name: `amigo_${recipe}_${build}_${this.source.id}`,
      description: `AMI for ${recipe} built by Amigo: #${build}`,
      tags: { BuiltBy: 'amigo', Recipe: recipe, BuildNumber: String(build), ...tags },
      volumeSizes: [8, 20],
    });
    this.#lastBake = second();
    return image;
  }

  /** Runs a command of the operators' tool for all accounts of the accounts file. */
  async run(command: string, ...args: string[]): Promise<Ended> {
    return await this.runAlone(command, '--accounts-file', this.accountsFile, ...args);
  }

  async runAlone(command: string, ...args: string[]): Promise<Ended> {
    return await runHere([command, ...args], this.environment);
  }

  async leave(): Promise<void> {
    await Promise.all([this.source, ...this.targets].map(leaveAccount));
    rmSync(this.folder, { recursive: true });
  }
}
