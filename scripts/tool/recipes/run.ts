import type { PlacesOptions } from '../common/places-options.ts';
import { carryOutRollback, planRollback, RollbackError } from './rollback.ts';
import { parameterOf, readHistory, type RecipeVersion } from './history.ts';
import { canAsk, confirm } from '../common/confirm.ts';
import { inPlaces, tellProblems, type Outcome } from '../common/in-places.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';
import { placesOf, type Place } from '../common/places.ts';
import { formatTable } from '../common/table.ts';
import { UserError } from '../common/user-error.ts';

export interface HistoryOptions extends PlacesOptions {
  readonly json?: true;
}

export interface RollbackOptions extends HistoryOptions {
  readonly to?: string;
  readonly dryRun?: true;
  readonly yes?: true;
}

/** Shows the values of the recipe's parameter in each place. */
export async function history(recipe: string, options: HistoryOptions): Promise<void> {
  const { targets } = await placesOf(options);
  await interruptible(async (signal) => {
    const outcomes = await inPlaces(targets, (place) => readHistory(place, recipe), signal);
    if (options.json) console.log(formatJson(outcomes.flatMap(historyFields)));
    else showHistory(outcomes);
    for (const { place } of outcomes.filter((outcome) => 'value' in outcome && outcome.value.length === 0)) {
      console.error(`${place.account}, ${place.region}: There is no parameter ${parameterOf(place, recipe)}.`);
      process.exitCode = 1;
    }
    concludeWith(outcomes);
  });
}

/** Sets the recipe's parameter back in each place, once the user has seen to what. */
export async function rollback(recipe: string, options: RollbackOptions): Promise<void> {
  if (!options.dryRun && !options.yes && !canAsk()) {
    throw new UserError('There is no terminal to ask on. Add --yes to set parameters without being asked.', 2);
  }
  const { targets } = await placesOf(options);
  await interruptible(async (signal) => {
    const planned = await inPlaces(targets, (place) => inWords(planRollback(place, recipe, options.to)), signal);
    const plans = planned.flatMap((outcome) => ('value' in outcome ? [outcome] : []));
    const table = () =>
      formatTable(
        ['ACCOUNT', 'REGION', 'PARAMETER', 'FROM', 'TO'],
        plans.map(({ place, value }) => [place.account, place.region, value.parameter, value.from, value.to]),
        undefined,
      );
    if (!options.json && plans.length > 0) console.log(`${table()}\n`);
    // An account that cannot follow is no reason to leave the others with a bad image: it is told, and the others go on.
    concludeWith(planned);
    if (plans.length === 0) return;
    if (options.dryRun) {
      if (options.json)
        console.log(formatJson(plans.map(({ place, value }) => rollbackFields(place, value, 'planned'))));
      else console.log(`Would set ${count(plans.length)}.`);
      return;
    }
    if (!options.yes && !(await confirm(`Set ${count(plans.length)}? Type yes:`, signal))) {
      throw new UserError('Nothing was set.', 2);
    }
    const planOf = new Map(plans.map(({ place, value }) => [place, value]));
    const done = await inPlaces(
      plans.map(({ place }) => place),
      async (place) => {
        const plan = planOf.get(place);
        if (!plan) throw new Error('no plan for a place');
        await carryOutRollback(place, plan);
        return plan;
      },
      signal,
    );
    const set = done.flatMap((outcome) =>
      'value' in outcome ? [rollbackFields(outcome.place, outcome.value, 'set')] : [],
    );
    if (options.json) console.log(formatJson(set));
    else console.log(`Set ${count(set.length)}. A newer image moves ${set.length === 1 ? 'it' : 'them'} on.`);
    concludeWith(done);
  });
}

function showHistory(outcomes: readonly Outcome<readonly RecipeVersion[]>[]): void {
  const rows = outcomes.flatMap(({ place, ...outcome }) =>
    'value' in outcome
      ? outcome.value.map(({ version, imageId, setAt, image }, index) => [
          place.account,
          place.region,
          String(version),
          imageId,
          image?.sourceImageId ?? '-',
          setAt,
          [
            index === 0 ? 'current' : '',
            image ? (image.isVerified ? image.state : `${image.state}, not verified`) : 'gone',
          ]
            .filter((part) => part !== '')
            .join(', '),
        ])
      : [],
  );
  if (rows.length === 0) return;
  console.log(
    formatTable(['ACCOUNT', 'REGION', 'VERSION', 'IMAGE', 'SOURCE IMAGE', 'SET AT', 'STATE'], rows, undefined),
  );
}

function historyFields({ place, ...outcome }: Outcome<readonly RecipeVersion[]>) {
  if (!('value' in outcome)) return [];
  return outcome.value.map(({ image, ...version }) => ({
    account: place.account,
    accountId: place.accountId,
    region: place.region,
    ...version,
    sourceImageId: image?.sourceImageId ?? null,
    state: image?.state ?? 'gone',
    verified: image?.isVerified ?? false,
  }));
}

function rollbackFields(
  { account, accountId, region }: Place,
  { parameter, from, to }: Awaited<ReturnType<typeof planRollback>>,
  outcome: 'planned' | 'set',
) {
  return { account, accountId, region, parameter, from, to, outcome };
}

/** What the user can do nothing with but read is told without its class. */
async function inWords<T>(plan: Promise<T>): Promise<T> {
  try {
    return await plan;
  } catch (error) {
    if (error instanceof RollbackError) throw new UserError(error.message, 1, { cause: error });
    throw error;
  }
}

function concludeWith(outcomes: readonly Outcome<unknown>[]): void {
  tellProblems(outcomes);
  if (outcomes.some((outcome) => 'problem' in outcome)) process.exitCode = 1;
}

function count(parameters: number): string {
  return `${parameters} parameter${parameters === 1 ? '' : 's'}`;
}
