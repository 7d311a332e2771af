import { beforeEach, describe, expect, it } from '@jest/globals';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { FakeAws } from '../support/fake-aws.ts';
import { fastForward, useFakeClock } from '../support/fake-clock.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';
import { copyId, FakeAccount, NOW, sourceId } from './fake-account.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';

let aws: FakeAws;
let payments: FakeAccount;
let web: FakeAccount;

useFakeClock(NOW);

beforeEach(() => {
  aws = new FakeAws();
  payments = new FakeAccount(aws.in(PAYMENTS), PAYMENTS);
  web = new FakeAccount(aws.in(WEB), WEB);
  for (const account of [payments, web]) {
    for (const number of [1, 2, 3, 4]) account.addCopy(number, { fullGib: number });
    account.current = copyId(4);
  }
});

function retire(args: readonly string[], terminal = new FakeTerminal()) {
  const accounts = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'operator'];
  return fastForward(run(['retire', ...args, ...accounts], { aws, terminal }));
}

interface Line {
  readonly accountId: string;
  readonly imageId: string;
  readonly state: string;
  readonly reasons: readonly { readonly code: string }[];
}

async function linesOf(args: readonly string[]) {
  const { code, out, err } = await retire([...args, '--json']);
  const lines = JSON.parse(out) as Line[];
  return {
    code,
    err,
    lines: lines.map(({ accountId, imageId, state, reasons }) => ({
      accountId,
      imageId,
      state,
      codes: reasons.map((reason) => reason.code),
    })),
  };
}

/** What the function does where nothing is in the way. */
function quarantine(account: FakeAccount, number: number): void {
  account.onMessage = ({ retire: asked }) => {
    account.mark(number, { state: 'retired', at: NOW, quarantineDays: asked?.quarantineDays ?? 0 });
  };
}

describe('retire --dry-run', () => {
  it('names each image, why it stays, and its size', async () => {
    payments.inUse.add(copyId(2));

    const { code, out, err } = await retire([sourceId(1), sourceId(2), '--dry-run']);

    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['ACCOUNT', 'REGION', 'IMAGE', 'RECIPE', 'GIB', '$/MONTH', 'STATE', 'REASON'],
      [PAYMENTS, 'eu-west-1', 'ami-c01', 'ubuntu', '1.0', '0.05', 'would be in quarantine for 7 days'],
      [PAYMENTS, 'eu-west-1', 'ami-c02', 'ubuntu', '2.0', '0.10', 'stays', 'The instance i-of-ami-c02 uses it.'],
      [WEB, 'eu-west-1', 'ami-c01', 'ubuntu', '1.0', '0.05', 'would be in quarantine for 7 days'],
      [WEB, 'eu-west-1', 'ami-c02', 'ubuntu', '2.0', '0.10', 'would be in quarantine for 7 days'],
      [''],
    ]);
    expect(err).toBe(
      'GiB are the full sizes of snapshots. Blocks that other snapshots hold too are freed with the last of them.\n',
    );
    expect(aws.in(PAYMENTS).sqs.commandCalls(SendMessageCommand)).toEqual([]);
  });

  it('keeps the newest image and the one to go back to', async () => {
    const { code, lines } = await linesOf([sourceId(3), sourceId(4), '--dry-run']);

    expect(code).toBe(0);
    expect(lines.filter(({ accountId }) => accountId === PAYMENTS)).toEqual([
      { accountId: PAYMENTS, imageId: copyId(3), state: 'stays', codes: ['Rollback'] },
      { accountId: PAYMENTS, imageId: copyId(4), state: 'stays', codes: ['Newest', 'Parameter'] },
    ]);
  });

  it('tells sizes of volumes apart where EC2 tells no full size', async () => {
    payments.addCopy(5);

    const { out, err } = await retire([copyId(5), '--dry-run']);

    expect(out).toContain('<8.0  0.40');
    expect(err).toContain('with < those of the volumes');
  });

  it('shows without an image what the retention policy would let go, by recipe', async () => {
    payments.retention = { keepNewest: 2, minAgeDays: 7, quarantineDays: 3, recipes: {} };
    payments.inUse.add(copyId(1));

    const { code, out, err } = await retire(['--dry-run']);

    expect(code).toBe(0);
    expect(out).toContain('would be in quarantine for 3 days');
    expect(out).toContain('The instance i-of-ami-c01 uses it.');
    expect(out).toMatch(/ubuntu +4 +1 +1 +2\.0 +0\.10\n/);
    expect(err).toContain(`${WEB}, eu-west-1: It has no retention policy (input retention).\n`);
    expect(payments.messages).toEqual([]);
  });

  it('rejects an image that no account has', async () => {
    expect(await retire(['ami-0ff', '--dry-run'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: None of the chosen accounts has the image ami-0ff, or a copy of it.\n',
    });
  });

  it('names an account whose copier is too old', async () => {
    aws
      .in(WEB)
      .lambda.on(GetFunctionCommand)
      .rejects(Object.assign(new Error('none'), { name: 'ResourceNotFoundException' }));

    const { code, err } = await retire([copyId(1), '--dry-run']);

    expect(code).toBe(1);
    expect(err).toContain(`${WEB}, eu-west-1: There is no function image-copier-retire-image. Deploy the copier`);
  });
});

