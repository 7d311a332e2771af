import { beforeEach, describe, expect, it } from '@jest/globals';
import { RejectedError, RetryableError, ThrottledError } from '../../src/core/errors.ts';
import type { CopyPlan } from '../../src/core/image-catalogue.ts';
import { PatientCatalogue } from '../../src/core/patient-catalogue.ts';
import { FakeCatalogue, imageCopy, NOW_MS, REGION, SOURCE_IMAGE, sourceImage, target } from '../factories.ts';

const throttled = new ThrottledError('RequestLimitExceeded', 'Request limit exceeded.');
const plan = (clientToken: string): CopyPlan => ({
  sourceImageId: SOURCE_IMAGE,
  sourceRegion: REGION,
  name: 'name',
  description: '',
  kmsKeyArn: target.kmsKeyArn,
  tags: [],
  clientToken,
});

/** An EC2 that answers each start with the next error, and counts how many go on at the same time. */
class ThrottlingCatalogue extends FakeCatalogue {
  errors: (Error | undefined)[] = [];
  readonly starts: string[] = [];
  atOnce = 0;
  mostAtOnce = 0;

  override async startCopy(copy: CopyPlan): Promise<string> {
    this.starts.push(copy.clientToken);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    await Promise.resolve();
    this.atOnce -= 1;
    const error = this.errors.shift();
    if (error) throw error;
    return `ami-${copy.clientToken}`;
  }
}

let ec2: ThrottlingCatalogue;
let patient: PatientCatalogue;
let nowMs: number;
let random: number;
let pauses: number[];

beforeEach(() => {
  ec2 = new ThrottlingCatalogue();
  nowMs = NOW_MS;
  random = 0.5;
  pauses = [];
  patient = new PatientCatalogue(ec2, {
    untilMs: NOW_MS + 5_000,
    nowMs: () => nowMs,
    random: () => random,
    pause: (ms) => {
      pauses.push(ms);
      nowMs += ms;
      return Promise.resolve();
    },
  });
});

describe('startCopy', () => {
  it('starts one copy at a time, in the order in which they are requested', async () => {
    const started = await Promise.all(['a', 'b', 'c'].map((token) => patient.startCopy(plan(token))));

    expect(started).toEqual(['ami-a', 'ami-b', 'ami-c']);
    expect(ec2.starts).toEqual(['a', 'b', 'c']);
    expect(ec2.mostAtOnce).toBe(1);
  });

  it("waits as long as EC2's bucket needs to refill, and asks for the same copy again", async () => {
    ec2.errors = [throttled, throttled];

    expect(await patient.startCopy(plan('a'))).toBe('ami-a');
    expect(ec2.starts).toEqual(['a', 'a', 'a']);
    expect(pauses).toEqual([1000, 1000]);
  });

  it.each([
    [0, 500],
    [0.999, 1499],
  ])('spreads the waits of several functions (random %d: %d ms)', async (anyRandom, waitMs) => {
    random = anyRandom;
    ec2.errors = [throttled];
    await patient.startCopy(plan('a'));

    expect(pauses).toEqual([waitMs]);
  });

  it('lets the later ones wait behind the one that is throttled', async () => {
    ec2.errors = [throttled];
    await Promise.all(['a', 'b'].map((token) => patient.startCopy(plan(token))));

    expect(ec2.starts).toEqual(['a', 'a', 'b']);
    expect(ec2.mostAtOnce).toBe(1);
  });

  it('ends no wait after the time is over', async () => {
    ec2.errors = Array.from({ length: 9 }, () => throttled);

    await expect(patient.startCopy(plan('a'))).rejects.toBe(throttled);
    expect(pauses).toEqual([1000, 1000, 1000, 1000, 1000]);
    expect(nowMs).toBe(NOW_MS + 5_000);
  });

  it('asks once for each copy that comes after that', async () => {
    nowMs = NOW_MS + 6_000;
    ec2.errors = [throttled, throttled];

    const results = await Promise.allSettled(['a', 'b', 'c'].map((token) => patient.startCopy(plan(token))));

    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(pauses).toEqual([]);
  });

  it.each([
    ['a limit', new RetryableError('ResourceLimitExceeded', 'too many copies')],
    ['a rejection', new RejectedError('InvalidRequest', 'no Marketplace images')],
    ['a fault', new TypeError('x is not a function')],
  ])('says %s at once, and goes on with the next copy', async (_what, error) => {
    ec2.errors = [error];

    const [first, second] = await Promise.allSettled([patient.startCopy(plan('a')), patient.startCopy(plan('b'))]);

    expect(first).toEqual({ status: 'rejected', reason: error });
    expect(second).toEqual({ status: 'fulfilled', value: 'ami-b' });
    expect(pauses).toEqual([]);
  });
});

it('answers all else as the catalogue does, without waiting', async () => {
  ec2.copies = [imageCopy()];
  ec2.answers = [['ami-1', 'available']];

  expect(await patient.findSource(SOURCE_IMAGE, REGION)).toEqual(sourceImage());
  expect(await patient.findCopies(SOURCE_IMAGE, REGION)).toEqual([imageCopy()]);
  expect(await patient.stateOf('ami-1')).toBe('available');
});
