import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, it } from '@jest/globals';
import { formatFailedTries, isTriedAgain, readFailedTries } from '../../../tool/common/failed-tries.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { failedCopy, logsOf, retriedRequest } from '../support/function-logs.ts';

const ACCOUNT = '222222222222';
const IMAGE = 'ami-0a';
const START = Date.parse('2026-11-29T10:00:00.000Z');
const SINCE = START - 3_600_000;

/** At so many seconds after the start. */
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
const line = (outcome: string, seconds: number) => ({ timestamp: at(seconds), sourceImage: IMAGE, outcome });

async function read(lines: Parameters<typeof logsOf>[2]) {
  const aws = new FakeAws();
  logsOf(aws, ACCOUNT, lines);
  const tries = await readFailedTries(
    { name: 'image-copier', aws: aws.connect({ roleArn: `arn:aws:iam::${ACCOUNT}:role/reader` }) },
    SINCE,
  );
  return Object.fromEntries(tries);
}

describe('the tries that have failed', () => {
  const FAILED = failedCopy(IMAGE, at(0), { reason: 'KMS key is disabled' });

  it.each<[string, Parameters<typeof logsOf>[2], object]>([
    [
      'a copy that EC2 failed to make',
      { 'settle-copy': [FAILED] },
      { [IMAGE]: { count: 1, reason: 'KMS key is disabled', nextTryAt: at(300) } },
    ],
    [
      'a copy that EC2 failed to make again, after requests that it would not take',
      {
        'copy-image': [line('started', -9), retriedRequest(IMAGE, at(300), { tries: 1 }), line('started', 345)],
        'settle-copy': [failedCopy(IMAGE, at(400), { attempt: 2, reason: 'KMS key is gone' }), FAILED],
      },
      { [IMAGE]: { count: 2, reason: 'KMS key is gone', nextTryAt: at(700) } },
    ],
    [
      'requests that EC2 would not take, after a copy that it failed to make',
      {
        'copy-image': [retriedRequest(IMAGE, at(300), { tries: 2, reason: 'too many copies', retryInSeconds: 60 })],
        'settle-copy': [FAILED],
      },
      { [IMAGE]: { count: 3, reason: 'too many copies', nextTryAt: at(360) } },
    ],
    [
      'each image by itself',
      { 'copy-image': [retriedRequest('ami-0b', at(0))], 'settle-copy': [FAILED] },
      { [IMAGE]: { count: 1 }, 'ami-0b': { count: 1 } },
    ],
    [
      'a next try that has begun',
      { 'copy-image': [line('started', 300)], 'settle-copy': [FAILED] },
      { [IMAGE]: { count: 1, reason: 'KMS key is disabled' } },
    ],
    [
      'nothing once a request that was not taken is',
      { 'copy-image': [retriedRequest(IMAGE, at(0)), line('started', 45)] },
      {},
    ],
    ['nothing of a copy that is settled', { 'settle-copy': [FAILED, line('settled', 900)] }, {}],
    ['nothing of a copy that was given up', { 'settle-copy': [FAILED, line('givenUp', 900)] }, {}],
    [
      'nothing of a request that was refused',
      { 'copy-image': [retriedRequest(IMAGE, at(0)), line('refused', 45)] },
      {},
    ],
    [
      'the same while it waits, and whatever other lines there are',
      { 'copy-image': ['START RequestId: 1', '"text"', '{}'], 'settle-copy': [FAILED, line('putOff', 60)] },
      { [IMAGE]: { count: 1 } },
    ],
    [
      'what functions log that tell neither the number nor the time',
      {
        'copy-image': [
          { ...line('retried', 0), reason: { message: 'too many copies' } },
          { ...line('retried', 45), reason: { message: 'too many copies' } },
        ],
      },
      { [IMAGE]: { count: 2, reason: 'too many copies' } },
    ],
    [
      'no time that cannot be',
      {
        'settle-copy': [
          { ...FAILED, retryInSeconds: 1e300 },
          { ...FAILED, timestamp: 'x' },
        ],
      },
      {},
    ],
  ])('are %s', async (_what, lines, expected) => {
    const tries = await read(lines);

    expect(tries).toMatchObject(expected);
    expect(Object.keys(tries).sort()).toEqual(Object.keys(expected).sort());
  });

  it('are looked for in the lines about images alone, and no further back', async () => {
    const aws = new FakeAws();
    const services = logsOf(aws, ACCOUNT, {});
    await readFailedTries(
      { name: 'golden', aws: aws.connect({ roleArn: `arn:aws:iam::${ACCOUNT}:role/reader` }) },
      SINCE,
    );

    expect(services.logs.commandCalls(FilterLogEventsCommand).map(({ args: [{ input }] }) => input)).toEqual(
      ['copy-image', 'settle-copy'].map((name) =>
        expect.objectContaining({
          logGroupName: `/aws/lambda/golden-${name}`,
          startTime: SINCE,
          filterPattern: '"sourceImage"',
        }),
      ),
    );
  });

  it('are none where the functions have no logs', async () => {
    const aws = new FakeAws();
    aws
      .in(ACCOUNT)
      .logs.on(FilterLogEventsCommand)
      .rejects(Object.assign(new Error('The log group does not exist.'), { name: 'ResourceNotFoundException' }));

    const tries = await readFailedTries(
      { name: 'image-copier', aws: aws.connect({ roleArn: `arn:aws:iam::${ACCOUNT}:role/reader` }) },
      SINCE,
    );

    expect([...tries]).toEqual([]);
  });
});

describe('a failed try in words', () => {
  const tries = { count: 1, reason: 'KMS key is disabled', nextTryAt: at(270) };

  it.each([
    [tries, 0, 'failed once: KMS key is disabled; next try in 4 min'],
    [
      { ...tries, count: 2, reason: 'It is not shared. Share it.' },
      260,
      'failed twice: It is not shared. Share it; next try in 10 s',
    ],
    [{ ...tries, count: 3 }, 270, 'failed 3 times: KMS key is disabled; next try is due'],
    [{ count: 1, reason: 'KMS key is disabled' }, 0, 'failed once: KMS key is disabled'],
  ])('%j', (failed, seconds, text) => {
    expect(formatFailedTries(failed, START + seconds * 1000)).toBe(text);
  });

  it('promises a next try for half an hour after it is due', () => {
    const isAt = (seconds: number) => isTriedAgain(tries, START + seconds * 1000);

    expect([0, 270, 2069, 2070].map(isAt)).toEqual([true, true, true, false]);
    expect(isTriedAgain({ count: 1, reason: '' }, START)).toBe(false);
  });
});
