import { alternativesOf } from './alternatives.ts';
import { ASSUMPTIONS } from './assumptions.ts';
import { monthlyCost, type CostPlan, type IncrementalCopies, type NewestCopies } from './monthly-cost.ts';
import { PRICES, PRICES_AS_OF, PRICES_REGION } from './prices.ts';
import { formatJson } from '../common/json.ts';
import { formatAlternatives, formatComparison, formatCost } from './show.ts';
import { print, type Terminal } from '../common/terminal.ts';
import { UserError } from '../common/user-error.ts';

export interface CostOptions {
  readonly accounts: number;
  readonly regions: number;
  readonly crossRegion?: true;
  readonly bakesPerDay: number;
  readonly imageGib: number;
  readonly keepDays: number;
  readonly keepNewest?: number;
  readonly incrementalGib?: number;
  readonly recipes?: number;
  /** Minutes. */
  readonly within?: number;
  readonly keyRotations: number;
  readonly durationMs: number;
  readonly memoryMb: number;
  readonly snapshotPrice: number;
  readonly transferPrice?: number;
  readonly compare?: true;
  readonly json?: true;
}

/** Prints what a plan costs in a month. */
export function cost(options: CostOptions, { out }: Terminal): void {
  const plan = planOf(options);
  const prices = {
    ...PRICES,
    snapshot: { ...PRICES.snapshot, dollars: options.snapshotPrice },
    transfer: { ...PRICES.transfer, dollars: options.transferPrice ?? PRICES.transfer.dollars },
  };
  const result = monthlyCost(plan, prices);
  const newest = newestOf(options);
  const compared = newest && { plan: { ...plan, newest }, ...monthlyCost({ ...plan, newest }, prices) };
  const alternatives = options.compare && alternativesOf({ ...plan, ...(newest && { newest }) }, prices);
  if (options.json) {
    const basis = { region: PRICES_REGION, asOf: PRICES_AS_OF, plan, prices, assumptions: ASSUMPTIONS };
    print(
      out,
      formatJson({
        ...basis,
        ...result,
        ...(compared && { keepNewest: compared }),
        ...(alternatives && { alternatives }),
      }),
    );
  } else if (alternatives) {
    print(out, formatAlternatives({ ...plan, ...(newest && { newest }) }, alternatives, out.size?.columns));
  } else if (newest && compared) {
    print(out, formatComparison({ ...plan, newest }, result, compared, out.size?.columns));
  } else print(out, formatCost(plan, result, out.size?.columns));
}

function newestOf({ keepNewest: copies, recipes }: CostOptions): NewestCopies | undefined {
  if (copies === undefined) return undefined;
  if (recipes === undefined) throw new UserError('--keep-newest needs --recipes: it keeps so many of each.', 2);
  return { copies, recipes };
}

function planOf(options: CostOptions): CostPlan {
  const { accounts, regions, bakesPerDay, imageGib, keepDays, keyRotations, durationMs, memoryMb } = options;
  const crossRegion = options.crossRegion ?? false;
  if (crossRegion && regions === 1) {
    throw new UserError('--cross-region copies into other Regions. Say with --regions how many there are, from 2.', 2);
  }
  if (!crossRegion && options.transferPrice !== undefined) {
    throw new UserError('--transfer-price is for copies into other Regions. Add --cross-region, or leave it out.', 2);
  }
  const incremental = incrementalOf(options);
  return {
    ...{ accounts, regions, bakesPerDay, imageGib, keepDays, crossRegion, keyRotations, durationMs, memoryMb },
    ...(incremental && { incremental }),
    ...(options.within !== undefined && { withinMinutes: options.within }),
  };
}

function incrementalOf({ incrementalGib, recipes, keepNewest, imageGib }: CostOptions): IncrementalCopies | undefined {
  if (incrementalGib === undefined) {
    if (recipes === undefined || keepNewest !== undefined) return undefined;
    throw new UserError(
      '--recipes counts with --incremental-gib or --keep-newest alone. Add one of them, or leave it out.',
      2,
    );
  }
  if (recipes === undefined) {
    throw new UserError('--incremental-gib needs --recipes: the first copy of each recipe is full.', 2);
  }
  if (incrementalGib > imageGib) {
    throw new UserError('--incremental-gib is more than --image-gib. A copy adds at most what is in the image.', 2);
  }
  return { recipes, gib: incrementalGib };
}
