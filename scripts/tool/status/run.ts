import type { PlacesOptions } from '../common/places-options.ts';
import { writeFileSync } from 'node:fs';
import { messageOf } from '../common/message-of.ts';
import { buildReport, imagesWithGaps, type ReportInput, type SharedWith } from './build-report.ts';
import { statusPage } from './page.ts';
import { readPlace, readSharedWith, readSourceImages } from './read-places.ts';
import type { CellState, StatusReport } from './report.ts';
import { explained } from '../common/aws-errors.ts';
import { inPlaces, tellProblems } from '../common/in-places.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';
import { placesOf, type Places } from '../common/places.ts';
import { showStatus } from './show.ts';
import { UserError } from '../common/user-error.ts';

export interface StatusOptions extends PlacesOptions {
  readonly recipe?: readonly string[];
  readonly images?: true;
  readonly all?: true;
  readonly html?: string;
  readonly json?: true;
}

const BAD: readonly CellState[] = ['failed', 'missing', 'stale', 'unknown'];

/** Reads all places at once, and shows the matrix. */
export async function status(options: StatusOptions): Promise<void> {
  const places = await placesOf(options);
  await interruptible(async (signal) => {
    const report = await readReport(places, options, signal);
    if (options.html !== undefined) writePage(options.html, report);
    if (options.json) console.log(formatJson(report));
    else
      console.log(
        showStatus(report, { all: options.all, width: process.stdout.isTTY ? process.stdout.columns : undefined }),
      );
    if (report.rows.some(({ cells }) => cells.some(({ state }) => BAD.includes(state)))) process.exitCode = 1;
  });
}

function writePage(file: string, report: StatusReport): void {
  try {
    writeFileSync(file, statusPage(report));
  } catch (error) {
    throw new UserError(`${file} cannot be written: ${messageOf(error)}.`, 2, { cause: error });
  }
  console.error(`Wrote ${file}.`);
}

/** The report of the places that are named, with what the source account knows where it can be asked. */
export async function readReport(
  { targets, source }: Places,
  { recipe, images, name }: Pick<StatusOptions, 'recipe' | 'images' | 'name'>,
  signal: AbortSignal,
): Promise<StatusReport> {
  const regions = Array.from(new Set(targets.map(({ region }) => region)));
  const recipeTag = targets[0]?.copier.recipeTag ?? '';
  const readSources = async () => {
    if (!source) return undefined;
    const all = await Promise.all(regions.map((region) => readSourceImages(source.settingsIn(region), recipeTag)));
    return all.flat().filter((image) => recipe === undefined || recipe.includes(image.recipe ?? ''));
  };
  const [outcomes, sources] = await Promise.all([
    inPlaces(targets, (place) => readPlace(place, signal), signal),
    readSources().catch((error: unknown) => {
      throw explained(error, { region: regions.join(', '), name });
    }),
  ]);
  tellProblems(outcomes);
  // An account that could not be read is a failure also where there is no row that could show it.
  if (outcomes.some((outcome) => 'problem' in outcome)) process.exitCode = 1;
  const input = {
    readAt: new Date().toISOString(),
    outcomes,
    sources,
    rows: images ? 'images' : 'recipes',
    sharedWith: new Map<string, SharedWith>(),
  } satisfies ReportInput;
  const report = buildReport(input);
  if (!source) return onlyRecipes(report, recipe);
  const gaps = imagesWithGaps(report);
  const shared = await Promise.all(
    gaps.map(
      async ({ imageId, region }) => [imageId, await readSharedWith(source.settingsIn(region), imageId)] as const,
    ),
  );
  return buildReport({ ...input, sharedWith: new Map(shared) });
}

function onlyRecipes(report: StatusReport, recipes: readonly string[] | undefined): StatusReport {
  if (!recipes) return report;
  return { ...report, rows: report.rows.filter(({ recipe }) => recipes.includes(recipe ?? '')) };
}
