import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { waitFor } from '../../../tool/common/wait-for.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import type { Ran } from '../support/run.ts';
import { IDS, Rollout } from './rollout.ts';

const FAST = { timeoutMs: 10_000, pollMs: 10 };

// As Terraform 1.11 prints it for a state in S3.
const LOCKED = `
Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error StatusCode:
412, RequestID: 1, HostID: 1, api error PreconditionFailed: At least one of the
pre-conditions you specified did not hold
Lock Info:
  ID:        6fd09a39-8e1b-1f2c-7d5a-3c2b1a0f9e8d
  Path:      states/payments.tfstate
  Operation: OperationTypeApply
  Who:       ci@runner-7
  Version:   1.11.4
  Created:   2026-11-29 10:02:11.123456789 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time. Please resolve the issue above and try
again. For most commands, you can disable locking with the "-lock=false"
flag, but this is not recommended.
`;

let rollout: Rollout;

beforeEach(() => {
  rollout = new Rollout();
});

afterEach(() => {
  rollout.terraform.remove();
});

describe('deploy', () => {
  it('applies the source account, the named waves and the others in turn, and shows what came of each', async () => {
    rollout.list({ late: {}, payments: { labels: { wave: 'early' } }, web: { labels: { wave: 'canary' } } });

    const ended = await rollout.run(['deploy', '--waves', 'wave=canary,wave=early']);

    expect(rollout.terraform.calls).toEqual([
      'init source',
      'apply source',
      'init web',
      'apply web',
      'init payments',
      'apply payments',
      'init late',
      'apply late',
    ]);
    expect(ended).toEqual({
      code: 0,
      out: `\
STACK     ACCOUNT       RESULT  ADD  CHANGE  DESTROY  SECONDS  LOG
source    111111111111  done    2    1       0        0        out/logs/source.log
web       333333333333  done    2    1       0        0        out/logs/web.log
payments  222222222222  done    2    1       0        0        out/logs/payments.log
late      444444444444  done    2    1       0        0        out/logs/late.log

4 of 4 stacks done in 0 s: N accounts a minute.
`,
      err: `\
[1/4] source: done in 0 s: +2 ~1 -0
[2/4] web: done in 0 s: +2 ~1 -0
[3/4] payments: done in 0 s: +2 ~1 -0
[4/4] late: done in 0 s: +2 ~1 -0
`,
    });
  });

  it('inits only once what it has initialized for the same configuration', async () => {
    await rollout.run(['deploy']);
    rollout.terraform.takeCalls();

    await rollout.run(['deploy']);

    expect(rollout.terraform.calls).toEqual(['apply source', 'apply payments', 'apply web']);
  });

  it('applies only what is chosen, in the order of the waves', async () => {
    const { code } = await rollout.run(['deploy', '--only', 'web,source']);

    expect(code).toBe(0);
    expect(rollout.terraform.calls).toEqual(['init source', 'apply source', 'init web', 'apply web']);
  });

  it('only plans if it is told to, and leaves no run to resume', async () => {
    const planned = await rollout.run(['deploy', '--plan', '--only', 'wave=canary']);
    const resumed = await rollout.run(['deploy', '--resume']);

    expect(rollout.terraform.calls).toEqual(['init payments', 'plan payments']);
    expect(planned).toEqual({
      code: 0,
      out: `\
STACK     ACCOUNT       RESULT   ADD  CHANGE  DESTROY  SECONDS  LOG
payments  222222222222  planned  2    1       0        0        out/logs/payments.log

payments (eu-west-1):
  REPLACE
    aws_kms_key.copies[0]
  create
    aws_sqs_queue.requests

1 of 1 stacks planned in 0 s: N accounts a minute.
`,
      err: '[1/1] payments: planned in 0 s: +2 ~1 -0\n',
    });
    expect(resumed).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no run to resume in out. Deploy without --resume.\n',
    });
  });

  it('prints for programs which resources would change', async () => {
    const { out } = await rollout.run(['deploy', '--plan', '--json', '--only', 'payments']);

    expect(JSON.parse(out)).toMatchObject([
      {
        result: 'planned',
        added: 2,
        resources: [
          { address: 'module.image-copier-eu-west-1.aws_sqs_queue.requests', action: 'create' },
          { address: 'module.image-copier-eu-west-1.aws_kms_key.copies[0]', action: 'replace' },
        ],
      },
    ]);
  });

  it('goes on with the wave of an account that fails, begins no further one, and says how to go on', async () => {
    rollout.list({ payments: { labels: { wave: 'canary' } }, late: { labels: { wave: 'canary' } }, web: {} });
    rollout.terraform.fail('apply payments', 'Error: no such role');

    const ended = await rollout.run(['deploy', '--waves', 'wave=canary']);

    expect(ended).toEqual({
      code: 1,
      out: `\
STACK     ACCOUNT       RESULT       ADD  CHANGE  DESTROY  SECONDS  LOG
source    111111111111  done         2    1       0        0        out/logs/source.log
payments  222222222222  failed       -    -       -        0        out/logs/payments.log
late      444444444444  done         2    1       0        0        out/logs/late.log
web       333333333333  not reached  -    -       -        -        -

2 of 4 stacks done in 0 s: N accounts a minute.
`,
      err: `\
[1/4] source: done in 0 s: +2 ~1 -0
[2/4] payments: failed after 0 s
[3/4] late: done in 0 s: +2 ~1 -0

payments (222222222222) failed: terraform apply failed (exit code 1). Its last lines, all of them in out/logs/payments.log:
Error: no such role

payments failed, so no further wave was begun.

Fix the cause, then go on: image-copier deploy --resume --accounts-file accounts.yaml --out out
`,
    });
  });

  it('lets no other run into its folder, which leaves the logs as they are', async () => {
    const whileItApplies = rollout.terraform.hold('apply payments');

    const running = rollout.run(['deploy', '--only', 'payments']);
    const seconds: Ran[] = [];
    await whileItApplies(async () => {
      for (const args of [['deploy'], ['deploy', '--plan'], ['destroy', '--only', 'payments', '--yes']]) {
        seconds.push(await rollout.run(args));
      }
    });
    const { code } = await running;
    const after = await rollout.run(['deploy', '--plan']);

    for (const second of seconds) {
      expect(second).toEqual({
        code: 1,
        out: '',
        err: expect.stringMatching(/^Error: Another deploy runs in out since \d\d:\d\d \(pid \d+\)\. /),
      });
    }
    expect([code, after.code]).toEqual([0, 0]);
    expect(rollout.terraform.calls.filter((call) => call.endsWith(' payments'))).toEqual([
      'init payments',
      'apply payments',
      'plan payments',
    ]);
  });

  it('says in a sentence who holds the lock of a state', async () => {
    rollout.terraform.fail('apply payments', LOCKED);

    const { code, err } = await rollout.run(['deploy', '--only', 'payments']);

    expect(code).toBe(1);
    expect(err).toContain(
      '\npayments (222222222222) failed: Its state is locked by ci@runner-7 since 2026-11-29 10:02 UTC: ' +
        'try again when that run has ended (out/logs/payments.log has the id of the lock).\n',
    );
    expect(err).not.toContain('-lock=false');
  });

  it('says that a state is locked where Terraform does not know by whom', async () => {
    rollout.terraform.fail('apply payments', 'Error: Error acquiring the state lock\n\nUse "-lock=false"');

    const { err } = await rollout.run(['deploy', '--only', 'payments']);

    expect(err).toContain('failed: Its state is locked by another run: try again when');
    expect(err).not.toContain('-lock=false');
  });

  it('resumes with what failed and what was not reached, and inits anew what failed', async () => {
    rollout.terraform.fail('apply payments', 'Error: no such role');
    await rollout.run(['deploy', '--waves', 'wave=canary']);
    rollout.terraform.heal('apply payments');
    rollout.terraform.takeCalls();

    const resumed = await rollout.run(['deploy', '--resume']);
    const again = await rollout.run(['deploy', '--resume']);

    expect(resumed.code).toBe(0);
    expect(rollout.terraform.calls).toEqual(['init payments', 'apply payments', 'init web', 'apply web']);
    expect(again).toEqual({ code: 0, out: 'The last run is done: there is nothing to resume.\n', err: '' });
  });

  it('prints for programs what became of each account', async () => {
    rollout.terraform.fail('apply payments', 'Error: no such role');

    const { code, out } = await rollout.run(['deploy', '--json', '--waves', 'wave=canary']);

    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual([
      {
        stack: 'source',
        account: '111111111111',
        kind: 'source',
        result: 'done',
        added: 2,
        changed: 1,
        destroyed: 0,
        seconds: 0,
        log: 'out/logs/source.log',
        problem: null,
      },
      {
        stack: 'payments',
        account: '222222222222',
        kind: 'target',
        result: 'failed',
        added: null,
        changed: null,
        destroyed: null,
        seconds: 0,
        log: 'out/logs/payments.log',
        problem:
          'terraform apply failed (exit code 1). Its last lines, all of them in out/logs/payments.log:\nError: no such role',
      },
      {
        stack: 'web',
        account: '333333333333',
        kind: 'target',
        result: 'not reached',
        added: null,
        changed: null,
        destroyed: null,
        seconds: null,
        log: null,
        problem: null,
      },
    ]);
  });

  it('lets what runs go on to its end on Ctrl-C, begins nothing more, and can be resumed', async () => {
    const whileItApplies = rollout.terraform.hold('apply payments');
    const stopped = new AbortController();

    const running = rollout.run(['deploy'], { stopped });
    await whileItApplies(() => {
      stopped.abort(new UserError('Stopped.', 2));
    });
    const ended = await running;
    rollout.terraform.takeCalls();
    const resumed = await rollout.run(['deploy', '--resume']);

    expect(ended).toEqual({
      code: 2,
      out: `\
STACK     ACCOUNT       RESULT       ADD  CHANGE  DESTROY  SECONDS  LOG
source    111111111111  done         2    1       0        0        out/logs/source.log
payments  222222222222  done         2    1       0        0        out/logs/payments.log
web       333333333333  not reached  -    -       -        -        -

2 of 3 stacks done in 0 s: N accounts a minute.
`,
      err: `\
[1/3] source: done in 0 s: +2 ~1 -0
Stopping: no further account is begun. Those that run go on to their end; Ctrl-C again interrupts them.
[2/3] payments: done in 0 s: +2 ~1 -0
Error: Stopped.
`,
    });
    expect(resumed.code).toBe(0);
    expect(rollout.terraform.calls).toEqual(['init web', 'apply web']);
  });

  it.each([
    ['done', 0],
    ['failed', 1],
  ])('ends as without a Ctrl-C that came when the last account was about to be %s', async (result, expected) => {
    const whileItApplies = rollout.terraform.hold('apply web');
    if (result === 'failed') rollout.terraform.fail('apply web', 'Error: no');
    const stopped = new AbortController();

    const running = rollout.run(['deploy'], { stopped });
    await whileItApplies(() => {
      stopped.abort(new UserError('Stopped.', 2));
    });
    const { code, out, err } = await running;

    expect(code).toBe(expected);
    expect(out).toMatch(new RegExp(`^web +${IDS.web} +${result} `, 'm'));
    expect(err).not.toContain('Stopped.');
  });

  it('interrupts what runs on a further Ctrl-C', async () => {
    const whileItApplies = rollout.terraform.hold('apply source');
    const stopped = new AbortController();
    let interruptAgain: (() => void) | undefined;

    const running = rollout.run(['deploy', '--only', 'source'], {
      interruptible: (use, again) => {
        interruptAgain = again;
        return use(stopped.signal);
      },
    });
    await whileItApplies(() => {
      stopped.abort(new UserError('Stopped.', 2));
      interruptAgain?.();
    });
    const { code, err } = await running;

    expect(code).toBe(2);
    expect(err).toContain('source (111111111111) failed: terraform apply failed (exit code 1).');
    expect(err).toContain('\nInterrupt received.\n');
  });

  it('shows on a terminal what runs below what ended', async () => {
    const whileItApplies = rollout.terraform.hold('apply payments');
    const terminal = new FakeTerminal({ columns: 120 });

    const running = rollout.run(['deploy', '--only', 'payments'], { terminal });
    // Drawn again five times a second.
    await whileItApplies(async () => {
      await waitFor('what runs', () => Promise.resolve(terminal.err.text.includes('planning') || undefined), FAST);
    });
    const { code, out, err } = await running;

    expect(code).toBe(0);
    expect(out).toMatch(/^STACK/);
    expect(err).toMatch(/^ {2}payments: planning, \d s\n/);
    expect(err).toMatch(/\[1\/1\] payments: done in 0 s: \+2 ~1 -0\n$/);
  });

  it('names the accounts that have left the file while something stands there', async () => {
    await rollout.run(['deploy']);
    rollout.list({ web: {} });

    const { code, err } = await rollout.run(['deploy', '--only', 'web']);

    expect(code).toBe(0);
    expect(err).toBe(`\
[1/1] web: done in 0 s: +2 ~1 -0

No longer in accounts.yaml, but not destroyed: payments (222222222222). To destroy: image-copier destroy --only payments --accounts-file accounts.yaml --out out
`);
  });

  it('is silent about accounts that have left the file before anything stood there', async () => {
    await rollout.run(['deploy', '--plan']);
    rollout.list({ web: {} });

    const { err } = await rollout.run(['deploy', '--only', 'web']);

    expect(err).toBe('[1/1] web: done in 0 s: +2 ~1 -0\n');
  });

  it('takes the newest provider if it is told to', async () => {
    await rollout.run(['deploy', '--only', 'web']);
    const lock = join(rollout.terraform.out, '.terraform.lock.hcl');
    const wasThere = existsSync(lock);
    rollout.terraform.takeCalls();

    await rollout.run(['deploy', '--only', 'web', '--upgrade']);

    expect(wasThere).toBe(true);
    expect(rollout.terraform.calls).toEqual(['init web', 'apply web']);
    expect(readFileSync(lock, 'utf8')).toContain('version = "5.100.0"');
  });

  it.each([
    [['--only', 'paymets'], 'There is no account paymets. Did you mean payments?'],
    [['--waves', 'wave=canry'], 'No account has the label wave=canry. Did you mean wave=canary?'],
    [['--smoke', '--only', 'source'], '--smoke needs a target account among the chosen ones.'],
    [['--function-zip', 'nowhere.zip'], 'There is no nowhere.zip.'],
  ])('does nothing for %j', async (options, problem) => {
    const ended = await rollout.run(['deploy', ...options]);

    expect(ended).toEqual({ code: 2, out: '', err: `Error: ${problem}\n` });
    expect(rollout.terraform.calls).toEqual([]);
  });
});
