import { counted } from '../common/counted.ts';
import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { lineAbout, type Copier } from '../common/environment.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import { environmentsOf } from '../common/environments.ts';
import { allWell, inEnvironments, PARALLEL, printProblems } from '../common/in-environments.ts';
import { formatJson } from '../common/json.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import { notFound } from '../common/require-known.ts';
import { print } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { listNames, readHistory, type RecipeVersion } from './history.ts';
import { parameterOf, requireRecipe, type Pointer } from './pointer.ts';
import { NotInAccountError, planRollback, type RollbackPlan } from './rollback.ts';
import { setParameter } from './set-parameter.ts';
import { formatHistory, formatMoves } from './show.ts';

export interface HistoryOptions extends EnvironmentOptions {
  readonly channel?: string;
  readonly json?: true;
}

export interface RollbackOptions extends HistoryOptions {
  readonly to?: string;
  readonly dryRun?: true;
  readonly yes?: true;
}

/** Shows the values of the parameter of the recipe, or of its channel, in each environment. */
export async function history(recipe: string, options: HistoryOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { copiers } = await environmentsOf(options, await loadConnect());
  requireRecipe(recipe, copiers, '--channel');
  const pointer = { recipe, channel: options.channel };
  return await interruptible(async (signal) => {
    const outcomes = await inEnvironments(copiers, (copier) => readHistory(copier, pointer), signal, terminal);
    const read = outcomes.filter((outcome) => 'value' in outcome);
    if (outcomes.every((outcome) => 'value' in outcome && outcome.value.length === 0)) {
      throw await unknownPointer(pointer, copiers);
    }
    const table = formatHistory(read, terminal.out.size?.columns);
    if (options.json) print(terminal.out, formatJson(read.flatMap(historyFields)));
    else if (table !== undefined) print(terminal.out, table);
    const without = read.filter(({ value }) => value.length === 0);
    for (const { copier } of without) {
      print(terminal.err, lineAbout(copier, `There is no parameter ${parameterOf(copier, pointer)}.`));
    }
    printProblems(outcomes, terminal);
    return without.length === 0 && allWell(outcomes) ? 0 : 1;
  });
}

/** Sets the parameter of the recipe, or of its channel, back in each environment, once the user has seen to what. */
export async function rollback(recipe: string, options: RollbackOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { out } = terminal;
  if (!options.dryRun && !options.yes && !terminal.canAsk) {
    throw new UserError('There is no terminal to ask on. Add --yes to set parameters without being asked.', 2);
  }
  const { copiers } = await environmentsOf(options, await loadConnect());
  requireRecipe(recipe, copiers, '--channel');
  const pointer = { recipe, channel: options.channel };
  return await interruptible(async (signal) => {
    const unfound: NotInAccountError[] = [];
    const plan = async (copier: Copier) => {
      try {
        return await planRollback(copier, pointer, options.to);
      } catch (error) {
        if (error instanceof NotInAccountError) unfound.push(error);
        throw error;
      }
    };
    const planned = await inEnvironments(copiers, plan, signal, terminal);
    if (unfound.length === copiers.length) await rejectUnfound(unfound, pointer, options, copiers);
    const plans = planned.filter((outcome) => 'value' in outcome);
    if (!options.json && plans.length > 0) print(out, `${formatMoves(plans, out.size?.columns)}\n`);
    // An account that cannot follow is no reason to leave the others with a bad image: it is named, and the others go on.
    printProblems(planned, terminal);
    const code = allWell(planned) ? 0 : 1;
    if (plans.length === 0) return code;
    if (options.dryRun) {
      print(
        out,
        options.json
          ? formatJson(plans.map(({ copier, value }) => rollbackFields(copier, value, 'planned')))
          : `Would set ${counted(plans.length, 'parameter')}.`,
      );
      return code;
    }
    if (!options.yes && !(await terminal.confirm(`Set ${counted(plans.length, 'parameter')}? Type yes:`, signal))) {
      throw new UserError('Nothing was set.', 2);
    }
    const planOf = new Map(plans.map(({ copier, value }) => [copier, value]));
    const done = await inEnvironments(
      [...planOf.keys()],
      (copier) => setBack(copier, planOf.get(copier)),
      signal,
      terminal,
    );
    const set = done.flatMap((outcome) =>
      'value' in outcome ? [rollbackFields(outcome.copier, outcome.value, 'set')] : [],
    );
    if (options.json) print(out, formatJson(set));
    else {
      const next = options.channel === undefined ? 'A newer image moves' : 'The next promotion moves';
      print(out, `Set ${counted(set.length, 'parameter')}. ${next} ${set.length === 1 ? 'it' : 'them'} on.`);
    }
    printProblems(done, terminal);
    return allWell(done) ? code : 1;
  });
}

/** Rejects what no account has: it is a slip of the user's, and no failure of each account. */
async function rejectUnfound(
  unfound: readonly NotInAccountError[],
  pointer: Pointer,
  { to = '' }: RollbackOptions,
  copiers: readonly Copier[],
): Promise<void> {
  if (unfound.every(({ what }) => what === 'recipe')) throw await unknownPointer(pointer, copiers);
  if (unfound.every(({ what }) => what === 'image')) {
    throw notFound(`None of the chosen accounts has the image ${to}, or a copy of it`);
  }
}

/** What is thrown where no chosen account has a recipe, or a channel of it, with the nearest one that there is. */
export async function unknownPointer(pointer: Pointer, copiers: readonly Copier[]): Promise<UserError> {
  const { recipe, channel } = pointer;
  const known = await mapConcurrently(copiers, PARALLEL, (copier) => listNames(copier, pointer));
  const what =
    channel === undefined
      ? `a parameter for the recipe ${spellOutHidden(recipe)}`
      : `the channel ${channel} of ${spellOutHidden(recipe)}`;
  const names = Array.from(new Set(known.flat()));
  return notFound(`None of the chosen accounts has ${what}`, { missing: channel ?? recipe, names });
}

async function setBack(copier: Copier, plan: RollbackPlan | undefined): Promise<RollbackPlan> {
  if (!plan) throw new Error('no plan for a copier');
  await setParameter(copier, plan.parameter, plan.to);
  return plan;
}

function historyFields({ copier, value }: { copier: Copier; value: readonly RecipeVersion[] }) {
  return value.map(({ image, ...version }) => ({
    account: copier.account,
    accountId: copier.accountId,
    region: copier.region,
    ...version,
    sourceImageId: image?.sourceImageId ?? null,
    state: image?.state ?? 'gone',
    verified: image?.isVerified ?? false,
  }));
}

function rollbackFields(
  { account, accountId, region }: Copier,
  { parameter, from, to }: RollbackPlan,
  outcome: 'planned' | 'set',
) {
  return { account, accountId, region, parameter, from, to, outcome };
}
