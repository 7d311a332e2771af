import { allWell, inEnvironments, PARALLEL, printProblems } from '../common/in-environments.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import { lineAbout, type Copier } from '../common/environment.ts';
import type { Environments } from '../common/environments.ts';
import { print, type Terminal } from '../common/terminal.ts';
import { buildReport, imagesWithGaps, type ReportInput } from './build-report.ts';
import { withFailedTries } from './failed-tries.ts';
import { readCopier, readSharedWith, readSourceImages } from './read-copiers.ts';
import type { StatusReport } from './report.ts';

/** Which images a report is about. */
export interface ReportChoice {
  readonly recipe?: readonly string[];
  readonly images?: boolean;
}

/** A report, and whether every account could be read. */
export interface ReadReport {
  readonly report: StatusReport;
  readonly allRead: boolean;
}

/** Reads the environments, and what the source account knows where it can be asked. Prints which ones could not be read. */
export async function readReport(
  { copiers, source }: Environments,
  { recipe, images = false }: ReportChoice,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ReadReport> {
  const recipeTag = copiers[0]?.recipeTag ?? '';
  const readSources = async () => {
    if (!source) return undefined;
    const all = await readSourceImages(source, recipeTag);
    return all.filter((image) => recipe === undefined || recipe.includes(image.recipe ?? ''));
  };
  // Printed once the live lines are gone, which would erase them.
  const warnings: string[] = [];
  const read = (copier: Copier) => readCopier(copier, signal, (line) => warnings.push(lineAbout(copier, line)));
  const [outcomes, sources] = await Promise.all([inEnvironments(copiers, read, signal, terminal), readSources()]);
  printProblems(outcomes, terminal);
  for (const warning of warnings) print(terminal.err, warning);
  const allRead = allWell(outcomes);
  const input = {
    readAt: new Date().toISOString(),
    outcomes,
    sources,
    rows: images ? 'images' : 'recipes',
    sharedWith: new Map(),
  } satisfies ReportInput;
  const explained = async (built: StatusReport) =>
    await withFailedTries(built, copiers, signal, (line) => {
      print(terminal.err, line);
    });
  const report = buildReport(input);
  if (!source) return { report: await explained(onlyRecipes(report, recipe)), allRead };
  const shared = await mapConcurrently(
    imagesWithGaps(report),
    PARALLEL,
    async ({ imageId, region }) => {
      const sharedWith = await readSharedWith(source.clientsIn(region), imageId, source.accountId);
      return [imageId, sharedWith] as const;
    },
    signal,
  );
  return { report: await explained(buildReport({ ...input, sharedWith: new Map(shared) })), allRead };
}

function onlyRecipes(report: StatusReport, recipes: readonly string[] | undefined): StatusReport {
  if (!recipes) return report;
  return { ...report, rows: report.rows.filter(({ recipe }) => recipes.includes(recipe ?? '')) };
}
