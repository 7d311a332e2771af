import { countsOf } from '../../../tool/fleet/build-fleet.ts';
import type { FleetReport, RunningInstance } from '../../../tool/fleet/report.ts';

const READ_AT = '2026-11-30T00:00:00.000Z';

/** A report of these instances. */
export function fleetReport(instances: readonly RunningInstance[], changes: Partial<FleetReport> = {}): FleetReport {
  const environment = { accountId: '222222222222', account: 'payments', region: 'eu-west-1', labels: {} };
  return { readAt: READ_AT, environments: [environment], recipes: countsOf(instances), instances, ...changes };
}

/** An instance of the newest copy, but for what is changed; what is undefined is not known. */
export function runningInstance(
  changes: { readonly [Key in keyof RunningInstance]?: RunningInstance[Key] | undefined } = {},
): RunningInstance {
  const known = {
    accountId: '222222222222',
    account: 'payments',
    region: 'eu-west-1',
    instanceId: 'i-1',
    imageId: 'ami-1',
    state: 'current',
    recipe: 'ubuntu',
    bakedAt: '2026-11-25T00:00:00.000Z',
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== undefined),
  ) as unknown as RunningInstance;
}

/** A fleet as it may look: 4 accounts that run two recipes, and images of others. */
export function sampleFleet(): FleetReport {
  const accounts = Array.from({ length: 4 }, (_, index) => ({
    accountId: String(222_222_222_222 + index),
    account: `account-${index + 1}`,
    region: 'eu-west-1',
  }));
  const instances = accounts.flatMap((account, row) =>
    Array.from({ length: 10 }, (_, column) => {
      const number = row * 10 + column;
      return runningInstance({
        ...account,
        instanceId: `i-0${number.toString(16).padStart(16, '0')}`,
        imageId: `ami-0${(row * 10 + (column % 5)).toString(16).padStart(16, '0')}`,
        ...RUNS[(column % 5) + (row === 0 ? 5 : 0)],
      });
    }),
  );
  const environments = accounts.map((account) => ({ ...account, labels: {} }));
  const [first] = environments;
  const unread = first ? [{ ...first, account: 'billing', problem: 'Access denied.' }] : [];
  return fleetReport(instances, { environments: [...environments, ...unread], sourceProblem: 'Access denied.' });
}

/** What instances run by turns. */
const RUNS: readonly Parameters<typeof runningInstance>[0][] = [
  {},
  { recipe: 'debian', bakedAt: '2026-11-28T00:00:00.000Z' },
  { state: 'behind', behind: 1, bakedAt: '2026-11-20T00:00:00.000Z' },
  { recipe: 'debian' },
  { state: 'no copy', recipe: undefined, bakedAt: '2025-10-20T00:00:00.000Z' },
  {},
  { state: 'behind', behind: 4, bakedAt: '2026-09-10T00:00:00.000Z' },
  { state: 'revoked', behind: 2, bakedAt: '2026-08-10T00:00:00.000Z' },
  { state: 'behind', behind: 7, recipe: 'debian', bakedAt: '2026-07-10T00:00:00.000Z' },
  { state: 'unknown', recipe: undefined, bakedAt: undefined, reason: 'EC2 does not tell whom its image belongs to.' },
];
