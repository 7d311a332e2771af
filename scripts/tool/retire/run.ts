import { counted } from '../common/counted.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import { dollarsAMonth } from '../common/image-size.ts';
import { lineAbout, type ChosenCopier, type Copier } from '../common/environment.ts';
import { environmentsOf } from '../common/environments.ts';
import { allWell, inEnvironments, printProblems, type Outcome } from '../common/in-environments.ts';
import { formatJson } from '../common/json.ts';
import { notFound } from '../common/require-known.ts';
import { MAX_NAMED_IMAGES } from '../common/retirements-queue.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { carryOutRestore, carryOutRetirement, planRestore, type ImageProgress, type Progresses } from './carry-out.ts';
import {
  planRetirement,
  previewRetention,
  type PlannedImage,
  type RetentionPreview,
  type RetirementPlan,
} from './plan.ts';
import { formatFreed, formatImages, sizesNote, type FreedRecipe, type ShownImage } from './show.ts';

export interface RestoreOptions extends EnvironmentOptions {
  readonly timeout: number;
  readonly json?: true;
}

export interface RetireOptions extends RestoreOptions {
  readonly quarantineDays?: number;
  readonly dryRun?: true;
  readonly yes?: true;
}

/** Takes images away in each environment, as far as nothing uses them, once the user has seen what would happen. */
export async function retire(images: readonly string[], options: RetireOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { quarantineDays, dryRun, yes, json } = options;
  if (images.length === 0 && !dryRun) {
    throw new UserError('Name images, or add --dry-run to see what the retention policies would let go.', 2);
  }
  requireFew(images);
  if (!dryRun && !yes && !terminal.canAsk) {
    throw new UserError('There is no terminal to ask on. Add --yes to retire images without being asked.', 2);
  }
  const { copiers } = await environmentsOf(options, await loadConnect());
  return await interruptible(async (signal) => {
    if (images.length === 0) return await preview(copiers, options, signal, terminal);
    const plan = (copier: Copier) => planRetirement(copier, images, quarantineDays);
    const planned = await inEnvironments(copiers, plan, signal, terminal);
    printProblems(planned, terminal);
    const plans = valuesOf(planned).filter(({ value }) => value.images.length > 0);
    requireFound(
      images,
      plans.flatMap(({ value }) => value.images),
      planned,
    );
    const asked = plans.flatMap(({ value }) => value.images).filter(({ isAsked }) => isAsked).length;
    if (dryRun || !json || asked === 0) {
      const lines = plans.flatMap(({ copier, value }) => value.images.map((image) => plannedLine(copier, image)));
      if (json) print(terminal.out, formatJson(lines.map(fieldsOf)));
      else printImages(lines, terminal);
    }
    const code = allWell(planned) ? 0 : 1;
    if (dryRun) return code;
    const going = plans.flatMap(({ value }) => value.images).filter(({ reasons }) => reasons.length === 0).length;
    if (asked === 0) return 1;
    const question =
      going > 0
        ? `Retire ${counted(going, 'image')}? Type yes:`
        : `Note on ${counted(asked, 'image')} to go as soon as nothing uses ${asked === 1 ? 'it' : 'them'}? Type yes:`;
    if (!yes && !(await terminal.confirm(question, signal))) throw new UserError('Nothing was retired.', 2);
    const patience = { timeoutMs: options.timeout * 60_000, signal };
    const carryOut = (value: RetirementPlan, copier: Copier) => carryOutRetirement(copier, value, patience);
    const done = await onPlans(plans, carryOut, signal, terminal);
    const lines = linesOf(plans, done);
    printDone(lines, options, tool);
    const hasGone = lines.every(({ state }) => state.startsWith('quarantined') || state === 'removed');
    return hasGone && allWell(done) ? code : 1;
  });
}

/** Makes images launchable again that were retired, in each environment that has them. */
export async function restore(images: readonly string[], options: RestoreOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  requireFew(images);
  const { copiers } = await environmentsOf(options, await loadConnect());
  return await interruptible(async (signal) => {
    const planned = await inEnvironments(copiers, (copier) => planRestore(copier, images), signal, terminal);
    printProblems(planned, terminal);
    const plans = valuesOf(planned).filter(({ value }) => value.images.length + value.removed.length > 0);
    const known = plans.flatMap(({ value }) => [...value.images, ...value.removed.map((named) => ({ named }))]);
    requireFound(images, known, planned);
    const patience = { timeoutMs: options.timeout * 60_000, signal };
    const done = await onPlans(plans, (value, copier) => carryOutRestore(copier, value, patience), signal, terminal);
    const withRemoved = plans.map(({ copier, value }) => ({
      copier,
      value: { images: [...value.images, ...value.removed.map((imageId) => ({ imageId }))] },
    }));
    const lines = linesOf(withRemoved, done);
    printDone(lines, options, tool);
    const isBack = lines.every(({ state }) => state === 'restored');
    return isBack && allWell(done) && allWell(planned) ? 0 : 1;
  });
}

