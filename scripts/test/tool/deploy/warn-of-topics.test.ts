import { readFileSync, writeFileSync } from 'node:fs';
import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IDS, Rollout } from './rollout.ts';

const TOPIC = 'The topic amigo-TEST-notify in eu-west-1';

let rollout: Rollout;

beforeEach(() => {
  rollout = new Rollout();
  rollout.list({ payments: {}, web: {}, late: { labels: { wave: 'late' } } });
});

afterEach(() => {
  rollout.terraform.remove();
});

/** What `deploy` says before it begins. */
async function warning(...args: readonly string[]): Promise<string> {
  const { err } = await rollout.run(['deploy', ...args]);
  return err.slice(0, Math.max(0, err.indexOf('[1/')));
}

/** The command that deploys the source account as well. */
const withSource = (only: string) =>
  `deploy source as well, with image-copier deploy --only ${only} --accounts-file accounts.yaml --out out\n`;

describe('deploy without the source account', () => {
  it('says which accounts its topic does not let subscribe, and what does', async () => {
    rollout.allowSubscribe(IDS.payments);

    expect(await warning('--only', 'payments,web,wave=late')).toBe(
      `${TOPIC} does not let web, late subscribe: ${withSource('source,payments,web,wave=late')}`,
    );
  });

  it('says nothing where all may, or the source account is deployed too', async () => {
    expect(await warning('--only', 'late')).toBe('');
    rollout.allowSubscribe();
    expect(await warning('--only', 'late,source')).toBe('');
    expect(await warning()).toBe('');
  });

  it('says it again where the run goes on', async () => {
    rollout.allowSubscribe();
    rollout.terraform.fail('apply late', 'Error: AuthorizationError');
    await warning('--only', 'late');

    expect(await warning('--resume')).toBe(`${TOPIC} does not let late subscribe: ${withSource('source,late')}`);
  });

  it('says that there is no topic', async () => {
    const { sns } = rollout.aws.in(IDS.source);
    sns.on(GetTopicAttributesCommand).rejects(Object.assign(new Error('no'), { name: 'NotFoundException' }));

    expect(await warning('--only', 'web')).toBe(
      `There is no topic amigo-TEST-notify in eu-west-1 yet: ${withSource('source,web')}`,
    );
  });

  it('says what is not known where the source account cannot be read, and goes on', async () => {
    const { sns } = rollout.aws.in(IDS.source);
    sns.on(GetTopicAttributesCommand).rejects(Object.assign(new Error('no'), { name: 'AuthorizationErrorException' }));

    expect(await warning('--only', 'web')).toBe(
      'It is not known whether the topic amigo-TEST-notify in eu-west-1 lets web subscribe. ' +
        'Access denied: no. Allow it there, or choose another --profile or --role-arn. ' +
        `If it does not: ${withSource('source,web')}`,
    );
    expect(rollout.terraform.calls).toContain('apply web');
  });

  it('asks nothing where all accounts of an organization may', async () => {
    const file = readFileSync(rollout.accountsFile, 'utf8');
    writeFileSync(rollout.accountsFile, `organizationId: o-abcdefghij\n${file}`);

    expect(await warning('--only', 'web')).toBe('');
    expect(rollout.aws.in(IDS.source).sns.commandCalls(GetTopicAttributesCommand)).toEqual([]);
  });

  it.each([
    ['that names organizations', { Principal: '*', Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } }, ''],
    ["of AMIgo's that names the account", { Principal: { AWS: [`arn:aws:iam::${IDS.web}:root`] } }, ''],
    [
      "of AMIgo's that names others",
      { Principal: { AWS: [`arn:aws:iam::${IDS.payments}:root`] } },
      `${TOPIC} does not let web subscribe: its own policy must, which AMIgo writes at its start for the accounts that Prism knows.\n`,
    ],
  ])('reads a policy %s', async (_, statement, expected) => {
    rollout.list({ source: { existingTopics: ['eu-west-1'] }, web: {} });
    const Policy = JSON.stringify({ Statement: { Effect: 'Allow', Action: ['SNS:Subscribe'], ...statement } });
    rollout.aws.in(IDS.source).sns.on(GetTopicAttributesCommand).resolves({ Attributes: { Policy } });

    expect(await warning('--only', 'web')).toBe(expected);
  });
});
