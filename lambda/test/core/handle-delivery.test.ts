import { beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/core/asked-requests.ts';
import { parseCopyRequest } from '../../src/core/copy-request.ts';
import { PaceRefusedError, RejectedError, RetryableError, UncertainError } from '../../src/core/errors.ts';
import { handleDelivery } from '../../src/core/handle-delivery.ts';
import type { Delivery } from '../../src/core/request-queue.ts';
import {
  delivery,
  FakeCatalogue,
  FakeEnded,
  FakeQueue,
  FakeRequests,
  imageCopy,
  NOW_MS,
  requestJson,
  SOURCE_IMAGE,
  sourceImage,
  target,
} from '../factories.ts';

const SIX_HOURS = 6 * 60 * 60;
let catalogue: FakeCatalogue;
const ended = new FakeEnded();
let queue: FakeQueue;
let refusals: FakeRequests;

beforeEach(() => {
  catalogue = new FakeCatalogue();
  queue = new FakeQueue();
  refusals = new FakeRequests();
  ended.ends.clear();
});

function context(retrySeconds = SIX_HOURS) {
  return { target, retrySeconds, catalogue, ended, refusals, queue, nowMs: () => NOW_MS, random: () => 0.5 };
}

function run(changes: Partial<Delivery> = {}) {
  return handleDelivery(delivery(changes), context());
}

describe('handleDelivery', () => {
  it('reports a copy that it started', async () => {
    expect(await run()).toEqual({
      outcome: 'started',
      messageId: 'message-1',
      sourceImage: SOURCE_IMAGE,
      copy: 'ami-0bbbbbbbbbbbbbbbb',
      waitedSeconds: 0,
    });
  });

  it.each([
    ['started', undefined],
    ['retried', new RetryableError('ResourceLimitExceeded', 'too many copies')],
  ])('names what no account can be in a request that is %s', async (outcome, startError) => {
    catalogue.startError = startError;
    const body = JSON.stringify({ ...requestJson, targetAccounts: ['*', '22'] });

    expect(await run({ body })).toMatchObject({
      outcome,
      badAccounts: { count: 1, first: ['targetAccounts[1]: "22"'] },
    });
  });

  it('says why a copy in a hurry is made at the pace of EC2', async () => {
    catalogue.paceError = new PaceRefusedError('ResourceLimitExceeded', 'no throughput is left');

    const ownPace = { code: 'ResourceLimitExceeded', message: 'no throughput is left' };
    expect(await run({ body: JSON.stringify({ ...requestJson, withinMinutes: 15 }) })).toMatchObject({
      outcome: 'started',
      ownPace,
    });
  });

  it('tells how long a request has waited for its copy', async () => {
    expect(await run({ sentAtMs: NOW_MS - 90_500 })).toMatchObject({ outcome: 'started', waitedSeconds: 90.5 });
  });

  it('reports a copy that was there', async () => {
    catalogue.copies = [imageCopy()];

    expect(await run()).toStrictEqual({
      outcome: 'reused',
      messageId: 'message-1',
      sourceImage: SOURCE_IMAGE,
      copy: 'ami-0aaaaaaaaaaaaaaaa',
    });
  });

  it('reports a request for others', async () => {
    const body = JSON.stringify({ ...requestJson, targetAccounts: ['333333333333'] });

    expect(await run({ body })).toStrictEqual({
      outcome: 'ignored',
      messageId: 'message-1',
      sourceImage: SOURCE_IMAGE,
    });
  });

  it('puts a bad message with its reason into the dead-letter queue at once', async () => {
    const bad = delivery({ body: 'hello' });
    const reason = { code: 'InvalidRequest', message: expect.stringContaining('not JSON') as unknown };

    expect(await run(bad)).toMatchObject({ outcome: 'refused', reason });
    expect(queue.deadLetters).toEqual([{ body: bad.body, reason, requestedAtMs: NOW_MS, receiveCount: 1 }]);
    expect(queue.postponed).toEqual([]);
  });

  it('puts a rejected request with its reason into the dead-letter queue', async () => {
    catalogue.startError = new RejectedError('InvalidRequest', 'no Marketplace images');

    expect(await run()).toMatchObject({ outcome: 'refused', sourceImage: SOURCE_IMAGE });
    expect(queue.deadLetters).toMatchObject([{ reason: { code: 'InvalidRequest', message: 'no Marketplace images' } }]);
  });

  it('hides a request that may work later, for longer each time', async () => {
    catalogue.startError = new RetryableError('ResourceLimitExceeded', 'too many copies');

    expect(await run()).toMatchObject({ outcome: 'retried', tries: 1, retryInSeconds: 45 });
    expect(await run({ receiveCount: 5 })).toMatchObject({ outcome: 'retried', tries: 5, retryInSeconds: 675 });
    expect(queue.postponed.map(({ seconds }) => seconds)).toEqual([45, 675]);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each([
    ['tries on until the time is over', SIX_HOURS - 1, 'retried'],
    ['gives up when the time is over', SIX_HOURS, 'refused'],
  ])('%s', async (_what, ageSeconds, outcome) => {
    catalogue.source = undefined;

    expect(await run({ sentAtMs: NOW_MS - ageSeconds * 1000 })).toMatchObject({ outcome });
  });

  it.each([
    ['tries on for an hour, and says that somebody should look', 3599, { outcome: 'retried', uncertain: true }],
    ['gives up after an hour', 3600, { outcome: 'refused' }],
  ])('%s where it is not known whether that helps', async (_what, ageSeconds, expected) => {
    catalogue.startError = new UncertainError('UnauthorizedOperation', 'You are not authorized.');

    const { outcome, uncertain, reason } = await run({ sentAtMs: NOW_MS - ageSeconds * 1000 });

    expect({ outcome, ...(uncertain && { uncertain }) }).toEqual(expected);
    expect(reason?.code).toBe('UnauthorizedOperation');
    expect(queue.deadLetters).toHaveLength(outcome === 'refused' ? 1 : 0);
  });

  it('tries no longer than the time that is set, though an hour is not over', async () => {
    catalogue.startError = new UncertainError('UnauthorizedOperation', 'You are not authorized.');
    const body = JSON.stringify(requestJson);
    const result = await handleDelivery(delivery({ body, sentAtMs: NOW_MS - 60_000 }), context(60));

    expect(result.reason?.message).toBe('Gave up: tried 1 times for over 60 s. You are not authorized.');
  });

  it('is certain of an error that passes', async () => {
    catalogue.startError = new RetryableError('ResourceLimitExceeded', 'too many copies');

    expect(await run()).not.toHaveProperty('uncertain');
  });

  it('says why it gave up', async () => {
    catalogue.source = undefined;
    await run({ sentAtMs: 0, receiveCount: 40 });

    const [deadLetter] = queue.deadLetters;
    expect(deadLetter?.reason.code).toBe('SourceNotVisible');
    expect(deadLetter?.reason.message).toMatch(/^Gave up: tried 40 times for over 21600 s\. .* is not visible/);
  });

  it('tries again after a fault of its own', async () => {
    catalogue.startError = new TypeError('x is not a function');

    const reason = { code: 'InternalError', message: 'TypeError: x is not a function' };
    expect(await run()).toMatchObject({ outcome: 'retried', reason });
    expect(queue.postponed).toHaveLength(1);
  });

  it.each([
    ['deadLetter', 'hello'],
    ['postpone', undefined],
  ])('keeps the message when the queue fails to %s it', async (_what, body) => {
    queue.error = new Error('socket hang up');
    catalogue.source = undefined;

    const result = await run(body === undefined ? {} : { body });

    expect(result.outcome).toBe('retried');
    expect(result.error?.message).toBe('The queue could not be reached: socket hang up');
    expect(result.error?.cause).toBeInstanceOf(Error);
  });
});

describe('a request that is refused', () => {
  const tooManyTags = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag${index}`, '']));
  const body = JSON.stringify({ ...requestJson, tags: tooManyTags });

  it('is noted, so that no sweep asks the same again', async () => {
    expect(await run({ body })).not.toHaveProperty('notNoted');

    const digest = digestOf(parseCopyRequest(body));
    const reason = expect.stringMatching(/^InvalidTags: .* 53 tags/) as unknown;
    expect([...refusals.refusals]).toEqual([[SOURCE_IMAGE, { digest, at: new Date(NOW_MS).toISOString(), reason }]]);
  });

  it.each([
    ['is not shared', () => (catalogue.source = undefined)],
    ['belongs to nobody who is trusted', () => (catalogue.source = sourceImage({ ownerId: '999999999999' }))],
  ])('is not noted where the image %s', async (_what, change) => {
    change();
    expect(await run({ body })).toMatchObject({ outcome: 'refused' });
    expect(refusals.refusals.size).toBe(0);
  });

  it('is not noted where the account has noted the end of the image', async () => {
    ended.ends.set(SOURCE_IMAGE, { kind: 'revoked', at: '', reason: '' });
    expect(await run()).toMatchObject({ outcome: 'refused', reason: { code: 'ImageRevoked' } });
    expect(refusals.refusals.size).toBe(0);
  });

  it('is not noted where the image may come to be available again', async () => {
    catalogue.source = sourceImage({ state: 'disabled' });
    expect(await run()).toMatchObject({ outcome: 'refused', reason: { code: 'SourceNotCopyable' } });
    expect(refusals.refusals.size).toBe(0);
  });

  it('is not noted where time might have helped', async () => {
    catalogue.startError = new RetryableError('ResourceLimitExceeded', 'too many copies');
    expect(await run({ sentAtMs: 0 })).toMatchObject({ outcome: 'refused' });
    expect(refusals.refusals.size).toBe(0);
  });

  it('is done with though it cannot be noted', async () => {
    refusals.error = new Error('AccessDeniedException');
    expect(await run({ body })).toMatchObject({ outcome: 'refused', notNoted: 'AccessDeniedException' });
    expect(queue.deadLetters).toHaveLength(1);
  });

  it('is noted no sooner than it is in the dead-letter queue', async () => {
    queue.error = new Error('socket hang up');
    expect(await run({ body })).toMatchObject({ outcome: 'retried' });
    expect(refusals.refusals.size).toBe(0);
  });
});
