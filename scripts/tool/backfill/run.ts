import type { EnvironmentOptions } from '../common/environment-options.ts';
import type { Copier, Environment } from '../common/environment.ts';
import { environmentsOf, type Source } from '../common/environments.ts';
import { formatJson } from '../common/json.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { planRequest, type PlannedCall } from '../request/plan.ts';
import { formatCall } from '../request/show.ts';
import { readReport } from '../status/read-report.ts';
import type { SourceImageFact, StatusReport } from '../status/report.ts';

export interface BackfillOptions extends EnvironmentOptions {
  readonly recipe?: readonly string[];
  readonly since?: Date;
  readonly share?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** An image, and the accounts that have no copy of it. */
interface Gap {
  readonly image: SourceImageFact;
  readonly recipe: string | undefined;
  readonly environments: readonly Environment[];
}

/** Finds the copies that accounts miss, and asks for them. */
export async function backfill(
  options: BackfillOptions,
  { terminal, connect, interruptible }: Tool,
): Promise<ExitCode> {
  const { recipe, since, dryRun, json } = options;
  const { out, err } = terminal;
  const environments = await environmentsOf(options, connect);
  const { source } = environments;
  // Tags are seen by the owner of an image alone, and only the source account may publish.
  if (!source) throw new UserError('backfill needs the source account: name an --accounts-file.', 2);
  return await interruptible(async (signal) => {
    const choice = { ...(recipe && { recipe }), images: since !== undefined };
    const { report, allRead } = await readReport(environments, choice, signal, terminal);
    const asked: Gap[] = [];
    let code: ExitCode = allRead ? 0 : 1;
    for (const gap of gapsIn(report, since)) {
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
      if (!dryRun && !json) print(out, `Asked for ${formatGap(gap)}`);
    }
    const copies = asked.reduce((sum, gap) => sum + gap.environments.length, 0);
    const summary = `${dryRun ? 'Would ask' : 'Asked'} for ${copies} ${copies === 1 ? 'copy' : 'copies'}.`;
    print(out, json ? formatJson(asked.map(fieldsOf)) : summary);
    return code;
  });
}

function gapsIn({ rows, columns }: StatusReport, since: Date | undefined): Gap[] {
  return rows.flatMap(({ recipe, images, cells }) =>
    images
      .filter(({ bakedAt }) => since === undefined || new Date(bakedAt) >= since)
      .map((image) => ({
        image,
        recipe,
        environments: columns.filter(({ region }, index) => {
          const { state, reason } = cells[index] ?? {};
          // A reason tells that the newest image is not shared.
          const isWanted = state === 'missing' || (state === 'stale' && reason === undefined);
          return region === image.region && isWanted;
        }),
      }))
      .filter((gap) => gap.environments.length > 0),
  );
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
  const accounts = environments.map(({ accountId }) => accountId);
  const aws = source.clientsIn(region);
  const asked = copiers.filter((copier) => copier.region === region && accounts.includes(copier.accountId));
  const topics = [{ sns: aws.sns, topicArn: source.topicArnIn(region), accounts }];
  try {
    return await planRequest(aws, { imageId, region, topics, copiers: asked }, { share }, (line) => {
      print(err, line);
    });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

function formatGap({ image, recipe, environments }: Gap): string {
  const accounts = environments.map(({ account }) => account).join(', ');
  return `${image.imageId}${recipe === undefined ? '' : ` (${recipe})`} in ${image.region}: ${accounts}`;
}

function fieldsOf({ image, recipe, environments }: Gap) {
  return {
    imageId: image.imageId,
    region: image.region,
    recipe: recipe ?? null,
    accounts: environments.map(({ account, accountId }) => ({ account, accountId })),
  };
}
