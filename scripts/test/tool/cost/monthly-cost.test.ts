import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { monthlyCost, quantitiesOf, type CostPlan, type Quantities } from '../../../tool/cost/monthly-cost.ts';
import { PRICES } from '../../../tool/cost/prices.ts';
import { planWith } from './plan.ts';

const ONE = planWith({ accounts: 1, bakesPerDay: 24, keepDays: 10, keyRotations: 0 });
/** A month's. */
const DAYS = 730 / 24;
const dollarsOf = (plan: CostPlan, part: string) =>
  monthlyCost(plan).parts.find((each) => each.part === part)?.dollars ?? NaN;

const plans = fc.record({
  accounts: fc.integer({ min: 1, max: 10_000 }),
  regions: fc.integer({ min: 1, max: 50 }),
  bakesPerDay: fc.double({ min: 0.001, max: 10_000, noNaN: true }),
  imageGib: fc.double({ min: 0.001, max: 65_536, noNaN: true }),
  keepDays: fc.double({ min: 0.001, max: 3650, noNaN: true }),
  crossRegion: fc.boolean(),
  withinMinutes: fc.integer({ min: 1, max: 192 }).map((steps) => 15 * steps),
  keyRotations: fc.integer({ min: 0, max: 100 }),
  durationMs: fc.integer({ min: 1, max: 120_000 }),
  memoryMb: fc.integer({ min: 128, max: 10_240 }),
});

describe('the quantities of a month', () => {
  it('keeps each copy for its days, whole', () => {
    expect(quantitiesOf(ONE)).toMatchObject({ copiers: 1, copies: 730, keptCopies: 240, snapshotGib: 1920 });
  });

  it('counts copies in each account and Region', () => {
    expect(quantitiesOf({ ...ONE, accounts: 3, regions: 2 })).toMatchObject({
      ...{ copiers: 6, copies: 4380, keptCopies: 240, snapshotGib: 11_520 },
      ...{ keys: 6, dashboards: 2, alarms: 88 },
    });
  });

  it('wakes copy-image once a copy, settle-copy twice and every 15 minutes, and retire-image every day', () => {
    expect(quantitiesOf(ONE)).toMatchObject({
      copyInvocations: 730,
      settleInvocations: 2 * 730 + 4 * 730,
      retireInvocations: DAYS,
    });
  });

  it.each([
    [15, 0.02],
    [45, 0.018],
    [105, 0.016],
    [225, 0.014],
    [465, 0.012],
    [945, 0.01],
    [2880, 0.005],
  ])('bills each GiB that is copied within %i minutes, as EBS does', (withinMinutes, price) => {
    expect(dollarsOf({ ...ONE, withinMinutes }, 'EBS time-based copies')).toBeCloseTo(730 * 8 * price, 6);
    expect(dollarsOf(ONE, 'EBS time-based copies')).toBeNaN();
  });

  it('wakes the watch five times a request and once a result', () => {
    expect(quantitiesOf({ ...ONE, accounts: 3 })).toMatchObject({ watchInvocations: (5 + 3) * 730 });
  });

  it('bills the time and memory of each invocation', () => {
    const { gbSeconds } = quantitiesOf({ ...ONE, durationMs: 500, memoryMb: 512 });

    expect(gbSeconds).toBeCloseTo((13 * 730 + DAYS) * 0.5 * 0.5, 6);
  });

  it('polls the queues of a copier and three of the watch with five long polls at a time, and that of retirements with two', () => {
    const { standardQueueRequests, fifoQueueRequests } = quantitiesOf(ONE);

    expect(standardQueueRequests).toBeCloseTo((4 * 5 + 2) * 131_400 + 2 * (7 * 730 + DAYS), 6);
    expect(fifoQueueRequests).toBe(5 * 131_400 + 2 * 6 * 730);
  });

  it('bills a request of more than 64 KB as several, and what each filter reads of it', () => {
    const few = quantitiesOf({ ...ONE, accounts: 1000 });
    const many = quantitiesOf({ ...ONE, accounts: 5000 });

    expect(few.published).toBe(730 + 1000 * 730);
    expect(few.filteredGb).toBeCloseTo((730 * 1000 * 16_000) / 1e9, 6);
    expect(many.published).toBe(2 * 730 + 5000 * 730);
  });

  it.each([
    { bakesPerDay: 0, metrics: 0 },
    { bakesPerDay: 6, metrics: 1 },
    { bakesPerDay: 24, metrics: 4 },
    { bakesPerDay: 200, metrics: 4 },
  ])(
    'pays for two metrics in one hour a day, and for those of copies in hours with copies: $bakesPerDay a day make $metrics',
    ({ bakesPerDay, metrics }) => {
      expect(quantitiesOf({ ...ONE, bakesPerDay }).metrics).toBeCloseTo(2 / 24 + metrics, 9);
    },
  );

  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [7, 2],
  ])('bills of %d rotations of a key %d', (keyRotations, rotations) => {
    expect(quantitiesOf({ ...ONE, keyRotations }).rotations).toBe(rotations);
  });

  it('takes one copy of each recipe as full where copies are incremental', () => {
    expect(quantitiesOf({ ...ONE, incremental: { recipes: 10, gib: 0.5 } }).snapshotGib).toBe(10 * 8 + 230 * 0.5);
  });

  it('takes no more copies as full than there are', () => {
    expect(quantitiesOf({ ...ONE, incremental: { recipes: 10_000, gib: 0.5 } }).snapshotGib).toBe(240 * 8);
  });

  it('moves the copies of all Regions but one, if images are baked in one', () => {
    expect(quantitiesOf({ ...ONE, regions: 4, crossRegion: true }).transferGib).toBe(3 * 730 * 8);
    expect(quantitiesOf({ ...ONE, regions: 4 }).transferGib).toBe(0);
  });

  it('moves what an incremental copy adds, and no more', () => {
    const plan = { ...ONE, regions: 2, crossRegion: true, incremental: { recipes: 1, gib: 0.5 } };

    expect(quantitiesOf(plan).transferGib).toBe(730 * 0.5);
  });
});

