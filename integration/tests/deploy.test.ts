import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { stringify } from 'yaml';
import { ownImages } from '../../scripts/copies.ts';
import { emulatedAccount, emulatedEnvironment, withoutAws } from '../../scripts/emulated-account.ts';
import { CACHE } from '../../scripts/paths.ts';
import { waitFor } from '../../scripts/wait-for.ts';
import { startCommand, type Ended } from './support/command.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';

const DEPLOY_TIMEOUT_MS = 400_000;
const OTHER_REGION = 'us-east-1';
const [SOURCE, CANARY, PAYMENTS, WEB] = [newAccountId(), newAccountId(), newAccountId(), newAccountId()] as const;
const work = join(CACHE, 'test', 'deploy', SOURCE);
const accountsFile = join(work, 'accounts.yaml');
const out = join(work, 'out');
const place = ['--accounts', accountsFile, '--out', out];
const environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), '999999999999', REGION) };

const accounts = {
  canary: { id: CANARY, regions: [REGION, OTHER_REGION], labels: { wave: 'canary' } },
  payments: { id: PAYMENTS, labels: { wave: 'canary' } },
  web: { id: WEB, inputs: { deletion_protection: true } },
};

interface Row {
  readonly stack: string;
  readonly result: string;
  readonly added: number | null;
  readonly changed: number | null;
  readonly destroyed: number | null;
  readonly problem: string | null;
}

function writeAccounts(
  listed: Readonly<Record<string, object>>,
  inputs: object = { deletion_protection: false },
): void {
  const file = {
    source: { id: SOURCE },
    topic: 'amigo-TEST-notify',
    defaults: { regions: [REGION], roleName: 'deployer', inputs },
    accounts: Object.entries(listed).map(([name, account]) => ({ name, ...account })),
  };
  mkdirSync(work, { recursive: true });
  writeFileSync(accountsFile, stringify(file));
}

async function run(...args: string[]): Promise<Ended> {
  return await startCommand([...args, ...place], environment).ended;
}

/** Runs a command and gives what it prints for programs, in the order of the rollout. */
async function rowsOf(...args: string[]): Promise<{ code: number | null; stderr: string; rows: Row[] }> {
  const { code, stdout, stderr } = await run(...args, '--json');
  return { code, stderr, rows: JSON.parse(stdout) as Row[] };
}

const resultsOf = (rows: readonly Row[]) => rows.map(({ stack, result }) => [stack, result]);

const imagesOf = (account: string, region: string) => ownImages(emulatedAccount(endpoint(), account, region));

async function queuesOf(account: string, region = REGION): Promise<string[]> {
  const { sqs } = emulatedAccount(endpoint(), account, region);
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'image-copier-' }));
  return QueueUrls.map((url) => url.slice(url.lastIndexOf('/') + 1)).sort();
}

const QUEUES = ['image-copier-dead-letters', 'image-copier-requests', 'image-copier-settle.fifo'];

beforeAll(() => {
  writeAccounts(accounts);
});

// In case a test above the last failed: what stands costs nobody anything but the emulator's memory.
afterAll(() => {
  rmSync(work, { recursive: true });
});

