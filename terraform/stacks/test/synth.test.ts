import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AccountsFile } from '../accounts-file.ts';
import { planStacks } from '../stacks.ts';
import { synthesizeStacks } from '../synth.ts';
import { accountsFile } from './accounts.ts';

const MODULES = join(import.meta.dirname, '..', '..', 'modules');

interface Configuration {
  readonly terraform: { readonly backend: unknown; readonly required_providers: unknown };
  readonly provider: { readonly aws: readonly Record<string, unknown>[] };
  readonly module: Readonly<Record<string, Record<string, unknown>>>;
  readonly output: Readonly<Record<string, { readonly description: string; readonly value: unknown }>>;
}

describe('synthesizeStacks', () => {
  let folder: string;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'stacks-')));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function synthesize(file: AccountsFile, out = 'out', functionZip?: string): string {
    const directory = join(folder, out);
    synthesizeStacks(planStacks(file), {
      modules: MODULES,
      out: directory,
      accountsFile: join(folder, 'accounts.yaml'),
      ...(functionZip !== undefined && { functionZip }),
    });
    return directory;
  }

  function configuration(file: AccountsFile, stack: string, functionZip?: string): Configuration {
    const out = synthesize(file, 'out', functionZip);
    return JSON.parse(readFileSync(join(out, 'stacks', stack, 'cdk.tf.json'), 'utf8')) as Configuration;
  }

  it('lists the stacks', () => {
    const out = synthesize(accountsFile());

    expect(JSON.parse(readFileSync(join(out, 'stacks.json'), 'utf8'))).toEqual([
      {
        name: 'bakery',
        kind: 'source',
        accountId: '111111111111',
        regions: ['eu-central-1', 'eu-west-1'],
        labels: {},
        directory: 'stacks/bakery',
      },
      {
        name: 'web',
        kind: 'target',
        accountId: '333333333333',
        regions: ['eu-west-1'],
        labels: {},
        directory: 'stacks/web',
      },
      {
        name: 'payments',
        kind: 'target',
        accountId: '222222222222',
        regions: ['eu-central-1', 'eu-west-1'],
        labels: { wave: 'canary' },
        directory: 'stacks/payments',
      },
    ]);
  });

  it('writes the configuration of each stack and nothing else', () => {
    const out = synthesize(accountsFile());

    expect(filesIn(out)).toEqual([
      'stacks.json',
      'stacks/bakery/cdk.tf.json',
      'stacks/payments/cdk.tf.json',
      'stacks/web/cdk.tf.json',
    ]);
  });

  it('has one provider a Region, under its name, in this account alone', () => {
    const { provider, terraform } = configuration(accountsFile(), 'payments');

    const common = {
      allowed_account_ids: ['222222222222'],
      assume_role: { role_arn: 'arn:aws:iam::222222222222:role/deployer' },
      default_tags: { tags: { Project: 'image-copier' } },
    };
    expect(provider).toEqual({
      aws: [
        { alias: 'eu-central-1', region: 'eu-central-1', ...common },
        { alias: 'eu-west-1', region: 'eu-west-1', ...common },
      ],
    });
    expect(terraform.required_providers).toEqual({ aws: { source: 'hashicorp/aws' } });
  });

  it('uses a profile in place of a role', () => {
    const { provider } = configuration(
      accountsFile({ source: { id: '111111111111', name: 'bakery', profile: 'bake' } }),
      'bakery',
    );

    expect(provider.aws.map(({ profile, assume_role }) => [profile, assume_role])).toEqual([
      ['bake', undefined],
      ['bake', undefined],
    ]);
  });

  it('calls the module of the target once for each Region', () => {
    const { module } = configuration(accountsFile(), 'payments');

    const topic = (region: string) => `arn:aws:sns:${region}:111111111111:amigo-PROD-notify`;
    expect(module).toEqual(
      Object.fromEntries(
        ['eu-central-1', 'eu-west-1'].map((region) => [
          `image-copier-${region}`,
          {
            source: expect.stringMatching(/^\.\.\/.*\/terraform\/modules\/image-copier$/),
            providers: { aws: `aws.${region}` },
            request_topic_arn: topic(region),
            results_topic_arn: `${topic(region)}-results`,
            housekeeping_topic_arn: `${topic(region)}-housekeeping`,
            retry_hours: 24,
          },
        ]),
      ),
    );
  });

  it('calls the module of the source account once for each Region in use', () => {
    const { module } = configuration(accountsFile(), 'bakery');

    expect(
      Object.entries(module).map(([name, { providers, target_account_ids }]) => [name, providers, target_account_ids]),
    ).toEqual([
      ['source-account-eu-central-1', { aws: 'aws.eu-central-1' }, ['222222222222']],
      ['source-account-eu-west-1', { aws: 'aws.eu-west-1' }, ['222222222222', '333333333333']],
    ]);
  });

  it('names modules by the way that leads to them from the folder of the stack', () => {
    const out = synthesize(accountsFile(), 'deep/er/out');

    for (const [stack, module] of [
      ['bakery', 'source-account'],
      ['payments', 'image-copier'],
    ] as const) {
      const directory = join(out, 'stacks', stack);
      const { module: calls } = JSON.parse(readFileSync(join(directory, 'cdk.tf.json'), 'utf8')) as Configuration;
      for (const { source } of Object.values(calls)) {
        expect(realpathSync(join(directory, String(source)))).toBe(realpathSync(join(MODULES, module)));
      }
    }
  });

  it('finds the modules from an output folder behind a link', () => {
    mkdirSync(join(folder, 'some', 'where', 'real'), { recursive: true });
    symlinkSync(join(folder, 'some', 'where', 'real'), join(folder, 'link'));
    const directory = join(synthesize(accountsFile(), 'link'), 'stacks', 'web');
    const { module, terraform } = JSON.parse(readFileSync(join(directory, 'cdk.tf.json'), 'utf8')) as Configuration;

    const source = String(module['image-copier-eu-west-1']?.['source']);
    expect(existsSync(`${realpathSync(directory)}/${source}/variables.tf`)).toBe(true);
    expect(terraform.backend).toEqual({ local: { path: '../../states/web.tfstate' } });
  });

  it('puts out by Region all that the copiers have', () => {
    expect(configuration(accountsFile(), 'payments').output['copiers']?.value).toEqual({
      'eu-central-1': '${module.image-copier-eu-central-1}',
      'eu-west-1': '${module.image-copier-eu-west-1}',
    });
  });

  it('puts out by Region the topics of the source account', () => {
    const { output } = configuration(accountsFile(), 'bakery');

    expect(Object.keys(output)).toEqual(['housekeeping_topic_arns', 'request_topic_arns', 'results_topic_arns']);
    expect(output['results_topic_arns']?.value).toEqual({
      'eu-central-1': '${module.source-account-eu-central-1.results_topic_arn}',
      'eu-west-1': '${module.source-account-eu-west-1.results_topic_arn}',
    });
  });

  it.each<[AccountsFile['backend'], unknown]>([
    [undefined, { local: { path: '../../states/payments.tfstate' } }],
    [{ type: 'local', path: 'kept' }, { local: { path: '../../../kept/payments.tfstate' } }],
    [
      { type: 's3', bucket: 'states', region: 'eu-west-2' },
      {
        s3: {
          bucket: 'states',
          encrypt: true,
          key: 'image-copier/payments.tfstate',
          region: 'eu-west-2',
          use_lockfile: true,
        },
      },
    ],
  ])('keeps the state in %j', (backend, expected) => {
    expect(configuration(accountsFile(backend && { backend }), 'payments').terraform.backend).toEqual(expected);
  });

  it("takes an account's own zip, from the accounts file, before the one for all", () => {
    const file = accountsFile();
    const accounts = file.accounts.map((account) =>
      account.name === 'web' ? { ...account, inputs: { function_zip: 'zips/web.zip' } } : account,
    );
    const zip = join(folder, 'all.zip');

    const read = (stack: string) => Object.values(configuration({ ...file, accounts }, stack, zip).module)[0];
    expect(read('web')?.['function_zip']).toBe('../../../zips/web.zip');
    expect(read('payments')?.['function_zip']).toBe('../../../all.zip');
    expect(read('bakery')?.['function_zip']).toBe('../../../all.zip');
  });

  it('keeps what Terraform would take for an expression', () => {
    const file = accountsFile({
      defaults: {
        regions: ['eu-west-1'],
        roleName: 'deployer',
        inputs: { recipe_tag: '${path.root}', source_key_arns: ['%{ if true }'], tags: { 'a${b}': '${c}' } },
      },
    });

    expect(configuration(file, 'web').module['image-copier-eu-west-1']).toMatchObject({
      recipe_tag: '$${path.root}',
      source_key_arns: ['%%{ if true }'],
      tags: { 'a$${b}': '$${c}' },
    });
  });

  it('keeps the provider of a retired Region without a module in it', () => {
    const file = accountsFile();
    const accounts = file.accounts.map((account) => ({ ...account, retiredRegions: ['us-east-1'] }));
    const { provider, module } = configuration({ ...file, accounts }, 'web');

    expect(provider.aws.map(({ alias }) => alias)).toEqual(['eu-west-1', 'us-east-1']);
    expect(Object.keys(module)).toEqual(['image-copier-eu-west-1']);
  });

  it('writes the same bytes again, and into another folder', () => {
    const first = contents(synthesize(accountsFile(), 'a'));

    expect(contents(synthesize(accountsFile(), 'a'))).toEqual(first);
    expect(contents(synthesize(accountsFile(), 'b'))).toEqual(first);
    expect(Object.values(first).join('')).not.toContain(folder);
    expect(Object.values(first).join('')).not.toContain('"//"');
  });

  it('changes one stack when one account changes', () => {
    const file = accountsFile();
    const before = contents(synthesize(file));
    const accounts = file.accounts.map((account) =>
      account.name === 'web' ? { ...account, inputs: { retry_hours: 48 } } : account,
    );

    expect(changed(before, contents(synthesize({ ...file, accounts })))).toEqual(['stacks/web/cdk.tf.json']);
  });

  it('changes the source account too when an account is added', () => {
    const before = contents(synthesize(accountsFile()));
    const accounts = [...accountsFile().accounts, { id: '444444444444', name: 'search' }];

    expect(changed(before, contents(synthesize(accountsFile({ accounts }))))).toEqual([
      'stacks.json',
      'stacks/bakery/cdk.tf.json',
      'stacks/search/cdk.tf.json',
    ]);
  });

  it('leaves the folder of an account that left the file', () => {
    synthesize(accountsFile());
    const [web] = accountsFile().accounts;
    const out = synthesize(accountsFile({ accounts: web ? [web] : [] }));

    expect(existsSync(join(out, 'stacks', 'payments', 'cdk.tf.json'))).toBe(true);
    expect(readFileSync(join(out, 'stacks.json'), 'utf8')).not.toContain('payments');
  });

  it('writes 200 accounts in two Regions each', () => {
    const accounts = Array.from({ length: 200 }, (_, index) => ({
      id: String(200_000_000_000 + index),
      name: `account-${index}`,
      regions: ['eu-west-1', 'eu-central-1'],
    }));
    const out = synthesize(accountsFile({ accounts }));

    expect(readdirSync(join(out, 'stacks'))).toHaveLength(201);
    const source = JSON.parse(readFileSync(join(out, 'stacks', 'bakery', 'cdk.tf.json'), 'utf8')) as Configuration;
    expect(source.module['source-account-eu-west-1']?.['target_account_ids']).toEqual(accounts.map(({ id }) => id));
  });
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(filesIn(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}

function changed(before: Record<string, string>, after: Record<string, string>): string[] {
  return Object.keys(after).filter((file) => before[file] !== after[file]);
}
