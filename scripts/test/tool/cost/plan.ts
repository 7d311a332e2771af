import { ASSUMED_DURATION_MS, ASSUMED_KEY_ROTATIONS } from '../../../tool/cost/assumptions.ts';
import { COPIER } from '../../../tool/cost/copier.ts';
import type { CostPlan } from '../../../tool/cost/monthly-cost.ts';

/** 200 accounts with one Region, 50 bakes a day of 8 GiB, kept for 30 days: what the command takes where nothing else is said. */
export function planWith(changes: Partial<CostPlan> = {}): CostPlan {
  return {
    accounts: 200,
    regions: 1,
    bakesPerDay: 50,
    imageGib: 8,
    keepDays: 30,
    crossRegion: false,
    keyRotations: ASSUMED_KEY_ROTATIONS,
    durationMs: ASSUMED_DURATION_MS,
    memoryMb: COPIER.memoryMb,
    ...changes,
  };
}
