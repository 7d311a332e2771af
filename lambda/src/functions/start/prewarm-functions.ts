import { formatMarker, MARKER } from '../../core/copy-marker.ts';
import { copyImage } from '../../core/copy-image.ts';
import { parseCopyRequest } from '../../core/copy-request.ts';
import { asError } from '../../core/errors.ts';
import { endedSourcesPath } from '../../adapters/ssm-ended-sources.ts';
import { formatSourceEnd } from '../../core/ended-sources.ts';
import type { DeliveryContext } from '../../core/handle-delivery.ts';
import { settleNamed, type SettleCopiesContext } from '../../core/settle-copies.ts';
import type { Answer } from './answering-agent.ts';
import type { CopyImageConfig } from '../common/configuration.ts';
import type { SettleCopyConfig } from '../common/settle-configuration.ts';
import { log } from '../common/log.ts';
import { prewarm, type Prewarmed } from './prewarm.ts';

const IMAGE = 'ami-00000000000000000';
const SOURCE = 'ami-11111111111111111';
const SNAPSHOT = 'snap-00000000000000000';
const MADE_AT = '2026-01-01T00:00:00.000Z';

/** SSM's answer for a source image of which copies may be made. */
const NOT_ENDED = JSON.stringify({
  Parameter: { Value: formatSourceEnd({ kind: 'unrevoked', at: MADE_AT, reason: 'prewarm' }) },
});

/** Prewarms the making of a copy of an image that is there and has no copy. */
export async function prewarmCopying(
  config: CopyImageConfig,
  clients: readonly Prewarmed[],
  { catalogue, ended }: Pick<DeliveryContext, 'catalogue' | 'ended'>,
): Promise<void> {
  const request = JSON.stringify({
    sourceAmi: SOURCE,
    sourceRegion: config.region,
    targetAccounts: [config.account],
    name: 'prewarm',
    description: '',
    tags: { Name: 'prewarm' },
  });
  const answers: Answers = {
    DescribeImages: describedImage(config.trustedOwners[0], [['Name', 'prewarm']]),
    GetParameter: NOT_ENDED,
    CopyImage: `<CopyImageResponse><imageId>${IMAGE}</imageId></CopyImageResponse>`,
  };
  await orWarn(
    clients,
    (operation) => answers[operation],
    async () => {
      const { kind } = await copyImage(parseCopyRequest(request), config, catalogue, ended);
      return kind === 'started';
    },
  );
}

/** Prewarms the settling of a copy that has become available, and to which its parameter is to point. */
export async function prewarmSettling(
  config: SettleCopyConfig,
  clients: readonly Prewarmed[],
  context: SettleCopiesContext,
): Promise<void> {
  const tags = [
    [config.recipeTag, 'prewarm'],
    [MARKER, formatMarker({ copier: config.copier, attempt: 1, bakedAt: MADE_AT })],
  ] as const;
  let parameter = SOURCE;
  const answers: Answers = {
    DescribeImages: describedImage(config.account, tags),
    DescribeSnapshots: `<DescribeSnapshotsResponse><snapshotSet><item><snapshotId>${SNAPSHOT}</snapshotId><encrypted>true</encrypted><kmsKeyId>${config.kmsKeyArn}</kmsKeyId>${tagSet(tags)}</item></snapshotSet></DescribeSnapshotsResponse>`,
    CreateTags: '<CreateTagsResponse><return>true</return></CreateTagsResponse>',
    PutParameter: '{"Version":1}',
    PutEvents: '{"Entries":[{"EventId":"prewarm"}]}',
    Publish: '<PublishResponse><PublishResult><MessageId>prewarm</MessageId></PublishResult></PublishResponse>',
  };
  const answer = (operation: string, asked: string) => {
    if (operation === 'GetParameters') {
      const isAboutEnds = asked.includes(endedSourcesPath(config.copier));
      return isAboutEnds ? '{"Parameters":[]}' : parametersAnswer(`${config.parameterPath}/prewarm`, parameter);
    }
    if (operation === 'PutParameter') parameter = IMAGE;
    return answers[operation];
  };
  await orWarn(clients, answer, async () => {
    const { copies } = await settleNamed([IMAGE], context, Infinity);
    return copies.length === 1 && copies.every(({ outcome }) => outcome === 'settled');
  });
}

/** The first event does without a prewarming that failed: it takes longer. */
async function orWarn(clients: readonly Prewarmed[], answer: Answer, part: () => Promise<boolean>): Promise<void> {
  try {
    await prewarm(clients, answer, async () => {
      if (!(await part())) throw new Error('It ended otherwise than it should.');
    });
  } catch (error) {
    log('WARN', 'prewarming failed', { error: asError(error) });
  }
}

function parametersAnswer(name: string, value: string): string {
  return JSON.stringify({ Parameters: [{ Name: name, Value: value }] });
}

type Answers = Readonly<Record<string, string>>;

type Tags = readonly (readonly [string, string])[];

/** EC2's answer to DescribeImages, with the fields that are read. */
function describedImage(owner: string | undefined, tags: Tags): string {
  const device = `<item><ebs><snapshotId>${SNAPSHOT}</snapshotId><encrypted>true</encrypted></ebs></item>`;
  const image = `<imageId>${IMAGE}</imageId><imageState>available</imageState><imageOwnerId>${owner}</imageOwnerId><creationDate>${MADE_AT}</creationDate><name>prewarm</name><blockDeviceMapping>${device}</blockDeviceMapping>${tagSet(tags)}<sourceImageId>${SOURCE}</sourceImageId><sourceImageRegion>eu-west-1</sourceImageRegion>`;
  return `<DescribeImagesResponse><imagesSet><item>${image}</item></imagesSet></DescribeImagesResponse>`;
}

function tagSet(tags: Tags): string {
  const items = tags.map(([key, value]) => `<item><key>${escaped(key)}</key><value>${value}</value></item>`);
  return `<tagSet>${items.join('')}</tagSet>`;
}

/** The name of the recipe tag is set by the user. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
