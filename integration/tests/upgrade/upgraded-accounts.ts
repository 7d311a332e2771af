import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import {
  emulatedAccount,
  emulatedEnvironment,
  emulatedSettings,
  withoutAws,
} from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { CACHE } from '../../../scripts/tool/common/paths.ts';
import { TerraformRoot, type Changes } from '../../../scripts/tool/deploy/terraform-root.ts';
import { endpoint, newAccountId, REGION } from '../support/emulator.ts';
import type { FunctionName } from '../support/handler-process.ts';
import { leaveAccount } from '../support/leave-account.ts';

const TOPIC = 'amigo-notify';

/** What the tests work with of what the two modules put out; versions put out more, or less. */
interface Outputs {
  readonly source: { readonly request_topic_arn: string; readonly results_topic_arn: string };
  readonly copier: {
    readonly dead_letter_queue_url: string;
    readonly queue_url: string;
    readonly settle_queue_url: string;
  };
}

/** A source account and a target account, with one Terraform state, in which one version is applied over the other. */
export class UpgradedAccounts {
  readonly source = emulatedAccount(endpoint(), newAccountId(), REGION);
  readonly target = emulatedAccount(endpoint(), newAccountId(), REGION);
  /** The credentials of the target account and of no other. */
  readonly environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), this.target.id, REGION) };
  readonly #folder = join(CACHE, 'test', 'upgrade', this.target.id);
  readonly #root: TerraformRoot;
  readonly #lambda = new LambdaClient(emulatedSettings(endpoint(), this.target.id, REGION));

  constructor() {
    mkdirSync(this.#folder, { recursive: true });
    this.#root = new TerraformRoot({
      directory: this.#folder,
      workDirectory: this.#folder,
      env: { ...withoutAws(), AWS_ENDPOINT_URL: endpoint(), AWS_REGION: REGION },
    });
  }

  /** What it would do to apply a version: a folder that has its modules and functions where a checkout has them. */
  async plan(version: string): Promise<Changes> {
    await this.#use(version);
    return await this.#root.plan();
  }

  async apply(version: string): Promise<void> {
    await this.#use(version);
    await this.#root.apply();
  }

  async outputs(): Promise<Outputs> {
    return (await this.#root.outputs()) as unknown as Outputs;
  }

  /** Has the event source mapping of a function deliver nothing more: what comes stays in its queue. */
  async stopDelivery(functionName: FunctionName): Promise<void> {
    const { UUID } = await this.#mapping(functionName);
    await this.#lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    await waitFor(`the mapping of ${functionName} to stop`, async () => {
      const { State } = await this.#lambda.send(new GetEventSourceMappingCommand({ UUID }));
      return State === 'Disabled' ? true : undefined;
    });
  }

  /** Lets settle-copy put events, or keeps it from that, until the returned function is called. */
  async decideOnEvents(Effect: 'Allow' | 'Deny'): Promise<() => Promise<void>> {
    const iam = new IAMClient(emulatedSettings(endpoint(), this.target.id, REGION));
    const policy = { RoleName: `image-copier-settle-copy-${REGION}`, PolicyName: `events-${Effect}` };
    const Statement = [{ Effect, Action: 'events:PutEvents', Resource: '*' }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new PutRolePolicyCommand({ ...policy, PolicyDocument }));
    return async () => {
      await iam.send(new DeleteRolePolicyCommand(policy));
    };
  }

  async leave(): Promise<void> {
    await Promise.all([this.source, this.target].map(leaveAccount));
    rmSync(this.#folder, { recursive: true });
  }

  async #mapping(functionName: FunctionName) {
    const { EventSourceMappings: [mapping] = [] } = await this.#lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: `image-copier-${functionName}` }),
    );
    if (!mapping) throw new Error(`${functionName} has no event source mapping`);
    return mapping;
  }

  /** Writes a configuration that calls the modules of a version, as a user has one, with all else as it was. */
  async #use(version: string): Promise<void> {
    const moduleOf = (module: string, account: 'source' | 'target', inputs: Readonly<Record<string, unknown>>) => {
      const folder = join(version, 'terraform', 'modules', module);
      const declared = readFileSync(join(folder, 'variables.tf'), 'utf8').matchAll(/^variable "(\w+)"/gm);
      const known = new Set(Array.from(declared, ([, name = '']) => name));
      const given = Object.entries(inputs).filter(([name]) => known.has(name));
      // By a relative path: Terraform would copy what an absolute one names, away from its zip.
      return {
        source: relative(this.#folder, folder),
        providers: { aws: `aws.${account}` },
        ...Object.fromEntries(given),
      };
    };
    const configuration = {
      provider: {
        aws: [this.source, this.target].map(({ id }) => ({
          alias: id === this.source.id ? 'source' : 'target',
          access_key: id,
          secret_key: 'any',
        })),
      },
      module: {
        source: moduleOf('source-account', 'source', { name: TOPIC, target_account_ids: [this.target.id] }),
        copier: moduleOf('image-copier', 'target', {
          request_topic_arn: '${module.source.request_topic_arn}',
          results_topic_arn: '${module.source.results_topic_arn}',
          housekeeping_topic_arn: '${module.source.housekeeping_topic_arn}',
          failed_copy_delay_seconds: 0,
        }),
      },
      output: { source: { value: '${module.source}' }, copier: { value: '${module.copier}' } },
    };
    writeFileSync(join(this.#folder, 'main.tf.json'), JSON.stringify(configuration));
    await this.#root.init();
  }
}
