import { EC2Client } from '@aws-sdk/client-ec2';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context, SQSEvent } from 'aws-lambda';
import { Ec2SourceImages } from '../../adapters/ec2-source-images.ts';
import { SnsRequestTopics } from '../../adapters/sns-request-topics.ts';
import { SsmTargets } from '../../adapters/ssm-targets.ts';
import { asError } from '../../core/errors.ts';
import {
  publishNamed,
  publishSweep,
  type PublishContext,
  type PublishOutcome,
  type PublishReport,
} from '../../core/publish-image.ts';
import { readWakeUp } from '../../core/wake-ups.ts';
import { clientOf } from '../common/clients.ts';
import { log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { readPublishImageConfig } from '../common/publish-configuration.ts';
import { lazyOrganization } from '../start/lazy-organization.ts';

const config = readPublishImageConfig(process.env);
const topics = new Map<string, SNSClient>();
const context: PublishContext = {
  ...config,
  images: new Ec2SourceImages(clientOf(EC2Client, config.region).client),
  targets: new SsmTargets(clientOf(SSMClient, config.region).client, config.targetsPath),
  organization: config.organization && lazyOrganization(config.region, config.organization, 'image-copier-publish'),
  topics: new SnsRequestTopics(config.topicArn, (region) => {
    const sns = topics.get(region) ?? clientOf(SNSClient, region).client;
    topics.set(region, sns);
    return sns;
  }),
  nowMs: Date.now,
};
const metrics = new Metrics();

/** What publishing one image for thousands of accounts takes where AWS answers slowly. */
const PUBLISH_MS = 60_000;

/**
 * Publishes the images that the messages name, or all that there is to publish. It keeps no message: what could not be done is logged and
 * counted, and the next sweep finds it. Its queue is FIFO with one group, so nothing else is published at the same time.
 */
export async function handler(event: SQSEvent, lambda: Context): Promise<void> {
  const untilMs = Date.now() + lambda.getRemainingTimeInMillis() - PUBLISH_MS;
  const wakeUps = event.Records.map(({ body }) => readWakeUp(body));
  const requestId = lambda.awsRequestId;
  for (const { kind, text } of wakeUps.filter((wakeUp) => wakeUp.kind === 'unknown')) {
    log('WARN', `message ${kind}`, { text, requestId });
  }
  const named = wakeUps.flatMap((wakeUp) => (wakeUp.kind === 'image' ? [wakeUp.imageId] : []));
  if (named.length > 0) {
    await orPutOff(() => publishNamed(Array.from(new Set(named)), context, untilMs), requestId);
  }
  if (wakeUps.some(({ kind }) => kind === 'sweep')) await orPutOff(() => publishSweep(context, untilMs), requestId);
  metrics.publish();
}

/** What cannot be looked at is put off to the next sweep. */
async function orPutOff(publish: () => Promise<PublishReport>, requestId: string): Promise<void> {
  try {
    const { images, remaining, missing } = await publish();
    for (const image of images) report(image, requestId);
    if (missing) {
      metrics.count('PublishingsPutOff');
      log('ERROR', 'accounts of the organization put off', { requestId, error: missing });
    }
    if (remaining > 0) {
      metrics.count('PublishingsPutOff', remaining);
      log('WARN', 'images remaining for the next sweep', { remaining, requestId });
    }
  } catch (error) {
    metrics.count('PublishingsPutOff');
    log('ERROR', 'publishing put off', { requestId, error: asError(error) });
  }
}

function report({ error, problems, ...image }: PublishOutcome, requestId: string): void {
  const line = { ...image, requestId };
  if (image.outcome === 'published') metrics.count('ImagesPublished');
  if (error) {
    metrics.count('PublishingsPutOff');
    log('ERROR', 'image putOff', { ...line, problems, error });
  } else if (problems.length > 0) {
    metrics.count('PublishProblems');
    log('ERROR', `image ${image.outcome}, with problems`, { ...line, problems });
  } else if (image.outcome === 'published') log('INFO', 'image published', line);
}