describe('deploy and destroy', () => {
  it(
    'let what runs go on to its end on Ctrl-C, and begin nothing more',
    async () => {
      const { child, output, ended } = startCommand(['deploy', '--parallel', '2', ...place], environment, 'terminal');
      await waitFor(
        'changes in two accounts',
        () => {
          const isUnderWay = (name: string) =>
            new RegExp(`${name}: [1-9]\\d* of \\d+ changes made`).test(output.stdout);
          return Promise.resolve(['canary', 'payments'].every(isUnderWay) || undefined);
        },
        { timeoutMs: DEPLOY_TIMEOUT_MS },
      );
      child.stdin.write('\u0003');
      const { code, stdout } = await ended;

      expect({ code, end: stdout.trimEnd().split('\r\n').at(-1) }).toEqual({ code: 2, end: 'Error: Stopped.' });
      expect(stdout).toContain('Stopping: no further account is begun.');
      for (const name of ['source', 'canary', 'payments']) expect(stdout).toMatch(new RegExp(`${name} +\\d{12} +done`));
      expect(stdout).toMatch(/web +\d{12} +not reached/);
      // The terminal's own signal did not reach Terraform.
      expect(readFileSync(join(out, 'logs', 'canary.log'), 'utf8')).not.toContain('Interrupt received');
      expect(await queuesOf(CANARY, OTHER_REGION)).toEqual(QUEUES);
      expect(await queuesOf(WEB)).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'interrupt Terraform on a second Ctrl-C',
    async () => {
      const { child, output, ended } = startCommand(['deploy', '--only', 'web', ...place], environment, 'terminal');
      await waitFor('the plan', () => Promise.resolve(output.stdout.includes('web: planning') || undefined));
      child.stdin.write('\u0003');
      // Sooner it would be taken for the same one, which npm passes on as well.
      await sleep(1100);
      child.stdin.write('\u0003');
      const { code, stdout } = await ended;

      expect({ code, end: stdout.trimEnd().split('\r\n').at(-1) }).toEqual({ code: 2, end: 'Error: Stopped.' });
      expect(stdout).toMatch(/web +\d{12} +failed/);
      expect(await queuesOf(WEB)).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'go on with the others when an account fails, but begin no further wave; resume; check by a smoke copy',
    async () => {
      writeAccounts({ ...accounts, payments: { ...accounts.payments, profile: 'nobody' } });

      const failed = await rowsOf('deploy', '--waves', 'wave=canary', '--smoke');

      expect(failed.code).toBe(1);
      expect(resultsOf(failed.rows)).toEqual([
        ['source', 'done'],
        ['canary', 'done'],
        ['payments', 'failed'],
        ['web', 'not reached'],
      ]);
      expect(failed.rows[2]?.problem).toContain('nobody');
      expect(failed.stderr).toContain('payments failed, so no further wave was begun.');
      expect(failed.stderr).not.toContain('Smoke copy');
      expect(failed.stderr).toContain(
        `npm run image-copier -- deploy --resume --accounts ${accountsFile} --out ${out}`,
      );

      writeAccounts(accounts);
      const resumed = await rowsOf('deploy', '--resume');

      expect(resumed.code).toBe(0);
      expect(resultsOf(resumed.rows)).toEqual([
        ['payments', 'done'],
        ['web', 'done'],
      ]);
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
      expect(await imagesOf(SOURCE, REGION)).toEqual([]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'change nothing for a plan, and only what is chosen',
    async () => {
      writeAccounts(accounts, { deletion_protection: true, retry_hours: 7 });

      const planned = await rowsOf('deploy', '--plan', '--only', 'wave=canary');
      const logOfPayments = () => readFileSync(join(out, 'logs', 'payments.log'), 'utf8');
      const firstLog = logOfPayments();
      const again = await rowsOf('deploy', '--plan', '--only', `payments,${CANARY}`);

      expect(planned.code).toBe(0);
      expect(resultsOf(planned.rows)).toEqual([
        ['canary', 'done'],
        ['payments', 'done'],
      ]);
      expect(planned.rows[1]?.changed).toBeGreaterThan(0);
      expect(resultsOf(again.rows)).toEqual(resultsOf(planned.rows));
      // What init did for this configuration still stands the second time.
      expect(firstLog).toContain('Terraform has been successfully initialized');
      expect(logOfPayments()).not.toContain('Initializing');
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'leave alone what left the accounts file, and what is protected, until it is destroyed on purpose',
    async () => {
      writeAccounts({ canary: accounts.canary, web: accounts.web });

      const planned = await rowsOf('deploy', '--plan', '--only', 'web');
      const refused = await run('destroy', '--only', 'web', '--yes');
      const unasked = await run('destroy', '--only', 'payments');

      expect(planned.stderr).toContain(`No longer in ${accountsFile}, but not destroyed: payments (${PAYMENTS}).`);
      expect(planned.stderr).toContain('npm run image-copier -- destroy --only payments');
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/web: deletion_protection is on.*set inputs/),
      });
      expect(unasked).toMatchObject({ code: 2, stderr: expect.stringMatching(/Add --yes/) });
      expect(await queuesOf(PAYMENTS)).toEqual(QUEUES);

      writeAccounts({ canary: accounts.canary, web: { id: WEB } });
      const destroyed = await rowsOf('destroy', '--only', 'web,payments,canary,source', '--yes');

      // The protection of web is lifted first, and the topics go last.
      expect(destroyed.code).toBe(0);
      expect(resultsOf(destroyed.rows)).toEqual([
        ['canary', 'done'],
        ['web', 'done'],
        ['payments', 'done'],
        ['source', 'done'],
      ]);
      for (const account of [CANARY, PAYMENTS, WEB]) expect(await queuesOf(account)).toEqual([]);
      expect(existsSync(join(out, 'stacks', 'payments'))).toBe(false);
      expect(readFileSync(join(out, 'logs', 'web.log'), 'utf8')).toMatch(/Apply complete![^]*Destroy complete!/);
    },
    DEPLOY_TIMEOUT_MS,
  );
});
