import { beforeEach, describe, expect, it } from '@jest/globals';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { copyId, FakeAccount, NOW } from '../retire/fake-account.ts';
import { FakeAws, type FakeServices } from '../support/fake-aws.ts';
import { useFakeClock } from '../support/fake-clock.ts';
import { run } from '../support/run.ts';
import type { StatusReport } from '../../../tool/status/report.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const KEEP_TWO = { keepNewest: 2, minAgeDays: 7, quarantineDays: 3, recipes: {} };

let aws: FakeAws;
let services: { readonly payments: FakeServices; readonly web: FakeServices };
let payments: FakeAccount;
let web: FakeAccount;

useFakeClock(NOW);

beforeEach(() => {
  aws = new FakeAws();
  services = { payments: aws.in(PAYMENTS), web: aws.in(WEB) };
  for (const { sqs } of Object.values(services)) {
    sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'https://dead-letters' });
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
  }
  payments = new FakeAccount(services.payments, PAYMENTS);
  web = new FakeAccount(services.web, WEB);
  for (const account of [payments, web]) {
    for (const number of [1, 2, 3, 4]) account.addCopy(number, { fullGib: number });
    account.current = copyId(4);
  }
});

const status = (...args: string[]) =>
  run(['status', '--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'reader', ...args], { aws });

async function storage() {
  const { out, err } = await status('--json');
  return { storage: (JSON.parse(out) as StatusReport).storage, err };
}

describe('what retention would free', () => {
  it('is added up by recipe over the accounts that have a policy', async () => {
    payments.retention = KEEP_TWO;

    expect(await storage()).toMatchObject({
      storage: [
        { recipe: 'ubuntu', copies: 8, gib: 20, freed: { copies: 2, gib: 3, dollarsPerMonth: expect.closeTo(0.15) } },
      ],
      err: '',
    });
  });

  it('is in the table', async () => {
    payments.retention = KEEP_TWO;

    const { out } = await status();

    expect(
      out
        .trimEnd()
        .split('\n')
        .slice(-2)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['RECIPE', 'COPIES', 'GIB', '$/MONTH', 'MAY GO', 'GIB FREED', '$/MONTH FREED'],
      ['ubuntu', '8', '20.0', '1.00', '2', '3.0', '0.15'],
    ]);
  });

  it('leaves out what images and parameters tell to stay, and asks about nothing else', async () => {
    payments.retention = { ...KEEP_TWO, keepNewest: 1 };
    const [image] = payments.images;
    image?.Tags?.push({ Key: 'keep', Value: '' });

    // Copy 4 is the newest, 3 the one to roll back to, and 1 has the tag.
    expect(await storage()).toMatchObject({ storage: [{ freed: { copies: 1, gib: 2 } }], err: '' });
    expect(services.payments.ec2.commandCalls(DescribeInstancesCommand)).toEqual([]);
    expect(services.payments.ssm.commandCalls(GetParametersByPathCommand)).toHaveLength(1);
  });

  it('leaves out what somebody wants to go and something uses', async () => {
    payments.retention = KEEP_TWO;
    for (const number of [1, 2]) payments.mark(number, { state: 'asked', at: NOW, quarantineDays: 3 });
    payments.inUse.add(copyId(2));

    expect(await storage()).toMatchObject({ storage: [{ freed: { copies: 1, gib: 1 } }], err: '' });
  });

  it('is not there without a policy, or where the copier is too old for one', async () => {
    const missing = Object.assign(new Error('no function'), { name: 'ResourceNotFoundException' });
    services.web.lambda.on(GetFunctionCommand).rejects(missing);

    const read = await storage();

    expect(read).toMatchObject({ storage: [{ copies: 8 }], err: '' });
    expect(read.storage?.[0]).not.toHaveProperty('freed');
    expect((await status()).out).not.toContain('MAY GO');
  });

  it('is not asked for where no policy could let anything go', async () => {
    for (const number of [1, 2, 3]) payments.remove(number);
    payments.retention = KEEP_TWO;

    await status();

    expect(services.payments.lambda.commandCalls(GetFunctionCommand)).toEqual([]);
    expect(services.web.lambda.commandCalls(GetFunctionCommand)).toHaveLength(1);
  });

  it('that cannot be read is said, and all else is shown', async () => {
    payments.retention = KEEP_TWO;
    const denied = Object.assign(new Error('You may not.'), { name: 'AccessDeniedException' });
    services.web.lambda.on(GetFunctionCommand).rejects(denied);

    const read = await storage();

    expect(read.storage).toMatchObject([{ copies: 8, freed: { copies: 2 } }]);
    expect(read.err).toContain(
      `${WEB}, eu-west-1: Why copies stay that are to go, and what retention would free, could not be read: Access denied: You may not.`,
    );
  });
});
