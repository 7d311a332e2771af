import type { PlacesOptions } from '../common/places-options.ts';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SNSClient } from '@aws-sdk/client-sns';
import { AnnouncementError, planAnnouncement, type PlannedCall } from '../request/plan.ts';
import type { Column, SourceImageFact, StatusReport } from '../status/report.ts';
import { explained } from '../common/aws-errors.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';
import { placesOf, type Source } from '../common/places.ts';
import { readReport } from '../status/run.ts';
import { UserError } from '../common/user-error.ts';

export interface BackfillOptions extends PlacesOptions {
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
  readonly columns: readonly Column[];
}

/** Finds the copies that accounts miss, and asks for them. */
export async function backfill(options: BackfillOptions): Promise<void> {
  const { recipe, since, name, dryRun, json } = options;
  const places = await placesOf(options);
  const { source } = places;
  // Tags are seen by the owner of an image alone, and only the source account may publish.
  if (!source) throw new UserError('backfill needs the source account: name an --accounts-file.', 2);
  await interruptible(async (signal) => {
    const report = await readReport(
      places,
      { name, ...(recipe && { recipe }), ...(since && { images: true as const }) },
      signal,
    );
    const gaps = gapsIn(report, since);
    let asked = 0;
    const fields: unknown[] = [];
    for (const gap of gaps) {
      signal.throwIfAborted();
      const calls = await callsFor(gap, source, options);
      if (!calls) continue;
      for (const call of calls) {
        if (dryRun && !json) console.log(`would call ${call.action} ${call.resource}: ${call.details}`);
        if (!dryRun) await sendInWords(call, gap, name);
      }
      asked += gap.columns.length;
      fields.push(fieldsOf(gap));
      if (!dryRun && !json) console.log(`Asked for ${described(gap)}`);
    }
    if (json) console.log(formatJson(fields));
    else console.log(`${dryRun ? 'Would ask' : 'Asked'} for ${asked} ${asked === 1 ? 'copy' : 'copies'}.`);
  });
}

function gapsIn({ rows, columns }: StatusReport, since: Date | undefined): Gap[] {
  return rows.flatMap(({ recipe, images, cells }) =>
    images
      .filter(({ bakedAt }) => since === undefined || new Date(bakedAt) >= since)
      .map((image) => ({
        image,
        recipe,
        columns: columns.filter(({ region }, index) => {
          const { state, reason } = cells[index] ?? {};
          // A reason tells that the newest image is not shared.
          const isWanted = state === 'missing' || (state === 'stale' && reason === undefined);
          return region === image.region && isWanted;
        }),
      }))
      .filter((gap) => gap.columns.length > 0),
  );
}

/** The calls for a gap; undefined, told to the user, if the accounts could not copy the image. */
async function callsFor(
  gap: Gap,
  source: Source,
  { name, share }: BackfillOptions,
): Promise<PlannedCall[] | undefined> {
  const { imageId, region } = gap.image;
  const settings = source.settingsIn(region);
  const accounts = gap.columns.map(({ accountId }) => accountId);
  const ec2 = new EC2Client(settings);
  try {
    const sns = new SNSClient(settings);
    const topicArn = source.topicArnIn(region);
    return await planAnnouncement({ ec2, sns, topicArn, imageId, accounts }, { share });
  } catch (error) {
    if (!(error instanceof AnnouncementError)) throw explained(error, { region, name });
    console.error(error.message);
    process.exitCode = 1;
    return undefined;
  }
}

async function sendInWords(call: PlannedCall, { image }: Gap, name: string): Promise<void> {
  try {
    await call.send();
  } catch (error) {
    throw explained(error, { region: image.region, name });
  }
}

function described({ image, recipe, columns }: Gap): string {
  const accounts = columns.map(({ account }) => account).join(', ');
  return `${image.imageId}${recipe === undefined ? '' : ` (${recipe})`} in ${image.region}: ${accounts}`;
}

function fieldsOf({ image, recipe, columns }: Gap) {
  return {
    imageId: image.imageId,
    region: image.region,
    recipe: recipe ?? null,
    accounts: columns.map(({ account, accountId }) => ({ account, accountId })),
  };
}
