// In the same accounts, one part after the other.
import './policies/commands-taken-out.tests.ts';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { DeregisterImageCommand } from '@aws-sdk/client-ec2';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { share } from '../../scripts/tool/common/bake.ts';
import type { Finding } from '../../scripts/tool/doctor/finding.ts';
import { actionsOf } from '../../scripts/dev/permissions.ts';
import {
  bake,
  bakeUnneeded,
  denialsOf,
  DEPLOY_TIMEOUT_MS,
  environment,
  forgetKeys,
  holdings,
  mendBy,
  MENDED_BY,
  publishedPolicy,
  refuseSubscriptions,
  rollout,
  run,
  source,
  target,
  targets,
  TOPIC,
  untilDeadLetter,
} from './policies/roles.ts';
import { allowedActions } from './support/decisions.ts';
import { REGION } from './support/emulator.ts';
import { runHere } from './support/run-here.ts';
import { Shell } from './support/shell.ts';

/** Runs `doctor` as a reader. What it could not read would be among its findings. */
async function examine(...args: string[]): Promise<void> {
  const { stdout } = await runHere(['doctor', '--json', '--role-name', 'reader', ...args], environment);
  const [row] = JSON.parse(stdout) as { problem: string | null; findings: Finding[] }[];
  const unread = row?.findings.filter(({ code }) => /Unread|Unchecked/.test(code));
  expect({ problem: row?.problem, unread }).toEqual({ problem: null, unread: [] });
}

/** The commands that `doctor`, run as a reader, prints for findings with a code. */
async function commandsFor(code: string): Promise<readonly string[]> {
  const place = ['--accounts-file', rollout.accountsFile, '--role-name', 'reader'];
  const { stdout } = await runHere(['doctor', '--json', ...place], environment);
  const [row] = JSON.parse(stdout) as { findings: { code: string; commands: readonly string[] }[] }[];
  return row?.findings.filter((finding) => finding.code === code).flatMap(({ commands }) => commands) ?? [];
}

async function queueUrl(): Promise<string> {
  const answer = await target.sqs.send(new GetQueueUrlCommand({ QueueName: 'image-copier-requests' }));
  return answer.QueueUrl ?? '';
}

beforeAll(async () => {
  // Nobody has made the topic: doctor looks for it all the same.
  const alarm_actions = [`arn:aws:sns:${REGION}:${target.id}:on-call`];
  rollout.write(targets, { alarm_actions, deletion_protection: false });
  const { rows } = await rollout.rowsOf('deploy');
  expect(rows.map(({ problem }) => problem)).toEqual([null, null]);
}, DEPLOY_TIMEOUT_MS);