describe('retire', () => {
  it('asks each account, and follows until the image is in quarantine', async () => {
    for (const account of [payments, web]) quarantine(account, 1);

    const { code, lines } = await linesOf([sourceId(1), '--yes', '--quarantine-days', '5']);

    expect(code).toBe(0);
    const state = 'quarantined until 2026-12-05T09:00Z';
    expect(lines).toEqual([
      { accountId: PAYMENTS, imageId: copyId(1), state, codes: [] },
      { accountId: WEB, imageId: copyId(1), state, codes: [] },
    ]);
    expect(payments.messages).toEqual([{ retire: { images: [copyId(1)], quarantineDays: 5 } }]);
  });

  it("takes the quarantine of the account's retention policy", async () => {
    payments.retention = {
      keepNewest: 2,
      minAgeDays: 7,
      quarantineDays: 3,
      recipes: { ubuntu: { quarantineDays: 2 } },
    };
    for (const account of [payments, web]) quarantine(account, 1);

    await retire([sourceId(1), '--yes']);

    expect(payments.messages).toEqual([{ retire: { images: [copyId(1)], quarantineDays: 2 } }]);
    expect(web.messages).toEqual([{ retire: { images: [copyId(1)], quarantineDays: 7 } }]);
  });

  it('waits until an image without quarantine is removed', async () => {
    payments.onMessage = () => {
      payments.mark(1, { state: 'retired', at: NOW, quarantineDays: 0 });
      setTimeout(() => {
        payments.remove(1);
      }, 20_000);
    };
    web.remove(1);

    const { code, lines } = await linesOf([sourceId(1), '--yes', '--quarantine-days', '0']);

    expect(code).toBe(0);
    expect(lines).toEqual([{ accountId: PAYMENTS, imageId: copyId(1), state: 'removed', codes: [] }]);
  });

  it('has an image noted that something uses, and says what', async () => {
    payments.inUse.add(copyId(1));
    payments.onMessage = () => {
      payments.mark(1, { state: 'asked', at: NOW, quarantineDays: 7 });
    };
    quarantine(web, 1);

    const { code, lines } = await linesOf([sourceId(1), '--yes']);

    expect(code).toBe(1);
    expect(lines[0]).toEqual({ accountId: PAYMENTS, imageId: copyId(1), state: 'stays', codes: ['Referenced'] });
    expect(lines[1]).toMatchObject({ state: 'quarantined until 2026-12-07T09:00Z' });
  });

  it('says what began to use an image after it was looked at', async () => {
    web.remove(1);
    payments.onMessage = () => {
      payments.inUse.add(copyId(1));
      payments.mark(1, { state: 'asked', at: NOW, quarantineDays: 7 });
    };

    const { code, lines } = await linesOf([sourceId(1), '--yes']);

    expect(code).toBe(1);
    expect(lines).toEqual([{ accountId: PAYMENTS, imageId: copyId(1), state: 'stays', codes: ['Referenced'] }]);
  });

  it('asks for nothing where the image is none of the copier', async () => {
    for (const account of [payments, web]) for (const image of account.images) image.Tags = [];

    const { code, lines } = await linesOf([copyId(1), '--yes']);

    expect(code).toBe(1);
    expect(lines.map(({ state, codes }) => [state, ...codes])).toEqual([
      ['stays', 'NotOurs'],
      ['stays', 'NotOurs'],
    ]);
    expect([...payments.messages, ...web.messages]).toEqual([]);
  });

  it('says where nothing has happened when the time is over', async () => {
    web.remove(1);

    const { code, out, err } = await retire([sourceId(1), '--yes', '--timeout', '2']);

    expect(code).toBe(1);
    expect(out).toMatch(/ami-c01 .* waiting/);
    expect(err).toContain('The time (2 minutes) is over, or you stopped it. It goes on in the accounts.');
  });

  it('asks first on a terminal, and sends nothing after a no', async () => {
    const terminal = new FakeTerminal({ columns: 120, answer: false });

    const { code, err } = await retire([sourceId(1)], terminal);

    expect(code).toBe(2);
    expect(terminal.questions).toEqual(['Retire 2 images? Type yes:']);
    expect(err).toMatch(/Error: Nothing was retired\.\n$/);
    expect(payments.messages).toEqual([]);
  });

  it.each([
    [[], 'Error: Name images, or add --dry-run to see what the retention policies would let go.\n'],
    [[copyId(1)], 'Error: There is no terminal to ask on. Add --yes to retire images without being asked.\n'],
  ])('rejects %j', async (args, err) => {
    expect(await retire(args)).toEqual({ code: 2, out: '', err });
  });
});
