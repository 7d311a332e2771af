import { beforeEach, describe, expect, it } from '@jest/globals';
import { noteResult, watchAwaited, watchRequest, type GivenResult } from '../../src/core/watch-requests.ts';
import { ACCOUNT, delivery, FakeWatch, NOW_MS, requestJson, SOURCE_IMAGE, watchContext } from '../factories.ts';

const OTHER = '333333333333';
const DAY_MS = 86_400_000;
let watch: FakeWatch;

beforeEach(() => {
  watch = new FakeWatch();
});

const bodyFor = (targetAccounts: unknown) => JSON.stringify({ ...requestJson, targetAccounts });

const result = (changes: Partial<GivenResult> = {}): GivenResult => ({
  sourceAmi: SOURCE_IMAGE,
  account: ACCOUNT,
  settledAt: new Date(NOW_MS + 1000).toISOString(),
  reason: null,
  ...changes,
});

describe('watchRequest', () => {
  const publish = (body: string) => watchRequest(delivery({ body }), watchContext(watch));

  it('leaves nothing of a request that all listed accounts hear, but waits for their results', async () => {
    expect(await publish(JSON.stringify(requestJson))).toEqual({ outcome: 'heard', sourceImage: SOURCE_IMAGE });

    expect(watch.reported).toEqual([]);
    expect(watch.awaited).toEqual([{ body: JSON.stringify(requestJson), requestedAtMs: NOW_MS }]);
  });

  it('waits for every account that has subscribed, where the request is for all', async () => {
    await publish(bodyFor(['*', OTHER]));

    expect(watch.reported).toEqual([]);
    expect(watch.awaited.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { ...requestJson, targetAccounts: [ACCOUNT, OTHER] },
    ]);
  });

  it.each([
    ['a list of numbers', [222222222222], /: 222222222222 is no account id in quotes\.$/],
    ['null', null, /targetAccounts must be a list of account ids/],
    ['nothing', undefined, /targetAccounts must be a list of account ids/],
    ['a list of objects', [{ id: ACCOUNT }], /targetAccounts\[0\]/],
    ['a text', `${ACCOUNT},${OTHER}`, /targetAccounts must be a list of account ids/],
    ['an empty list', [], /targetAccounts is empty/],
    ['ids that nobody subscribed for', ['444444444444', '555555555555'], /444444444444 has not subscribed, 5{12} has/],
  ])('reports a request whose targetAccounts is %s, with the reason and the message', async (_, accounts, why) => {
    const body = bodyFor(accounts);

    expect(await publish(body)).toMatchObject({ outcome: 'unheard' });

    expect(watch.reported).toEqual([
      { body, reason: { code: expect.any(String), message: expect.stringMatching(why) }, requestedAtMs: NOW_MS },
    ]);
    expect(watch.awaited).toEqual([]);
  });

  it('reports what is no JSON', async () => {
    await publish('{"sourceAmi":');

    expect(watch.reported.map(({ reason }) => reason.code)).toEqual(['InvalidRequest']);
  });

  it('reports a request for everybody that nobody hears', async () => {
    watch.subscribed = [];
    await publish(bodyFor(['*']));

    expect(watch.reported.map(({ reason }) => reason)).toEqual([
      { code: 'Unheard', message: 'No copier hears it: "*", since no account has subscribed.' },
    ]);
  });

  it('reports those of the listed accounts that do not hear it, once each, and waits for the others', async () => {
    await publish(bodyFor([ACCOUNT, '444444444444', '444444444444', ACCOUNT]));

    expect(watch.reported.map(({ reason }) => reason.message)).toEqual([
      'No copier hears it: 444444444444 has not subscribed.',
    ]);
    expect(watch.awaited.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { ...requestJson, targetAccounts: [ACCOUNT] },
    ]);
  });

  it('reports what no account can be, and waits for the accounts beside it, also one that had lost its zeros', async () => {
    watch.subscribed.push('086385474502');
    await publish(bodyFor([ACCOUNT, '86385474502', 'prod', 333333333333]));

    expect(watch.reported.map(({ reason }) => reason.message)).toEqual([
      'No copier hears it: "prod" is no account id in quotes, 333333333333 is no account id in quotes.',
    ]);
    expect(watch.awaited.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { ...requestJson, targetAccounts: [ACCOUNT, '086385474502'] },
    ]);
  });

  it('names at most 20 accounts', async () => {
    watch.subscribed = [];
    await publish(bodyFor(Array.from({ length: 1000 }, (_, index) => String(444444440000 + index))));

    expect(watch.reported[0]?.reason.message).toMatch(/444444440019 has not subscribed and 980 more\.$/);
  });
});

