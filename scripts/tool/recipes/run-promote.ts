import { commandLine, optionWords } from '../common/command-line.ts';
import { counted } from '../common/counted.ts';
import { otherName, type EnvironmentOptions } from '../common/environment-options.ts';
import type { ChosenCopier, Environment } from '../common/environment.ts';
import { environmentsOf } from '../common/environments.ts';
import { allWell, inEnvironments, printByEnvironment, printProblems } from '../common/in-environments.ts';
import { formatJson } from '../common/json.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { requireRecipe } from './pointer.ts';
import {
  chooseImage,
  newerImage,
  planPromotion,
  readRecipe,
  type FactsOf,
  type PromotedImage,
  type PromotionChoice,
  type PromotionPlan,
} from './promote.ts';
import { unknownPointer } from './run.ts';
import { setParameter } from './set-parameter.ts';
import { formatMoves } from './show.ts';

export interface PromoteOptions extends EnvironmentOptions {
  readonly to: string;
  readonly image?: string;
  readonly from?: string;
  readonly partial?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** The plan of an account of which the channel can be pointed to the image. */
type Fit = Extract<PromotionPlan, { readonly parameter: string }>;

interface In<T> {
  readonly copier: ChosenCopier;
  readonly value: T;
}

/**
 * Points a channel of a recipe to the copies of one image. It looks in all accounts first: where one of them cannot follow, nothing is
 * set anywhere, unless the user wants the others all the same.
 */
export async function promote(recipe: string, options: PromoteOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { to, image, from, partial, dryRun, yes } = options;
  if (image !== undefined && from !== undefined) {
    throw new UserError('The image is named by --image or taken from the channel --from, not both.', 2);
  }
  if (from === to) throw new UserError('--from and --to are the same channel.', 2);
  if (!dryRun && !yes && !terminal.canAsk) {
    throw new UserError('There is no terminal to ask on. Add --yes to set parameters without being asked.', 2);
  }
  const { copiers } = await environmentsOf(options, await loadConnect());
  requireRecipe(recipe, copiers, '--to');
  const choice: PromotionChoice = {
    recipe,
    to,
    ...(image !== undefined && { image }),
    ...(from !== undefined && { from }),
  };
  return await interruptible(async (signal) => {
    const outcomes = await inEnvironments(copiers, (copier) => readRecipe(copier, choice), signal, terminal);
    printProblems(outcomes, terminal);
    const isComplete = allWell(outcomes);
    const read = outcomes.filter((outcome) => 'value' in outcome);
    if (read.length === 0) return 1;
    if (isComplete && read.every(({ value }) => value.images.length === 0)) {
      throw await unknownPointer({ recipe }, copiers);
    }
    const promoted = chooseImage(read, choice, isComplete);
    if (image === undefined && from === undefined) printNewer(read, promoted, terminal);
    const plans = read.map(({ copier, value }) => ({ copier, value: planPromotion(value, promoted, choice) }));
    const reasons = plans.flatMap(({ copier, value }) => ('reason' in value ? [[copier, value.reason] as const] : []));
    printByEnvironment(reasons, terminal);
    const fits = plans.flatMap(({ copier, value }): In<Fit>[] => ('parameter' in value ? [{ copier, value }] : []));
    const lacking = copiers.length - fits.length;
    if (lacking > 0) printRemedy(plans, promoted, options, tool);
    if (lacking > 0 && !partial) {
      const of = counted(copiers.length, 'account and Region', 'accounts and Regions');
      const nothing = `Nothing ${dryRun ? 'would be' : 'was'} set`;
      print(terminal.err, `${nothing}: ${lacking} of ${of} cannot follow. Add --partial to set the others.`);
      if (options.json) print(terminal.out, formatJson([]));
      return 1;
    }
    const isDone = await setAll(fits, choice, promoted, options, signal, terminal);
    return isDone && lacking === 0 ? 0 : 1;
  });
}

/**
 * Shows what is to be set, asks, and sets it.
 * @returns whether all of it is set
 */
async function setAll(
  fits: readonly In<Fit>[],
  choice: PromotionChoice,
  promoted: PromotedImage,
  { dryRun, yes, json }: PromoteOptions,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<boolean> {
  const { out } = terminal;
  const changes = fits.filter(({ value }) => value.kind === 'set');
  const unchanged = fits.filter(({ value }) => value.kind === 'unchanged');
  if (!json && changes.length > 0) print(out, `${formatMoves(changes, out.size?.columns)}\n`);
  const show = (set: readonly In<Fit>[]) => {
    const outcome = dryRun ? 'planned' : 'set';
    const fields = [
      ...set.map((each) => fieldsOf(each, choice, promoted, outcome)),
      ...unchanged.map((each) => fieldsOf(each, choice, promoted, 'unchanged')),
    ];
    const line = `${dryRun ? 'Would set' : 'Set'} ${sentence(set.length, unchanged.length, promoted)}`;
    print(out, json ? formatJson(fields) : line);
  };
  if (dryRun) {
    show(changes);
    return true;
  }
  const question = `Set ${counted(changes.length, 'parameter')}? Type yes:`;
  if (changes.length > 0 && !yes && !(await terminal.confirm(question, signal))) {
    throw new UserError('Nothing was set.', 2);
  }
  const planOf = new Map(changes.map(({ copier, value }) => [copier, value]));
  const set = await inEnvironments(
    [...planOf.keys()],
    (copier) => carryOut(copier, planOf.get(copier)),
    signal,
    terminal,
  );
  show(set.filter((outcome) => 'value' in outcome));
  printProblems(set, terminal);
  return allWell(set);
}

async function carryOut(copier: ChosenCopier, plan: Fit | undefined): Promise<Fit> {
  if (!plan) throw new Error('no plan for a copier');
  await setParameter(copier, plan.parameter, plan.to);
  return plan;
}

/** That the promoted image is not the newest one, which people may expect it to be. */
function printNewer(read: readonly FactsOf[], promoted: PromotedImage, terminal: Terminal): void {
  const newer = newerImage(read, promoted);
  if (!newer) return;
  const line = `There is no verified copy of ${newer.sourceImageId} here, which is newer than ${promoted.sourceImageId}.`;
  printByEnvironment(
    newer.lacking.map((copier) => [copier, line] as const),
    terminal,
  );
}

/** The command that asks for the copies that are missing, where the way to the accounts is in a file. */
function printRemedy(
  plans: readonly In<PromotionPlan>[],
  { sourceImageId }: PromotedImage,
  { accountsFile, roleName, profile, name }: PromoteOptions,
  { program, terminal }: Tool,
): void {
  const missing = plans.filter(({ value }) => value.kind === 'missing').map(({ copier }): Environment => copier);
  if (missing.length === 0 || accountsFile === undefined) return;
  const words = optionWords({
    '--accounts-file': accountsFile,
    '--only': Array.from(new Set(missing.map(({ account }) => account))).join(','),
    '--role-name': roleName,
    '--profile': profile,
    '--name': otherName(name),
  });
  print(
    terminal.err,
    `To ask for the copies that are missing: ${commandLine(program, ['request', sourceImageId, ...words, '--share', '--wait'])}`,
  );
}

function sentence(set: number, unchanged: number, { sourceImageId, bakedMs }: PromotedImage): string {
  const rest = unchanged > 0 ? ` ${unchanged} pointed there already.` : '';
  return `${counted(set, 'parameter')} to ${set === 1 ? 'the copy' : 'copies'} of ${sourceImageId}, baked at ${new Date(bakedMs).toISOString()}.${rest}`;
}

function fieldsOf(
  { copier: { account, accountId, region }, value: { parameter, from, to } }: In<Fit>,
  { recipe, to: channel }: PromotionChoice,
  { sourceImageId, bakedMs }: PromotedImage,
  outcome: 'planned' | 'set' | 'unchanged',
) {
  const bakedAt = new Date(bakedMs).toISOString();
  return {
    account,
    accountId,
    region,
    recipe,
    channel,
    parameter,
    sourceImageId,
    bakedAt,
    from: from ?? null,
    to,
    outcome,
  };
}