describe('the published policies, and nothing more,', () => {
  let startMs: number;
  let shell: Shell;

  beforeAll(() => {
    startMs = Date.now();
    // Where deploy finds its states without being told.
    shell = new Shell(dirname(rollout.out), environment);
  });

  it.each([
    ['the accounts', ['--accounts-file', rollout.accountsFile, '--role-name', 'requester']],
    [
      'the results topic alone',
      ['--accounts', target.id, '--topic', TOPIC, '--role-arn', `arn:aws:iam::${source.id}:role/requester`],
    ],
  ])('let request share an image, ask for its copy and wait for it by %s', async (_, where) => {
    const { imageId } = await bake();
    const { code, stderr } = await runHere(
      ['request', imageId, ...where, '--share', '--shared-tags', '--wait'],
      environment,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  });

  it.each(['status', 'fleet', 'history ubuntu'])('let a reader run %s', async (command) => {
    const { code, stderr } = await run('reader', ...command.split(' '));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('let doctor read all that it looks at', async () => {
    const { KeyMetadata } = await source.kms.send(new CreateKeyCommand({}));
    const { imageId } = await bake(KeyMetadata?.Arn);
    const withFile = ['--accounts-file', rollout.accountsFile];
    await examine(...withFile, '--image', imageId);
    await examine('--accounts', target.id);
    // Where the account cannot list its subscriptions, the source account is asked for those of the topic.
    const restore = await refuseSubscriptions();
    try {
      await examine(...withFile);
    } finally {
      await restore();
    }
  });

  it('let a reader see dead letters, and an operator put them back and discard them', async () => {
    const Message = JSON.stringify({ targetAccounts: [target.id], sourceAmi: 'the newest' });
    await source.sns.send(new PublishCommand({ TopicArn: `arn:aws:sns:${REGION}:${source.id}:${TOPIC}`, Message }));
    await untilDeadLetter();
    expect(await run('reader', 'dead-letters', 'list')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('operator', 'dead-letters', 'redrive', '--all')).toMatchObject({ code: 0 });
    await untilDeadLetter();
    expect(await run('operator', 'dead-letters', 'discard', '--all', '--yes')).toMatchObject({ code: 0 });
  });

  it('let request look whose key an encrypted image is under, and whom that admits', async () => {
    const keyFor = async (...ids: string[]) => {
      const AWS = ids.map((id) => `arn:aws:iam::${id}:root`);
      const Statement = [{ Effect: 'Allow', Principal: { AWS }, Action: 'kms:*', Resource: '*' }];
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
      const { KeyMetadata } = await source.kms.send(new CreateKeyCommand({ Policy }));
      return await bake(KeyMetadata?.Arn);
    };
    const [forBoth, forOne] = [await keyFor(source.id, target.id), await keyFor(source.id)];
    const ask = async ({ imageId }: { imageId: string }) =>
      await run('requester', 'request', imageId, '--share', '--dry-run');

    expect(await ask(forBoth)).toMatchObject({ code: 0, stderr: '' });
    expect(await ask(forOne)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`does not let ${target.id} copy under it`),
    });
  });

  it('let an operator roll back, also to a copy of the first versions, and fill gaps', async () => {
    await forgetKeys();
    expect(await run('operator', 'rollback', 'ubuntu', '--yes')).toMatchObject({ code: 0, stderr: '' });
    const image = await bake();
    await share(source.ec2, image, [target.id]);
    // Where the newest copy is missing, status asks the logs for tries that failed.
    expect(await run('reader', 'status', '--recipe', 'ubuntu')).toMatchObject({ code: 1, stderr: '' });
    const { code, stdout } = await run('operator', 'backfill', '--recipe', 'ubuntu');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(image.imageId) });
  });

  it('let an operator promote, also a copy of the first versions, and roll the channel back', async () => {
    await forgetKeys();
    const promote = ['promote', 'ubuntu', '--to', 'prod', '--yes'];
    const { Parameter } = await target.ssm.send(new GetParameterCommand({ Name: '/image-copier/ubuntu' }));
    const image = await bake();
    expect(await run('requester', 'request', image.imageId, '--share', '--wait')).toMatchObject({ code: 0 });
    expect(await run('operator', ...promote, '--image', Parameter?.Value ?? '')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('operator', ...promote)).toMatchObject({ code: 0, stderr: '' });
    expect(await run('operator', 'rollback', 'ubuntu', '--channel', 'prod', '--yes')).toMatchObject({ code: 0 });
    expect(await run('reader', 'history', 'ubuntu', '--channel', 'prod')).toMatchObject({ code: 0, stderr: '' });
  });

  it('let whoever may retire a copy look first, retire it, and restore it', async () => {
    const { imageId } = await bakeUnneeded();
    expect(await run('requester', 'request', imageId, '--share', '--wait')).toMatchObject({ code: 0 });
    expect(await run('retirer', 'retire', imageId, '--dry-run')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('would be in quarantine') as unknown,
    });
    expect(await run('retirer', 'retire', imageId, '--yes')).toMatchObject({ code: 0 });
    expect(await run('retirer', 'restore', imageId)).toMatchObject({ code: 0, stderr: '' });
    // Its copy may have been removed.
    expect(await run('retirer', 'restore', 'ami-0123456789abcdef0')).toMatchObject({ code: 2 });
  });

  it('let whoever may revoke an image do so, and take it back', async () => {
    const { imageId } = await bake();
    expect(await run('requester', 'request', imageId, '--share', '--wait')).toMatchObject({ code: 0 });
    const revoked = await run('revoker', 'revoke', imageId, '--reason', 'CVE-2026-12345', '--wait', '--yes');
    expect(revoked).toMatchObject({ code: 0 });
    expect(await run('revoker', 'unrevoke', imageId, '--wait', '--yes')).toMatchObject({ code: 0 });
  });

  it.each(MENDED_BY)('let an operator run what doctor says: %s', async (action) => {
    expect(await mendBy(action)).toMatchObject({ code: 0, stderr: '' });
  });

  it('let an operator point a parameter back as doctor says', async () => {
    const { Parameter } = await target.ssm.send(new GetParameterCommand({ Name: '/image-copier/ubuntu' }));
    const ImageId = Parameter?.Value ?? '';
    await target.ec2.send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));

    const [line = ''] = await commandsFor('ParameterDangles');
    expect(await shell.paste('bash', line.replace('--role-name reader', '--role-name operator'))).toMatchObject({
      code: 0,
    });
    expect(await commandsFor('ParameterDangles')).toEqual([]);
  });

  it(
    'let whoever deploys apply the module again as doctor says',
    async () => {
      const QueueUrl = await queueUrl();
      await target.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '60' } }));

      const [line = ''] = await commandsFor('VisibilityTooShort');
      const ended = await shell.paste('zsh', line);
      expect(ended).toEqual({ ...ended, code: 0 });
      expect(await commandsFor('VisibilityTooShort')).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'let destroy take away everything',
    async () => {
      const { rows } = await rollout.rowsOf('destroy', '--yes', '--only', 'source,web');
      expect(rows.map(({ problem }) => problem)).toEqual([null, null]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  // Policies are enforced here: what is asked for and not allowed fails, and so it would without an action that is asked for.
  it.each(['operate', 'read', 'request', 'retire', 'revoke'] as const)(
    'hold no action that nobody asks for: %s',
    async (policy) => {
      const allowed = await allowedActions();
      const holders = holdings().filter((holding) => holding.policy === policy);
      const asked = new Set(holders.flatMap(({ roleArn }) => allowed[roleArn] ?? []));
      expect(Array.from(asked).sort()).toEqual(actionsOf(publishedPolicy(policy)));
    },
  );

  it('deny nothing', async () => {
    const ofTool = holdings().filter(({ role }) => role !== 'deployer');
    const denied = await Promise.all(ofTool.map(({ role, place }) => denialsOf(role, place)));
    expect(denied.flat().filter(({ time }) => Date.parse(time) >= startMs)).toEqual([]);
  });
});
