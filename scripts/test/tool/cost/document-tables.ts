import { ASSUMED_DURATION_MS, ASSUMED_KEY_ROTATIONS, ASSUMPTIONS } from '../../../tool/cost/assumptions.ts';
import {
  COPIER,
  COPY_METRICS,
  DAILY_METRICS,
  EVENTS_PER_COPY,
  REQUESTS_PER_COPY,
  REQUESTS_PER_MESSAGE,
  RESULTS_PER_COPY,
  SOURCE,
  WATCH,
} from '../../../tool/cost/copier.ts';
import { monthlyCost, type CostPlan } from '../../../tool/cost/monthly-cost.ts';
import { PACE_PRICES, PRICES } from '../../../tool/cost/prices.ts';
import { count, formatDollars, formatShare } from '../../../tool/cost/words.ts';
import { planWith } from './plan.ts';

/** Rows of a table, its head first. */
export type Rows = readonly (readonly string[])[];

/** Every table of docs/cost.md, in its order. */
export function tablesOfDocument(): readonly Rows[] {
  return [byScale(), anAccountMore(), levers(), paces(), counts(), assumptions(), prices()];
}

/** What a plan costs: snapshots, all else, and both. */
function costOf(plan: CostPlan) {
  const { parts, dollars, quantities } = monthlyCost(plan);
  const snapshots = parts.find(({ part }) => part === 'EBS snapshots')?.dollars ?? NaN;
  return { ...quantities, snapshots, rest: dollars - snapshots, dollars };
}

function byScale(): Rows {
  const head = [
    'Accounts',
    'Bakes a day',
    'Copies in each',
    'GiB in all',
    'Snapshots, $',
    'All else, $',
    'Total, $',
    'Snapshots',
  ];
  const rows = [50, 200, 1000].flatMap((accounts) =>
    [10, 50, 200].map((bakesPerDay) => {
      const { keptCopies, snapshotGib, snapshots, rest, dollars } = costOf(planWith({ accounts, bakesPerDay }));
      return [
        ...[accounts, bakesPerDay, keptCopies, snapshotGib].map(count),
        ...[snapshots, rest, dollars].map((amount) => count(Math.round(amount))),
        formatShare(snapshots, dollars),
      ];
    }),
  );
  return [head, ...rows];
}

/** What the second account costs more than the first, without any bake. */
function anAccountMore(): Rows {
  const idle = (accounts: number, keyRotations: number) =>
    monthlyCost(planWith({ accounts, bakesPerDay: 0, keyRotations }));
  const more = (keyRotations: number) => {
    const [one, two] = [idle(1, keyRotations), idle(2, keyRotations)];
    const parts = two.parts.map(
      ({ part, dollars }, index) => [part, dollars - (one.parts[index]?.dollars ?? NaN)] as const,
    );
    return new Map([...parts, ['Total', two.dollars - one.dollars] as const]);
  };
  const [fresh, rotated] = [more(0), more(ASSUMED_KEY_ROTATIONS)];
  const rows = Array.from(rotated)
    .filter(([, dollars]) => dollars > 0)
    .map(([part, dollars]) => [part, formatDollars(fresh.get(part) ?? NaN), formatDollars(dollars)]);
  return [['Part', 'Key not rotated yet, $', 'Key rotated twice or more, $'], ...rows];
}

function levers(): Rows {
  const base = costOf(planWith()).dollars;
  const plans: readonly (readonly [string, Partial<CostPlan>])[] = [
    ['As above: 200 accounts, 50 bakes a day, 8 GiB, 30 days', {}],
    ['Kept for 7 days', { keepDays: 7 }],
    ['Kept for 2 days', { keepDays: 2 }],
    ['The newest 3 of each of 10 recipes', { newest: { recipes: 10, copies: 3 } }],
    ['4 GiB in an image', { imageGib: 4 }],
    ['25 bakes a day', { bakesPerDay: 25 }],
    ['Incremental: 10 recipes, 1 GiB a copy', { incremental: { recipes: 10, gib: 1 } }],
    ['Two Regions, baked in each', { regions: 2 }],
    ['Two Regions, baked in one', { regions: 2, crossRegion: true }],
  ];
  const rows = plans.map(([words, changes]) => {
    const { dollars } = costOf(planWith(changes));
    return [words, count(Math.round(dollars)), formatShare(dollars, base)];
  });
  return [['Plan', 'Total, $', 'Of the first'], ...rows];
}

