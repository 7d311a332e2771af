import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { Rollout } from './rollout.ts';

let rollout: Rollout;

beforeEach(async () => {
  rollout = new Rollout();
  await rollout.run(['deploy']);
  rollout.terraform.takeCalls();
});

afterEach(() => {
  rollout.terraform.remove();
});

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

    const { code } = await rollout.run(['destroy', '--only', 'web,payments'], { terminal });

    expect(code).toBe(0);
    expect(terminal.questions).toEqual([
      'Destroy the keys, queues and functions of payments (222222222222, eu-west-1); web (333333333333, eu-west-1)? Type yes:',
    ]);
    expect(rollout.terraform.calls).toContain('destroy web');
  });

  it('destroys nothing without a yes', async () => {
    const ended = await rollout.run(['destroy', '--only', 'web'], { terminal: new FakeTerminal({ answer: false }) });

    expect(ended).toEqual({ code: 2, out: '', err: 'Error: Nothing was destroyed.\n' });
    expect(rollout.terraform.calls).toEqual([]);
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
