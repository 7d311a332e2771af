import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeAws } from '../support/fake-aws.ts';
import { fastForward, useFakeClock } from '../support/fake-clock.ts';
import { run } from '../support/run.ts';
import { copyId, FakeAccount, NOW, sourceId } from './fake-account.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const RETIRED = { state: 'retired', at: '2026-11-29T09:00:00.000Z', quarantineDays: 7 } as const;

let aws: FakeAws;
let payments: FakeAccount;
let web: FakeAccount;

useFakeClock(NOW);

beforeEach(() => {
  aws = new FakeAws();
  payments = new FakeAccount(aws.in(PAYMENTS), PAYMENTS);
  web = new FakeAccount(aws.in(WEB), WEB);
  for (const account of [payments, web]) {
    for (const number of [1, 2]) account.addCopy(number, number === 1 ? { end: RETIRED } : {});
    account.onMessage = () => {
      setTimeout(() => {
        account.mark(1, undefined);
      }, 10_000);
    };
  }
});

async function restore(...args: readonly string[]) {
  const accounts = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'operator', '--json'];
  const { code, out, err } = await fastForward(run(['restore', ...args, ...accounts], { aws }));
  const lines =
    out === '' ? [] : (JSON.parse(out) as { imageId: string; state: string; reasons: { code: string }[] }[]);
  return {
    code,
    err,
    lines: lines.map(({ imageId, state, reasons }) => [imageId, state, ...reasons.map((reason) => reason.code)]),
  };
}

describe('restore', () => {
  it('asks each account, and waits until the image can be launched', async () => {
    expect(await restore(sourceId(1))).toEqual({
      code: 0,
      err: '',
      lines: [
        [copyId(1), 'restored'],
        [copyId(1), 'restored'],
      ],
    });
    expect(payments.messages).toEqual([{ restore: { images: [sourceId(1)] } }]);
  });

  it('does not wait for a revoked image', async () => {
    web.mark(1, { state: 'revoked', at: NOW });
    web.onMessage = () => undefined;

    const { code, lines } = await restore(sourceId(1));

    expect(code).toBe(1);
    expect(lines).toEqual([
      [copyId(1), 'restored'],
      [copyId(1), 'stays', 'Revoked'],
    ]);
  });

  it('lets a removed image be made again, and says that it is not back yet', async () => {
    web.remove(1);
    payments.remove(1);
    web.ended.set(sourceId(1), { kind: 'retired', at: NOW, reason: '' });
    web.onMessage = () => {
      web.ended.delete(sourceId(1));
    };

    const { code, lines } = await restore(sourceId(1));

    expect(code).toBe(1);
    expect(lines).toEqual([[sourceId(1), 'removed', 'Removed']]);
    expect(payments.messages).toEqual([]);
  });

  it('names an image that somebody else has disabled', async () => {
    payments.mark(1, undefined);
    web.mark(1, undefined);
    for (const image of web.images) image.State = 'disabled';
    web.onMessage = () => undefined;

    const { code, lines } = await restore(copyId(1));

    expect(code).toBe(1);
    expect(lines).toEqual([
      [copyId(1), 'restored'],
      [copyId(1), 'stays', 'NotRetired'],
    ]);
  });

  it('says where nothing has happened when the time is over', async () => {
    web.onMessage = () => undefined;

    const { code, lines, err } = await restore(sourceId(1), '--timeout', '1');

    expect(code).toBe(1);
    expect(lines[1]).toEqual([copyId(1), 'waiting']);
    expect(err).toContain('The time (1 minutes) is over');
  });

  it('rejects an image that no account has', async () => {
    expect(await restore('ami-0ff')).toMatchObject({ code: 2, lines: [] });
  });
});