describe('watchAwaited', () => {
  const body = JSON.stringify(requestJson);
  const look = (requestedAtMs = NOW_MS) => watchAwaited(delivery({ body }), requestedAtMs, watchContext(watch));

  it.each([
    ['12 hours at most', 0, 11 * 3600],
    ['until the time is over', DAY_MS - 60_500, 61],
  ])('waits on, %s', async (_, passedMs, seconds) => {
    watch.nowMs += passedMs;

    expect(await look()).toEqual({ outcome: 'awaited', sourceImage: SOURCE_IMAGE });
    expect(watch.postponed).toEqual([{ receiptHandle: 'receipt-1', seconds }]);
    expect(watch.reported).toEqual([]);
  });

  it('has nothing to say when each account has given its result, a failure too', async () => {
    watch.noted.push(result(), result({ account: OTHER, reason: 'the key is disabled' }));
    watch.nowMs += DAY_MS;

    expect(await look()).toEqual({ outcome: 'answered', sourceImage: SOURCE_IMAGE });
    expect(watch.reported).toEqual([]);
  });

  it('names an account that gave none, with a request that asks it alone', async () => {
    watch.noted.push(result(), result({ account: OTHER, sourceAmi: 'ami-0ff' }));
    watch.nowMs += DAY_MS;

    const reason = { code: 'Overdue', message: `No result of ${SOURCE_IMAGE} within 24 h: ${OTHER}.` };
    expect(await look()).toEqual({ outcome: 'overdue', sourceImage: SOURCE_IMAGE, reason });
    expect(watch.reported).toEqual([
      { body: JSON.stringify({ ...requestJson, targetAccounts: [OTHER] }), reason, requestedAtMs: NOW_MS },
    ]);
  });

  it('takes a copy of an earlier request for the answer to a repeated one, but not an earlier failure', async () => {
    const before = new Date(NOW_MS - DAY_MS).toISOString();
    watch.noted.push(
      result({ settledAt: before }),
      result({ account: OTHER, settledAt: before, reason: 'the key is disabled' }),
    );
    watch.nowMs += DAY_MS;

    expect((await look()).reason?.message).toBe(`No result of ${SOURCE_IMAGE} within 24 h: ${OTHER}.`);
  });
});

describe('noteResult', () => {
  const message = (detail: object, source = 'image-copier') =>
    JSON.stringify({ source, 'detail-type': 'Image Copied', detail });

  it('notes how a copy ended', async () => {
    expect(await noteResult(message({ ...result(), imageId: 'ami-0aa', tags: {} }), watchContext(watch))).toEqual({
      outcome: 'noted',
      sourceImage: SOURCE_IMAGE,
    });
    expect(watch.noted).toEqual([result()]);
  });

  it('notes a revocation as the end of the copies that are asked for', async () => {
    const revoked = { sourceAmi: SOURCE_IMAGE, account: ACCOUNT, reason: 'CVE-2026-1', at: result().settledAt };
    const body = JSON.stringify({ source: 'image-copier', 'detail-type': 'Image Revoked', detail: revoked });
    expect(await noteResult(body, watchContext(watch))).toEqual({ outcome: 'noted', sourceImage: SOURCE_IMAGE });
    expect(watch.noted).toEqual([result({ reason: 'Revoked: CVE-2026-1' })]);
  });

  it.each(['Image Quarantined', 'Image Retired', 'Image Kept', 'Image Restored', 'Revocation Undone'])(
    'leaves alone what is told of the end of images: %s',
    async (detailType) => {
      const body = JSON.stringify({ source: 'image-copier', 'detail-type': detailType, detail: { sourceAmi: null } });
      expect(await noteResult(body, watchContext(watch))).toEqual({ outcome: 'passed' });
      expect(watch.noted).toEqual([]);
    },
  );

  it.each([
    ['no JSON', 'copied'],
    ['of another source', message(result(), 'somebody')],
    ['of no image', message(result({ sourceAmi: '../results' }))],
    ['of no account', message(result({ account: '*' }))],
    ['without an end', message(result({ settledAt: undefined as unknown as string }))],
  ])('passes over a message that is %s', async (_, body) => {
    expect(await noteResult(body, watchContext(watch))).toEqual({ outcome: 'unknown' });
    expect(watch.noted).toEqual([]);
  });
});
