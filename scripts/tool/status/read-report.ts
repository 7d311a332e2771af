import { reasonOf } from '../common/aws-errors.ts';
import { allWell, inEnvironments, PARALLEL, printByEnvironment, printProblems } from '../common/in-environments.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import type { ChosenCopier, Copier } from '../common/environment.ts';
import type { Environments, Source } from '../common/environments.ts';
import { requireKnown } from '../common/require-known.ts';
import { print } from '../common/terminal.ts';
import type { Threads } from '../common/threads.ts';
import type { Tool } from '../common/tool.ts';
import { withThreads } from '../common/with-threads.ts';
import { buildReport, imagesWithGaps, withSharing, type ReportInput, type SharedWith } from './build-report.ts';
import { withFailedTries } from './failed-tries.ts';
import { readCopier, readSharedWith, readSourceImages } from './read-copiers.ts';
import type { StatusReport } from './report.ts';

/** Which images a report is about. */
export interface ReportChoice {
  readonly recipe?: readonly string[];
  readonly images?: boolean;
  /** Whether it says why copies stay that are to go, what retention would free, and what channels point to, which takes more calls. */
  readonly ends?: boolean;
}

/** A report, and whether every account could be read. */
export interface ReadReport {
  readonly report: StatusReport;
  readonly allRead: boolean;
}

/** Reads the environments, and what the source account knows where it can be asked. Prints which ones could not be read. */
export async function readReport(
  { copiers, source }: Environments,
  { recipe, images = false, ends = false }: ReportChoice,
  signal: AbortSignal,
  { terminal, hasThreads }: Tool,
): Promise<ReadReport> {
  const recipeTag = copiers[0]?.recipeTag ?? '';
  // Printed once the live lines are gone, which would erase them.
  const warnings: [Copier, string][] = [];
  const read = (copier: ChosenCopier, threads: Threads | undefined) => {
    const input = { ends };
    const warn = (line: string) => warnings.push([copier, line]);
    // A text that was cut out of an answer keeps all of the answer in memory. What is copied, as to another thread, does not.
    const here = async () => structuredClone(await readCopier(copier, input, signal, warn));
    return threads ? threads.run('status', copier, input, warn) : here();
  };
  const [outcomes, all] = await Promise.all([
    withThreads(copiers.length, hasThreads, {}, signal, (threads) =>
      inEnvironments(copiers, (copier) => read(copier, threads), signal, terminal),
    ),
    source && readSourceImages(source, recipeTag),
  ]);
  printProblems(outcomes, terminal);
  printByEnvironment(warnings, terminal);
  const allRead = allWell(outcomes);
  if (recipe && all) requireRecipes(recipe, all, 'The source account has no image of the recipe');
  const sources = recipe && all ? all.filter((image) => recipe.includes(image.recipe ?? '')) : all;
  const input = {
    readAt: new Date().toISOString(),
    outcomes,
    sources,
    rows: images ? 'images' : 'recipes',
  } satisfies ReportInput;
  const explained = async (built: StatusReport) =>
    await withFailedTries(built, copiers, signal, (line) => {
      print(terminal.err, line);
    });
  const report = buildReport(input);
  if (!source) {
    if (recipe) requireRecipes(recipe, report.rows, 'There is no copy of the recipe', allRead);
    return { report: await explained(onlyRecipes(report, recipe)), allRead };
  }
  const shared = await mapConcurrently(
    imagesWithGaps(report),
    PARALLEL,
    async ({ imageId, region }) => [imageId, await sharedWithIn(source, imageId, region)] as const,
    signal,
  );
  const problems = shared.flatMap(([, found]) =>
    typeof found === 'object' && 'problem' in found ? found.problem : [],
  );
  for (const problem of problems) print(terminal.err, problem);
  const built = withSharing(report, new Map(shared));
  return { report: await explained(onlyRecipes(built, recipe)), allRead: allRead && problems.length === 0 };
}

/** Whom an image is shared with. One that cannot be read makes no other unknown. */
async function sharedWithIn(source: Source, imageId: string, region: string): Promise<SharedWith> {
  try {
    return await readSharedWith(source.clientsIn(region), imageId, source.accountId);
  } catch (error) {
    return { problem: `Whom ${imageId} in ${region} is shared with is not known. ${reasonOf(error)}` };
  }
}

/** Rejects a recipe that nothing belongs to. */
function requireRecipes(
  named: readonly string[],
  known: readonly { readonly recipe?: string | undefined }[],
  words: string,
  isComplete?: boolean,
): void {
  const recipes = known.flatMap(({ recipe }) => recipe ?? []);
  requireKnown(named, recipes, (recipe) => `${words} ${recipe}`, isComplete);
}

function onlyRecipes(report: StatusReport, recipes: readonly string[] | undefined): StatusReport {
  if (!recipes) return report;
  const isNamed = ({ recipe }: { readonly recipe?: string }) => recipes.includes(recipe ?? '');
  const { rows, ended, channels, storage } = report;
  return {
    ...report,
    rows: rows.filter(isNamed),
    ...(ended && { ended: ended.filter(isNamed) }),
    ...(channels && { channels: channels.filter(isNamed) }),
    ...(storage && { storage: storage.filter(isNamed) }),
  };
}
