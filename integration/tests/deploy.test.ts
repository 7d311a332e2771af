import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ownImages } from '../../scripts/tool/common/copies.ts';
import { emulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { operatorsEnvironment } from './support/operators-environment.ts';
import { changesOf, NO_CHANGES, QUEUES, queuesOf, resultsOf, ROLE, rolesOf, Rollout } from './support/rollout.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
const OTHER_REGION = 'us-east-1';
const [CANARY, PAYMENTS, WEB, LATE] = [newAccountId(), newAccountId(), newAccountId(), newAccountId()] as const;
// With the provider as users have it: Terraform installs, locks and starts it.
const rollout = new Rollout(operatorsEnvironment());

const accounts = {
  canary: { id: CANARY, regions: [REGION, OTHER_REGION], labels: { wave: 'canary' } },
  payments: { id: PAYMENTS, labels: { wave: 'canary' } },
  web: { id: WEB, inputs: { deletion_protection: true } },
};
/** With one to which nothing comes. */
const withLate = { ...accounts, late: { id: LATE } };

const imagesOf = (account: string, region: string) => ownImages(emulatedAccount(endpoint(), account, region));

beforeAll(async () => {
  await rollout.makeRoles([CANARY, PAYMENTS, WEB, LATE]);
});

beforeEach(() => {
  rollout.write(accounts);
});

// In case a test above the last failed: what stands costs nobody anything but the emulator's memory.
afterAll(() => {
  rollout.remove();
});

describe('deploy and destroy', () => {
  it(
    'let what runs go on to its end on Ctrl-C, and begin nothing more',
    async () => {
      rollout.write(withLate);

      const { child, output, ended } = rollout.startOnTerminal('deploy', '--parallel', '3');
      await waitFor(
        'changes in three accounts',
        () => {
          const isUnderWay = (name: string) =>
            new RegExp(`${name}: [1-9]\\d* of \\d+ changes made`).test(output.stdout);
          return Promise.resolve(['canary', 'payments', 'web'].every(isUnderWay) || undefined);
        },
        { timeoutMs: DEPLOY_TIMEOUT_MS },
      );
      child.stdin.write('\u0003');
      const { code, stdout } = await ended;

      expect({ code, end: stdout.trimEnd().split('\r\n').at(-1) }).toEqual({ code: 2, end: 'Error: Stopped.' });
      expect(stdout).toContain('Stopping: no further account is begun.');
      for (const name of ['source', 'canary', 'payments', 'web']) {
        expect(stdout).toMatch(new RegExp(`${name} +\\d{12} +done`));
      }
      expect(stdout).toMatch(/late +\d{12} +not reached/);
      // The terminal's own signal did not reach Terraform.
      expect(readFileSync(join(rollout.out, 'logs', 'canary.log'), 'utf8')).not.toContain('Interrupt received');
      expect(await queuesOf(CANARY, OTHER_REGION)).toEqual(QUEUES);
      expect(await queuesOf(LATE)).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'change nothing for a plan, and only what is chosen',
    async () => {
      rollout.write(withLate, { deletion_protection: true, retry_hours: 7 });

      const logOfPayments = () => readFileSync(join(rollout.out, 'logs', 'payments.log'), 'utf8');
      const firstLog = logOfPayments();
      const planned = await rollout.rowsOf('deploy', '--plan', '--only', 'source,wave=canary');

      expect(planned.code).toBe(0);
      expect(resultsOf(planned.rows)).toEqual([
        ['source', 'planned'],
        ['canary', 'planned'],
        ['payments', 'planned'],
      ]);
      // The inputs are those of the accounts; nothing else is found to be changed.
      expect(planned.rows.map(changesOf)).toEqual([
        NO_CHANGES,
        { ...NO_CHANGES, changed: expect.any(Number) },
        { ...NO_CHANGES, changed: expect.any(Number) },
      ]);
      expect(planned.rows[2]?.changed).toBeGreaterThan(0);
      // As many resources as Terraform counts.
      expect(planned.rows[2]?.resources).toHaveLength(planned.rows[2]?.changed ?? 0);
      expect(new Set(planned.rows[2]?.resources?.map(({ action }) => action))).toEqual(new Set(['update']));
      // What init did still stands: other inputs are nothing to it.
      expect(firstLog).toMatch(/(Terraform|OpenTofu) has been successfully initialized/);
      expect(logOfPayments()).not.toContain('Initializing');
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'interrupt Terraform on a second Ctrl-C',
    async () => {
      rollout.write(withLate);

      const { child, output, ended } = rollout.startOnTerminal('deploy', '--only', 'late');
      await waitFor('the plan', () => Promise.resolve(output.stdout.includes('late: planning') || undefined));
      child.stdin.write('\u0003');
      await waitFor('the answer to it', () => Promise.resolve(output.stdout.includes('Stopping:') || undefined));
      // Sooner it would be taken for the same one, which npm passes on as well.
      await sleep(1100);
      child.stdin.write('\u0003');
      const { code, stdout } = await ended;

      expect({ code, end: stdout.trimEnd().split('\r\n').at(-1) }).toEqual({ code: 2, end: 'Error: Stopped.' });
      expect(stdout).toMatch(/late +\d{12} +failed/);
      expect(await queuesOf(LATE)).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'go on with the others when an account fails, but begin no further wave; resume; check by a smoke copy',
    async () => {
      rollout.write({ ...accounts, payments: { ...accounts.payments, profile: 'nobody' } });

      const failed = await rollout.rowsOf('deploy', '--waves', 'wave=canary', '--smoke');

      expect(failed.code).toBe(1);
      expect(resultsOf(failed.rows)).toEqual([
        ['source', 'done'],
        ['canary', 'done'],
        ['payments', 'failed'],
        ['web', 'not reached'],
      ]);
      // A second apply finds nothing to change, in both Regions of canary. The source lets go of late.
      expect(failed.rows.slice(0, 2).map(changesOf)).toEqual([{ ...NO_CHANGES, changed: 3 }, NO_CHANGES]);
      expect(failed.rows[2]?.problem).toContain('nobody');
      expect(failed.stderr).toContain('payments failed, so no further wave was begun.');
      expect(failed.stderr).not.toContain('Smoke copy');
      expect(failed.stderr).toContain(
        `./scripts/tool/image-copier.mjs deploy --resume --accounts-file ${rollout.accountsFile} --out ${rollout.out}`,
      );

      rollout.write(accounts);
      const resumed = await rollout.rowsOf('deploy', '--resume');

      expect(resumed.code).toBe(0);
      expect(resultsOf(resumed.rows)).toEqual([
        ['payments', 'done'],
        ['web', 'done'],
      ]);
      expect(resumed.rows.map(changesOf)).toEqual([NO_CHANGES, NO_CHANGES]);
      const copied = [
        ...resumed.stderr.matchAll(/Smoke copy in (\S+): (ami-\w+) in (\d+) is encrypted and announced/g),
      ];
      expect(copied.map(([, region, , account]) => [region, account]).sort()).toEqual(
        [
          [REGION, CANARY],
          [REGION, PAYMENTS],
          [OTHER_REGION, CANARY],
        ].sort(),
      );
      for (const [, region = '', , account = ''] of copied) expect(await imagesOf(account, region)).toEqual([]);
      expect(await imagesOf(rollout.source, REGION)).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'leave alone what left the accounts file, and what is protected, until it is destroyed on purpose',
    async () => {
      rollout.write({ canary: accounts.canary, web: accounts.web });

      const planned = await rollout.rowsOf('deploy', '--plan', '--only', 'web');
      const refused = await rollout.run('destroy', '--only', 'web', '--yes');
      const unasked = await rollout.run('destroy', '--only', 'payments');

      expect(planned.stderr).toContain(
        `No longer in ${rollout.accountsFile}, but not destroyed: payments (${PAYMENTS}).`,
      );
      expect(planned.stderr).toContain('./scripts/tool/image-copier.mjs destroy --only payments');
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/web: deletion_protection is on.*set inputs/),
      });
      expect(unasked).toMatchObject({ code: 2, stderr: expect.stringMatching(/Add --yes/) });
      expect(await queuesOf(PAYMENTS)).toEqual(QUEUES);

      rollout.write({ canary: accounts.canary, web: { id: WEB } });
      const destroyed = await rollout.rowsOf('destroy', '--only', 'web,payments,canary,source', '--yes');

      // The protection of web is lifted first, and the topics go last.
      expect(destroyed.code).toBe(0);
      expect(resultsOf(destroyed.rows)).toEqual([
        ['canary', 'done'],
        ['web', 'done'],
        ['payments', 'done'],
        ['source', 'done'],
      ]);
      for (const account of [CANARY, PAYMENTS, WEB]) {
        expect([...(await queuesOf(account)), ...(await rolesOf(account))]).toEqual([ROLE]);
      }
      expect(await queuesOf(CANARY, OTHER_REGION)).toEqual([]);
      expect(existsSync(join(rollout.out, 'stacks', 'payments'))).toBe(false);
      expect(readFileSync(join(rollout.out, 'logs', 'web.log'), 'utf8')).toMatch(
        /Apply complete![^]*Destroy complete!/,
      );
    },
    DEPLOY_TIMEOUT_MS,
  );
});