function paces(): Rows {
  const rows = PACE_PRICES.map(({ fromMinutes, dollars }) => {
    const { dollars: total } = costOf(planWith({ withinMinutes: fromMinutes }));
    return [
      fromMinutes < 60 ? `${fromMinutes}m` : `${fromMinutes / 60}h`,
      String(dollars),
      count(Math.round(total - costOf(planWith()).dollars)),
    ];
  });
  return [['`--within`, or longer', '$ a GiB copied', 'More than the first plan, $'], ...rows];
}

function counts(): Rows {
  const row = (what: string, value: string | number, where: string) => [what, String(value), where];
  return [
    ['What', 'How much', 'Of what'],
    row('KMS keys', COPIER.keys, 'account and Region'),
    row('CloudWatch alarms', COPIER.alarms, 'account and Region'),
    row('CloudWatch alarms', SOURCE.alarms, 'Region of the source account'),
    row('CloudWatch dashboards', COPIER.dashboards, 'account and Region, unless `dashboard` asks for one'),
    row('CloudWatch dashboards', SOURCE.dashboards, 'Region of the source account'),
    row('CloudWatch metrics, in hours with a copy', COPY_METRICS.length, 'account and Region'),
    row('CloudWatch metrics, in one hour a day', DAILY_METRICS.length, 'account and Region'),
    row('Invocations of `copy-image`', REQUESTS_PER_COPY, 'copy'),
    row('Invocations of `settle-copy`', EVENTS_PER_COPY, 'copy: available, and deregistered one day'),
    row('Invocations of `settle-copy`', `every ${COPIER.sweepMinutes} minutes`, 'account and Region: the sweep'),
    row('Invocations of `retire-image`', 'every day', 'account and Region: the sweep'),
    row('Invocations of the watch', WATCH.invocationsPerRequest, 'bake and Region'),
    row('Invocations of the watch', WATCH.invocationsPerResult, 'copy, at the most: its result'),
    row('Standard queues that are polled', COPIER.queues.filter(({ isFifo }) => !isFifo).length, 'account and Region'),
    row('Standard queues that are polled', WATCH.queues, 'Region of the source account: the watch'),
    row('FIFO queues that are polled', COPIER.queues.filter(({ isFifo }) => isFifo).length, 'account and Region'),
    row('SQS requests', REQUESTS_PER_MESSAGE, 'message: sent and deleted. Polls come on top'),
    row('SNS requests published', 1, 'bake and Region, and one for each copy: its result'),
    row('Custom events', RESULTS_PER_COPY, 'copy: its result'),
    row('Days that logs are kept', COPIER.logRetentionDays, '`log_retention_days`'),
    row('MB of memory', COPIER.memoryMb, 'function: `memory_size`, `--memory-mb`'),
  ];
}

function prices(): Rows {
  const rows = Object.values(PRICES).map(({ dollars, unit, page }) => [page, unit, String(dollars)]);
  return [['Page', 'Price of', '$'], ...rows];
}

function assumptions(): Rows {
  const rows = Object.values(ASSUMPTIONS).map(({ value, unit, reason }) => [`${count(value)} ${unit}`, reason]);
  return [
    ['Assumed', 'Why'],
    [`${count(ASSUMED_DURATION_MS)} ms an invocation`, 'On the safe side: cold starts are billed too. `--duration-ms`'],
    [`${count(ASSUMED_KEY_ROTATIONS)} rotations of each key`, 'So it is from the third year on. `--key-rotations`'],
    ...rows,
  ];
}
