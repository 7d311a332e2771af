import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Image,
  type Snapshot,
  type Volume,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, NotFoundException } from '@aws-sdk/client-kms';
import { GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { IDS, Rollout } from './rollout.ts';

let rollout: Rollout;

beforeEach(async () => {
  rollout = new Rollout();
  await rollout.run(['deploy']);
  rollout.terraform.takeCalls();
});

afterEach(() => {
  rollout.terraform.remove();
});

const KEY = 'arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555';
const OTHER_KEY = KEY.replace('key/1', 'key/2');

const image = (ImageId: string, SnapshotId?: string): Image => ({
  ImageId,
  OwnerId: IDS.payments,
  State: 'available',
  BlockDeviceMappings: SnapshotId === undefined ? [] : [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
});
const snapshot = (SnapshotId: string, KmsKeyId: string): Snapshot => ({ SnapshotId, Encrypted: true, KmsKeyId });
const volume = (KmsKeyId: string, InstanceId: string): Volume => ({ KmsKeyId, Attachments: [{ InstanceId }] });

function noKeyIn(account: string): void {
  const error = new NotFoundException({ message: 'no alias', $metadata: {} });
  rollout.aws.in(account).kms.on(DescribeKeyCommand).rejects(error);
}

/** Where the user does not say yes. */
async function refused(accounts: string) {
  return await rollout.run(['destroy', '--only', accounts], { terminal: new FakeTerminal({ answer: false }) });
}

const PROTECTED = { copiers: { 'eu-west-1': { deletion_protection: true } } };

describe('destroy', () => {
  it('destroys what is chosen, the source account last', async () => {
    const ended = await rollout.run(['destroy', '--only', 'source,web,payments', '--yes']);

    expect(rollout.terraform.calls.filter((call) => call.startsWith('destroy'))).toEqual([
      'destroy payments',
      'destroy web',
      'destroy source',
    ]);
    expect(ended).toEqual({
      code: 0,
      out: `\
STACK     ACCOUNT       RESULT  ADD  CHANGE  DESTROY  SECONDS  LOG
payments  222222222222  done    0    0       2        0        out/logs/payments.log
web       333333333333  done    0    0       2        0        out/logs/web.log
source    111111111111  done    0    0       2        0        out/logs/source.log

3 of 3 stacks done in 0 s: N accounts a minute.
`,
      err: `\
[1/3] payments: done in 0 s: +0 ~0 -2
[2/3] web: done in 0 s: +0 ~0 -2
[3/3] source: done in 0 s: +0 ~0 -2
`,
    });
  });

  it('asks first, and destroys on a yes', async () => {
    const terminal = new FakeTerminal({ answer: true });
    for (const account of [IDS.payments, IDS.web]) noKeyIn(account);

    const { code } = await rollout.run(['destroy', '--only', 'web,payments'], { terminal });

    expect(code).toBe(0);
    expect(terminal.questions).toEqual([
      'Destroy the keys, queues and functions of payments (222222222222, eu-west-1); web (333333333333, eu-west-1)? Type yes:',
    ]);
    expect(rollout.terraform.calls).toContain('destroy web');
  });

  it('destroys nothing without a yes', async () => {
    const { code, out, err } = await refused('web');

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/Error: Nothing was destroyed\.\n$/);
    expect(rollout.terraform.calls).toEqual([]);
  });

  it('tells before it asks what needs the keys that go', async () => {
    rollout.list({ payments: { inputs: { name: 'other', parameter_path: '/golden' } }, web: {} });
    const { ec2, kms, ssm } = rollout.aws.in(IDS.payments);
    kms.on(DescribeKeyCommand, { KeyId: 'alias/other' }).resolves({ KeyMetadata: { KeyId: '1', Arn: KEY } });
    ec2.on(DescribeImagesCommand).resolves({
      Images: [image('ami-1', 'snap-1'), image('ami-2', 'snap-2'), image('ami-3', 'snap-3'), image('ami-4')],
    });
    ec2.on(DescribeSnapshotsCommand).resolves({
      Snapshots: [snapshot('snap-1', KEY), snapshot('snap-2', OTHER_KEY), snapshot('snap-3', KEY)],
    });
    ec2.on(DescribeVolumesCommand).resolves({
      Volumes: [
        volume(KEY, 'i-1'),
        volume(KEY, 'i-1'),
        volume(KEY, 'i-2'),
        volume(OTHER_KEY, 'i-3'),
        { KmsKeyId: KEY, Attachments: [{}] },
      ],
    });
    ssm.on(GetParametersByPathCommand, { Path: '/golden', Recursive: true }).resolves({
      Parameters: [{ Value: 'ami-3' }, { Value: 'ami-2' }, {}],
    });
    noKeyIn(IDS.web);

    const { err } = await refused('payments,web');

    expect(err).toBe(`\
These need the keys that go. Without its key no copy can be launched, and no instance started again.

ACCOUNT   REGION     COPIES  PARAMETERS  INSTANCES
payments  eu-west-1  2       1           2
web       eu-west-1  0       0           0

Error: Nothing was destroyed.
`);
  });

  it('says of which account that cannot be counted, and asks all the same', async () => {
    rollout.aws.close(IDS.payments, new Error('no way in'));
    noKeyIn(IDS.web);

    const { err } = await refused('payments,web');

    expect(err).toContain('\nweb      eu-west-1  0 ');
    expect(err).toContain('payments, eu-west-1: what needs its key could not be counted: Error: no way in.\n');
  });

  it('counts also for an account that has left the file, by the way in that it had', async () => {
    rollout.list({ payments: {} });
    noKeyIn(IDS.web);

    const { err } = await refused('web');

    expect(err).toContain('\nweb      eu-west-1  0 ');
  });

  it('counts nothing for the source account, which has no key', async () => {
    const { err } = await refused('source');

    expect(err).toBe('Error: Nothing was destroyed.\n');
  });

  it('destroys nothing where nobody can be asked', async () => {
    const ended = await rollout.run(['destroy', '--only', 'web']);

    expect(ended).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no terminal to ask on. Add --yes to destroy without being asked.\n',
    });
    expect(rollout.terraform.calls).toEqual([]);
  });

  it('destroys nothing if one of the chosen accounts is protected', async () => {
    rollout.list({ payments: {}, web: { inputs: { deletion_protection: true } } });
    rollout.terraform.putOut('web', PROTECTED);

    const ended = await rollout.run(['destroy', '--only', 'payments,web', '--yes']);

    expect(ended).toEqual({
      code: 2,
      out: '',
      err:
        'Error: web: deletion_protection is on, and without its key no copy can be launched. To destroy on purpose, ' +
        'set inputs: { deletion_protection: false } for the account in accounts.yaml, and destroy again. ' +
        'An account that has left the file must be put back for that.\n',
    });
    expect(rollout.terraform.calls).toEqual(['output web']);
  });

  it('destroys an account that the file protects, but where nothing protected stands', async () => {
    rollout.list({ payments: {}, web: { inputs: { deletion_protection: true } } });

    const { code } = await rollout.run(['destroy', '--only', 'web', '--yes']);

    expect(code).toBe(0);
    expect(rollout.terraform.calls).toEqual(['output web', 'output web', 'destroy web']);
  });

  it('lifts the protection that still stands before it destroys', async () => {
    rollout.terraform.putOut('web', PROTECTED);

    const { code } = await rollout.run(['destroy', '--only', 'web', '--yes']);

    expect(code).toBe(0);
    expect(rollout.terraform.calls).toEqual(['output web', 'apply web', 'destroy web']);
  });

  it('destroys an account that has left the file, and forgets it', async () => {
    rollout.list({ payments: {} });

    const { code } = await rollout.run(['destroy', '--only', 'web', '--yes']);
    const { err } = await rollout.run(['destroy', '--only', 'web', '--yes']);

    expect(code).toBe(0);
    expect(rollout.terraform.calls).toEqual(['output web', 'destroy web']);
    for (const folder of ['stacks', 'terraform']) {
      expect(existsSync(join(rollout.terraform.out, folder, 'web'))).toBe(false);
    }
    expect(err).toBe('Error: There is no account web.\n');
  });

  it('keeps what it knows of an account that has left the file if that cannot be destroyed', async () => {
    rollout.list({ payments: {} });
    rollout.terraform.fail('destroy web', 'Error: not allowed');

    const { code, err } = await rollout.run(['destroy', '--only', 'web', '--yes']);

    expect(code).toBe(1);
    expect(err).toBe(`\
[1/1] web: failed after 0 s

web (333333333333) failed: terraform destroy failed (exit code 1). Its last lines, all of them in out/logs/web.log:
{}
Error: not allowed
`);
    expect(existsSync(join(rollout.terraform.out, 'stacks', 'web'))).toBe(true);
  });

  it('keeps the log of the last command alone', async () => {
    await rollout.run(['destroy', '--only', 'web', '--yes']);

    const log = readFileSync(join(rollout.terraform.out, 'logs', 'web.log'), 'utf8');

    expect(log).toContain('Destroy complete!');
    expect(log).not.toContain('Apply complete!');
  });

  it('destroys nothing more on Ctrl-C', async () => {
    const whileItDestroys = rollout.terraform.hold('destroy payments');
    const stopped = new AbortController();

    const running = rollout.run(['destroy', '--only', 'source,payments,web', '--yes'], { stopped });
    await whileItDestroys(() => {
      stopped.abort(new UserError('Stopped.', 2));
    });
    const { code, out } = await running;

    expect(code).toBe(2);
    expect(out).toMatch(/payments .* done .*\nweb .* not reached .*\nsource .* not reached /);
  });

  it('needs a choice', async () => {
    const { code, err } = await rollout.run(['destroy', '--yes']);

    expect(code).toBe(2);
    expect(err).toContain("error: required option '--only <choice>' not specified");
    expect(rollout.terraform.calls).toEqual([]);
  });
});