describe('the cost of a month', () => {
  it.each([
    ['EBS snapshots', 1920 * 0.05],
    ['KMS keys', 1],
    ['KMS requests', (7300 / 10_000) * 0.03],
    ['CloudWatch dashboards', 3],
    ['CloudWatch alarms', 2],
    ['CloudWatch metrics', (4 + 2 / 24) * 0.3],
    ['CloudWatch Logs', (((13 * 730 + DAYS) * 3000) / 1e9) * (0.5 + (30 / (730 / 24)) * 0.03)],
    ['SQS', (2.901_02 + (2 * DAYS) / 1e6) * 0.4 + 0.665_76 * 0.5],
    ['Lambda', ((9490 + DAYS) / 1e6) * 0.2 + (9490 + DAYS) * 3 * 0.25 * 0.000_013_333_4],
    ['SNS', 0.001_46 * 0.5 + ((730 * 1015) / 1e9) * 0.09],
    ['EventBridge', 0.000_73],
    ['SSM parameters', 0],
  ])('has %s at %d dollars', (part, dollars) => {
    expect(dollarsOf(ONE, part)).toBeCloseTo(dollars, 9);
  });

  it('is at most five dollars for an account more in which nothing happens, its key rotated twice', () => {
    const idle = (accounts: number) => monthlyCost(planWith({ accounts, bakesPerDay: 0, keyRotations: 2 })).dollars;

    expect(idle(2) - idle(1)).toBeLessThanOrEqual(5);
  });

  it('adds two dollars for two rotations of a key', () => {
    expect(dollarsOf({ ...ONE, keyRotations: 2 }, 'KMS keys')).toBe(3);
  });

  it('takes the prices that it is given', () => {
    const prices = { ...PRICES, snapshot: { ...PRICES.snapshot, dollars: 1 } };

    expect(monthlyCost(ONE, prices).parts[0]).toMatchObject({ part: 'EBS snapshots', dollars: 1920 });
  });

  it('is the sum of its parts, of which none is negative or no number', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { parts, dollars } = monthlyCost(plan);
        expect(dollars).toBe(parts.reduce((sum, part) => sum + part.dollars, 0));
        for (const part of parts) expect(part.dollars).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('rises with accounts, bakes, sizes and days', () => {
    const growing = fc.constantFrom('accounts', 'regions', 'bakesPerDay', 'imageGib', 'keepDays');
    fc.assert(
      fc.property(plans, growing, (plan, name) => {
        const more = { ...plan, [name]: plan[name] * 2 };
        expect(monthlyCost(more).dollars).toBeGreaterThan(monthlyCost(plan).dollars);
      }),
    );
  });

  it('is no more where copies are incremental', () => {
    fc.assert(
      fc.property(
        plans,
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (plan, recipes, share) => {
          const incremental = { recipes, gib: share * plan.imageGib };
          const all = (quantities: Quantities) => quantities.snapshotGib + quantities.transferGib;
          expect(all(quantitiesOf({ ...plan, incremental }))).toBeLessThanOrEqual(
            all(quantitiesOf(plan)) * (1 + 1e-12),
          );
        },
      ),
    );
  });
});
