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
