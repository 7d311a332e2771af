import type { EnvironmentOptions } from '../common/environment-options.ts';
import { findEndedImages, printEndedImages, type EndedImage } from '../common/ended-images.ts';
import type { Copier, Environment } from '../common/environment.ts';
import { environmentsOf, type Environments, type Source } from '../common/environments.ts';
import { groupBy } from '../common/group-by.ts';
import { formatJson } from '../common/json.ts';
import { formatTable } from '../common/table.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { imageFor } from '../common/wanted-images.ts';
import { planRequest, type PlannedCall } from '../request/plan.ts';
import { formatCall } from '../request/show.ts';
import { isNotShared } from '../status/build-report.ts';
import { readReport } from '../status/read-report.ts';
import type { Cell, SourceImageFact, StatusReport } from '../status/report.ts';
import { shareCommand } from './share-command.ts';

export interface BackfillOptions extends EnvironmentOptions {
  readonly recipe?: readonly string[];
  readonly since?: Date;
  readonly share?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** An image, and the accounts and Regions that have no copy of it. */
interface Gap {
  readonly image: SourceImageFact;
  readonly recipe: string | undefined;
  readonly environments: readonly Environment[];
}

/** Finds the copies that accounts miss, and asks for them. */
export async function backfill(options: BackfillOptions, tool: Tool): Promise<ExitCode> {
  const { recipe, since, share, dryRun, json } = options;
  const { terminal, loadConnect, interruptible } = tool;
  const { out, err } = terminal;
  const environments = await environmentsOf(options, await loadConnect());
  const { source } = environments;
  // Tags are seen by the owner of an image alone, and only the source account may publish.
  if (!source) throw new UserError('backfill needs the source account: name an --accounts-file.', 2);
  return await interruptible(async (signal) => {
    const choice = { ...(recipe && { recipe }), images: since !== undefined };
    const { report, allRead } = await readReport(environments, choice, signal, tool);
    const asked: Gap[] = [];
    let code: ExitCode = allRead ? 0 : 1;
    const gaps = gapsIn(report, since, (cell) => isMissing(cell) || (share === true && isNotShared(cell)));
    const ended = await findEndedImages(imagesLacking(gaps, environments), signal, terminal);
    for (const gap of withoutEnded(gaps, ended)) {
      signal.throwIfAborted();
      const calls = await callsFor(gap, source, environments.copiers, options, terminal);
      if (calls instanceof UserError) {
        print(err, calls.message);
        code = 1;
        continue;
      }
      for (const call of calls) {
        if (dryRun && !json) print(out, formatCall(call));
        if (!dryRun) await call.send();
      }
      asked.push(gap);
      if (!dryRun && !json) for (const line of formatGap(gap)) print(out, `Asked for ${line}`);
    }
    const copies = asked.reduce((sum, gap) => sum + gap.environments.length, 0);
    const summary = `${dryRun ? 'Would ask' : 'Asked'} for ${copies} ${copies === 1 ? 'copy' : 'copies'}.`;
    print(out, json ? formatJson(asked.map(fieldsOf)) : summary);
    printEndedImages('LEFT OUT', ended, options, tool.program, terminal);
    if (!share) printUnshared(gapsIn(report, since, isNotShared), environments, options, tool);
    return code;
  });
}

function isMissing(cell: Cell): boolean {
  return (cell.state === 'missing' || cell.state === 'stale') && !isNotShared(cell);
}

function gapsIn({ rows, columns }: StatusReport, since: Date | undefined, isGap: (cell: Cell) => boolean): Gap[] {
  return rows.flatMap(({ recipe, images, cells }) =>
    images
      .filter(({ bakedAt }) => since === undefined || new Date(bakedAt) >= since)
      .map((image) => ({
        image,
        recipe,
        environments: columns.filter(({ region }, index) => {
          const cell = cells[index];
          return cell !== undefined && isGap(cell) && imageFor(images, region) === image;
        }),
      }))
      .filter((gap) => gap.environments.length > 0),
  );
}

/** The images that each account and Region lacks. */
function imagesLacking(gaps: readonly Gap[], { copiers }: Environments): Map<Copier, readonly string[]> {
  const lacking = copiers.map((copier): [Copier, string[]] => [
    copier,
    gaps.flatMap(({ image, environments }) => (environments.some((each) => isSame(each, copier)) ? image.imageId : [])),
  ]);
  return new Map(lacking.filter(([, imageIds]) => imageIds.length > 0));
}

/** The gaps that accounts can fill: they refuse images that were retired or revoked in them. */
function withoutEnded(gaps: readonly Gap[], ended: readonly EndedImage[]): Gap[] {
  const isEnded = (imageId: string, environment: Environment) =>
    ended.some(({ environment: place, end }) => end.sourceImageId === imageId && isSame(place, environment));
  return gaps
    .map((gap) => ({ ...gap, environments: gap.environments.filter((each) => !isEnded(gap.image.imageId, each)) }))
    .filter(({ environments }) => environments.length > 0);
}

function isSame(one: Environment, other: Environment): boolean {
  return one.accountId === other.accountId && one.region === other.region;
}

/** The calls for a gap, or why the accounts could not copy the image. */
async function callsFor(
  { image, environments }: Gap,
  source: Source,
  copiers: readonly Copier[],
  { share }: BackfillOptions,
  { err }: Terminal,
): Promise<PlannedCall[] | UserError> {
  const { imageId, region } = image;
  const asked = copiers.filter((copier) => environments.some((each) => isSame(each, copier)));
  // Each account listens to the topic of its own Region, wherever the image is.
  const topics = Array.from(byRegion(environments), ([ownRegion, accounts]) => ({
    sns: source.clientsIn(ownRegion).sns,
    topicArn: source.topicArnIn(ownRegion),
    region: ownRegion,
    accounts: accounts.map(({ accountId }) => accountId),
  }));
  try {
    return await planRequest(
      source.clientsIn(region),
      { imageId, region, topics, copiers: asked },
      { share },
      (line) => {
        print(err, line);
      },
    );
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** Names the images that accounts were not asked for because they may not use them, and the command that changes it. */
function printUnshared(
  gaps: readonly Gap[],
  { copiers }: Environments,
  options: BackfillOptions,
  { program, terminal: { err } }: Tool,
): void {
  if (gaps.length === 0) return;
  const rows = gaps.map(({ image, recipe = '-', environments }) => [
    image.imageId,
    recipe,
    image.region,
    namesOf(environments),
  ]);
  print(err, formatTable(['NOT SHARED', 'RECIPE', 'REGION', 'WITH'], rows, err.size?.columns));
  const lacking = gaps.flatMap((gap) => gap.environments);
  print(err, `To share them and ask for copies: ${shareCommand(program, options, copiers, lacking)}`);
}

/** A line for each Region that is asked. */
function formatGap({ image, recipe, environments }: Gap): string[] {
  const what = `${image.imageId}${recipe === undefined ? '' : ` (${recipe})`}`;
  return Array.from(byRegion(environments), ([region, accounts]) => `${what} in ${region}: ${namesOf(accounts)}`);
}

function byRegion(environments: readonly Environment[]): Map<string, Environment[]> {
  return groupBy(environments, ({ region }) => region);
}

function namesOf(environments: readonly Environment[]): string {
  return Array.from(new Set(environments.map(({ account }) => account))).join(', ');
}

function fieldsOf({ image, recipe, environments }: Gap) {
  return {
    imageId: image.imageId,
    region: image.region,
    recipe: recipe ?? null,
    accounts: environments.map(({ account, accountId, region }) => ({ account, accountId, region })),
  };
}
