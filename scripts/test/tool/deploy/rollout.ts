import { join } from 'node:path';
import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { stringify } from 'yaml';
import type { Interruptible } from '../../../tool/common/tool.ts';
import { FakeAws } from '../support/fake-aws.ts';
import type { FakeTerminal } from '../support/fake-terminal.ts';
import { run, type Ran } from '../support/run.ts';
import { FakeTerraform } from './fake-terraform.ts';

/** Account ids by the names of their stacks. */
export const IDS = {
  source: '111111111111',
  payments: '222222222222',
  web: '333333333333',
  late: '444444444444',
} as const;

export interface World {
  readonly terminal?: FakeTerminal;
  readonly stopped?: AbortController;
  readonly env?: NodeJS.ProcessEnv;
  readonly interruptible?: Interruptible;
}

/** An accounts file, and what `deploy` and `destroy` do with it when they meet a Terraform and an AWS that only pretend. */
export class Rollout {
  readonly terraform: FakeTerraform;
  readonly aws = new FakeAws();
  readonly accountsFile: string;

  constructor(terraform = new FakeTerraform()) {
    this.terraform = terraform;
    this.accountsFile = terraform.write('accounts.yaml', '');
    terraform.write('functions.zip', '');
    this.allowSubscribe(IDS.payments, IDS.web, IDS.late);
    this.list({ payments: { labels: { wave: 'canary' } }, web: {} });
  }

  /** Lets accounts subscribe to the topic for copy requests, as the module source-account does. */
  allowSubscribe(...accounts: readonly string[]): void {
    const statement = {
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: 'sns:Subscribe',
      Condition: {
        StringEquals: { 'aws:PrincipalAccount': accounts, 'sns:Protocol': 'sqs' },
        StringLike: { 'sns:Endpoint': 'arn:aws:sqs:eu-west-1:${aws:PrincipalAccount}:*' },
      },
    };
    const Policy = JSON.stringify({ Statement: [statement] });
    this.aws.in(IDS.source).sns.on(GetTopicAttributesCommand).resolves({ Attributes: { Policy } });
  }

  /** @param accounts what the accounts file says of the source and of the targets, by their names */
  list({ source, ...accounts }: Readonly<Partial<Record<keyof typeof IDS, object>>>): void {
    const file = {
      source: { id: IDS.source, ...source },
      topic: 'amigo-TEST-notify',
      defaults: { regions: ['eu-west-1'], roleName: 'deployer', inputs: { deletion_protection: false } },
      accounts: Object.entries(accounts).map(([name, account]) => ({
        id: IDS[name as keyof typeof IDS],
        name,
        ...account,
      })),
    };
    this.terraform.write('accounts.yaml', stringify(file));
  }

  /** One stack at a time, so that the order of the calls is known. */
  async run(args: readonly string[], world: World = {}): Promise<Ran> {
    const [command = '', ...options] = args;
    const ran = await run([command, '--parallel', '1', ...this.files, ...this.functions, ...options], {
      aws: this.aws,
      env: this.terraform.env,
      ...world,
    });
    return { code: ran.code, out: this.#timeless(ran.out), err: this.#timeless(ran.err) };
  }

  get files(): string[] {
    return ['--accounts-file', this.accountsFile, '--out', this.terraform.out];
  }

  get functions(): string[] {
    return ['--function-zip', join(this.terraform.folder, 'functions.zip')];
  }

  /** Without what differs from run to run: how long it took, how much memory, and where it was. */
  #timeless(text: string): string {
    return text
      .replaceAll(`${this.terraform.folder}/`, '')
      .replaceAll(/\b(in|after) \d+ s/g, '$1 0 s')
      .replaceAll(/\d+( {2,}out\/logs)/g, '0$1')
      .replaceAll(/"seconds": \d+/g, '"seconds": 0')
      .replaceAll(/: [\d.]+ accounts a minute\.( Terraform took \d+ MiB at most\.)?/g, ': N accounts a minute.');
  }
}
