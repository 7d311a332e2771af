import { describe, expect, it } from '@jest/globals';
import type { AccountsFile } from '../accounts-file.ts';
import { planStacks, type Stack } from '../stacks.ts';
import { accountsFile } from './accounts.ts';

describe('planStacks', () => {
  it('plans the source account first, then the targets in the order of the file', () => {
    expect(
      planStacks(accountsFile()).map(({ name, kind, accountId, directory }) => [name, kind, accountId, directory]),
    ).toEqual([
      ['bakery', 'source', '111111111111', 'stacks/bakery'],
      ['web', 'target', '333333333333', 'stacks/web'],
      ['payments', 'target', '222222222222', 'stacks/payments'],
    ]);
  });

  it('gives the source account every Region in use, and in each the accounts of that Region', () => {
    const { regions, modules } = stack('bakery');

    expect(regions).toEqual(['eu-central-1', 'eu-west-1']);
    expect(modules).toEqual([
      {
        module: 'source-account',
        region: 'eu-central-1',
        inputs: { name: 'amigo-PROD-notify', target_account_ids: ['222222222222'] },
      },
      {
        module: 'source-account',
        region: 'eu-west-1',
        inputs: { name: 'amigo-PROD-notify', target_account_ids: ['222222222222', '333333333333'] },
      },
    ]);
  });

  it('tells the publisher of all accounts in each Region, where there is one', () => {
    const source: AccountsFile['source'] = { id: '111111111111', inputs: { publisher: { unshare: true } } };
    const defaults = { regions: ['eu-west-1'], roleName: 'deployer', labels: { wave: 'main', team: 'money' } };

    const [planned] = planStacks(accountsFile({ source, defaults }));

    const targets = [
      { id: '333333333333', labels: { wave: 'main', team: 'money' }, regions: ['eu-west-1'] },
      { id: '222222222222', labels: { wave: 'canary', team: 'money' }, regions: ['eu-central-1', 'eu-west-1'] },
    ];
    expect(planned?.modules.map(({ inputs }) => [inputs['publisher'], inputs['publisher_targets']])).toEqual([
      [{ unshare: true }, targets],
      [{ unshare: true }, targets],
    ]);
  });

  it('allows the organization in place of accounts', () => {
    const { modules } = stack('bakery', { organizationId: 'o-a1b2c3d4e5' });

    expect(modules.map(({ inputs }) => inputs)).toEqual([
      { name: 'amigo-PROD-notify', organization_id: 'o-a1b2c3d4e5' },
      { name: 'amigo-PROD-notify', organization_id: 'o-a1b2c3d4e5' },
    ]);
  });

  it("leaves another system's topics alone in the Regions where they are", () => {
    const source: AccountsFile['source'] = {
      id: '111111111111',
      existingTopics: ['eu-west-1'],
      inputs: { housekeeping_topic_name: 'amigo-PROD-housekeeping-notify' },
    };

    const [planned] = planStacks(accountsFile({ source }));

    expect(planned?.modules.map(({ region, inputs }) => [region, inputs['existing_topics']])).toEqual([
      ['eu-central-1', undefined],
      ['eu-west-1', true],
    ]);
    expect(planned?.modules.map(({ inputs }) => inputs['housekeeping_topic_name'])).toEqual([
      'amigo-PROD-housekeeping-notify',
      'amigo-PROD-housekeeping-notify',
    ]);
  });

  it("puts an account's own inputs, labels and Regions over the defaults", () => {
    const { labels, modules } = stack('payments', {
      defaults: {
        regions: ['us-east-1'],
        roleName: 'deployer',
        labels: { wave: 'main', team: 'money' },
        inputs: { retry_hours: 12, memory_size: 512, trusted_owner_ids: ['444444444444'] },
      },
    });

    expect(labels).toEqual({ wave: 'canary', team: 'money' });
    expect(modules.map(({ region, inputs }) => [region, inputs['retry_hours'], inputs['memory_size']])).toEqual([
      ['eu-central-1', 24, 512],
      ['eu-west-1', 24, 512],
    ]);
    expect(modules.map(({ inputs }) => 'trusted_owner_ids' in inputs)).toEqual([false, false]);
  });

  it('fills in the account and the Region', () => {
    const { modules } = stack('payments', {
      defaults: {
        regions: ['eu-west-1'],
        roleName: 'deployer',
        inputs: {
          alarm_actions: ['arn:aws:sns:{region}:{account}:on-call'],
          parameter_path: '/images-{region}',
          tags: { owner: 'team-{account}' },
        },
      },
    });

    expect(modules.map(({ inputs }) => [inputs['alarm_actions'], inputs['parameter_path'], inputs['tags']])).toEqual([
      [['arn:aws:sns:eu-central-1:222222222222:on-call'], '/images-eu-central-1', { owner: 'team-222222222222' }],
      [['arn:aws:sns:eu-west-1:222222222222:on-call'], '/images-eu-west-1', { owner: 'team-222222222222' }],
    ]);
  });

  it('builds the ARNs of topics and roles for the partition', () => {
    const file = accountsFile({ defaults: { regions: ['cn-north-1'], roleName: 'ci/deployer' } });
    const [, china] = planStacks({ ...file, accounts: [{ id: '222222222222', name: 'payments' }] });

    expect(china?.access).toEqual({ roleArn: 'arn:aws-cn:iam::222222222222:role/ci/deployer' });
    expect(china?.modules[0]?.inputs).toEqual({
      request_topic_arn: 'arn:aws-cn:sns:cn-north-1:111111111111:amigo-PROD-notify',
      results_topic_arn: 'arn:aws-cn:sns:cn-north-1:111111111111:amigo-PROD-notify-results',
      housekeeping_topic_arn: 'arn:aws-cn:sns:cn-north-1:111111111111:amigo-PROD-notify-housekeeping',
    });
  });

  it.each<[string, Partial<AccountsFile['source']>, string | undefined]>([
    ['that the stacks make', {}, 'amigo-PROD-notify-housekeeping'],
    ['of the name that is given', { inputs: { housekeeping_topic_name: 'cleaning' } }, 'cleaning'],
    [
      'of another system, whose name is given',
      { existingTopics: ['eu-west-1'], inputs: { housekeeping_topic_name: 'amigo-PROD-housekeeping-notify' } },
      'amigo-PROD-housekeeping-notify',
    ],
    ['of another system, whose name is not given: none', { existingTopics: ['eu-west-1'] }, undefined],
    ['of another system in another Region alone', { existingTopics: ['us-east-1'] }, 'amigo-PROD-notify-housekeeping'],
  ])('has the accounts subscribe to the housekeeping topic %s', (_, own, topic) => {
    const file = accountsFile({ defaults: { regions: ['eu-west-1'], roleName: 'deployer' } });
    const source = { ...file.source, ...own };
    const [, target] = planStacks({ ...file, source, accounts: [{ id: '222222222222', name: 'payments' }] });

    expect(target?.modules[0]?.inputs['housekeeping_topic_arn']).toBe(
      topic && `arn:aws:sns:eu-west-1:111111111111:${topic}`,
    );
  });

  it.each<[AccountsFile['source'], Stack['access']]>([
    [{ id: '111111111111' }, { roleArn: 'arn:aws:iam::111111111111:role/deployer' }],
    [{ id: '111111111111', roleName: 'own' }, { roleArn: 'arn:aws:iam::111111111111:role/own' }],
    [
      { id: '111111111111', roleArn: 'arn:aws:iam::111111111111:role/a/b' },
      { roleArn: 'arn:aws:iam::111111111111:role/a/b' },
    ],
    [{ id: '111111111111', profile: 'bakery' }, { profile: 'bakery' }],
  ])('reaches the account of %j', (source, access) => {
    expect(planStacks(accountsFile({ source }))[0]?.access).toEqual(access);
  });

  it.each<[AccountsFile['backend'], Stack['backend']]>([
    [undefined, { type: 'local', folder: undefined, file: 'payments.tfstate' }],
    [
      { type: 'local', path: 'states' },
      { type: 'local', folder: 'states', file: 'payments.tfstate' },
    ],
    [
      { type: 's3', bucket: 'states', region: 'eu-west-2' },
      { type: 's3', bucket: 'states', region: 'eu-west-2', key: 'image-copier/payments.tfstate' },
    ],
    [
      { type: 's3', bucket: 'states', region: 'eu-west-2', keyPrefix: 'a/b-' },
      { type: 's3', bucket: 'states', region: 'eu-west-2', key: 'a/b-payments.tfstate' },
    ],
  ])('keeps the state by the name of the stack in %j', (backend, expected) => {
    expect(stack('payments', backend && { backend }).backend).toEqual(expected);
  });
});

function stack(name: string, changes: Partial<AccountsFile> = {}): Stack {
  const found = planStacks(accountsFile(changes)).find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no stack ${name}`);
  return found;
}