/** Shows what the retention policies would let go now. */
async function preview(
  copiers: readonly ChosenCopier[],
  { json }: RetireOptions,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ExitCode> {
  const outcomes = await inEnvironments(copiers, previewRetention, signal, terminal);
  printProblems(outcomes, terminal);
  const read = valuesOf(outcomes);
  const previews = read.flatMap(({ copier, value }) => (value ? [{ copier, value }] : []));
  const lines = previews.flatMap(({ copier, value }) => value.images.map((image) => plannedLine(copier, image)));
  const freed = freedOf(previews.map(({ value }) => value));
  if (json) {
    const recipes = freed.map((each) => ({ ...each, dollarsPerMonth: dollarsAMonth(each.gib) }));
    print(terminal.out, formatJson({ images: lines.map(fieldsOf), recipes }));
  } else {
    if (lines.length > 0) printImages(lines, terminal);
    if (freed.length > 0) print(terminal.out, `\n${formatFreed(freed, terminal.out.size?.columns)}`);
    if (previews.length > 0 && freed.length === 0) print(terminal.out, 'The retention policies let nothing go.');
    for (const { copier, value } of read) {
      if (!value) print(terminal.err, lineAbout(copier, 'It has no retention policy (input retention).'));
    }
  }
  return allWell(outcomes) ? 0 : 1;
}

function freedOf(previews: readonly RetentionPreview[]): FreedRecipe[] {
  const recipes = new Map<string, FreedRecipe>();
  for (const { images, copies } of previews) {
    for (const recipe of new Set(images.flatMap((image) => image.recipe ?? []))) {
      const own = images.filter((image) => image.recipe === recipe);
      const goes = own.filter(({ reasons }) => reasons.length === 0);
      const before = recipes.get(recipe) ?? { recipe, copies: 0, goes: 0, stays: 0, gib: 0 };
      recipes.set(recipe, {
        recipe,
        copies: before.copies + (copies.get(recipe) ?? 0),
        goes: before.goes + goes.length,
        stays: before.stays + own.length - goes.length,
        gib: before.gib + goes.reduce((sum, { size }) => sum + size.gib, 0),
      });
    }
  }
  return [...recipes.values()].toSorted((one, other) => (one.recipe < other.recipe ? -1 : 1));
}

interface Planned<T> {
  readonly copier: ChosenCopier;
  readonly value: T;
}

/** Does something with each plan in its environment. */
async function onPlans<T>(
  plans: readonly Planned<T>[],
  use: (value: T, copier: Copier) => Promise<Progresses>,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<Outcome<Progresses, ChosenCopier>[]> {
  const valueOf = new Map(plans.map(({ copier, value }) => [copier, value]));
  return await inEnvironments(
    [...valueOf.keys()],
    async (copier) => {
      const value = valueOf.get(copier);
      if (value === undefined) throw new Error('no plan for a copier');
      return await use(value, copier);
    },
    signal,
    terminal,
  );
}

function linesOf(
  plans: readonly Planned<{ readonly images: readonly (Partial<PlannedImage> & { readonly imageId: string })[] }>[],
  done: readonly Outcome<Progresses, ChosenCopier>[],
): ShownImage[] {
  const progresses = new Map(done.map((outcome) => [outcome.copier, outcome]));
  return plans.flatMap(({ copier, value }) => {
    const outcome = progresses.get(copier);
    return value.images.map(({ imageId, recipe, size }) => {
      const progress = outcome && 'value' in outcome ? outcome.value.get(imageId) : undefined;
      const problem = outcome && 'problem' in outcome ? [{ code: 'Unread', message: outcome.problem }] : [];
      return {
        copier,
        imageId,
        recipe,
        ...(size && { size }),
        state: progress ? wordOf(progress) : 'unknown',
        reasons: progress?.reasons ?? problem,
      };
    });
  });
}

function wordOf({ state, quarantineUntil }: ImageProgress): string {
  return quarantineUntil === undefined ? state : `quarantined until ${quarantineUntil.slice(0, 16)}Z`;
}

function plannedLine(
  copier: ChosenCopier,
  { imageId, recipe, size, reasons, quarantineDays }: PlannedImage,
): ShownImage {
  const goes =
    quarantineDays === 0 ? 'would be removed' : `would be in quarantine for ${quarantineDays} ${days(quarantineDays)}`;
  return { copier, imageId, recipe, size, state: reasons.length === 0 ? goes : 'stays', reasons };
}

function printImages(lines: readonly ShownImage[], { out, err }: Terminal): void {
  print(out, formatImages(lines, out.size?.columns));
  print(err, sizesNote(lines.map(({ size }) => size)));
}

function printDone(
  lines: readonly ShownImage[],
  { json, timeout }: RestoreOptions,
  { program, terminal: { out, err } }: Tool,
): void {
  if (json) print(out, formatJson(lines.map(fieldsOf)));
  else print(out, formatImages(lines, out.size?.columns));
  if (lines.some(({ state }) => state === 'waiting')) {
    print(
      err,
      `The time (${timeout} minutes) is over, or you stopped it. It goes on in the accounts. What was refused is shown by: ${program} dead-letters list`,
    );
  }
}

function fieldsOf({ copier, imageId, recipe, size, state, reasons }: ShownImage) {
  const { account, accountId, region } = copier;
  const sizes = size && { gib: size.gib, sizeBy: size.by, dollarsPerMonth: dollarsAMonth(size.gib) };
  return { account, accountId, region, imageId, recipe: recipe ?? null, ...sizes, state, reasons };
}

/** Rejects an id that no account knows: it is a slip of the user's. */
function requireFound(
  ids: readonly string[],
  found: readonly { readonly named: string }[],
  outcomes: readonly Outcome<unknown>[],
): void {
  const missing = ids.find((id) => !found.some(({ named }) => named === id));
  if (missing === undefined) return;
  throw notFound(`None of the chosen accounts has the image ${missing}, or a copy of it`, {
    isComplete: allWell(outcomes),
  });
}

function requireFew(images: readonly string[]): void {
  if (images.length <= MAX_NAMED_IMAGES) return;
  throw new UserError(`These are ${images.length} images. Name at most ${MAX_NAMED_IMAGES} at once.`, 2);
}

function valuesOf<T>(outcomes: readonly Outcome<T, ChosenCopier>[]): Planned<T>[] {
  return outcomes.flatMap((outcome) => ('value' in outcome ? [outcome] : []));
}

function days(number: number): string {
  return number === 1 ? 'day' : 'days';
}
