import { setTimeout as pause } from 'node:timers/promises';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { AccountImageReferences } from '../../adapters/account-image-references.ts';
import { Ec2AccountImages } from '../../adapters/ec2-account-images.ts';
import { Ec2ImageCatalogue } from '../../adapters/ec2-image-catalogue.ts';
import { PublishedResults, PublishedRetirements } from '../../adapters/published-results.ts';
import { SqsRequestQueue } from '../../adapters/sqs-request-queue.ts';
import { SsmEndedSources } from '../../adapters/ssm-ended-sources.ts';
import { SsmImageParameters } from '../../adapters/ssm-image-parameters.ts';
import { handleRetirement, type RetirementContext, type RetirementReport } from '../../core/handle-retirement.ts';
import type { RetirementOutcome } from '../../core/retire-images.ts';
import type { RevocationOutcome } from '../../core/revoke-images.ts';
import { clientOf } from '../common/clients.ts';
import { readRetireImageConfig } from '../common/retire-configuration.ts';
import { log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { toDelivery } from './delivery.ts';

const config = readRetireImageConfig(process.env);
const { region, resultsTopicArn } = config;
// What may use an image is asked for in many ways at the same time.
const ec2 = clientOf(EC2Client, region, 6).client;
const ssm = clientOf(SSMClient, region).client;
const queue = new SqsRequestQueue(clientOf(SQSClient, region).client, config);
const topic =
  resultsTopicArn === undefined
    ? undefined
    : // A topic's ARN names its Region: arn:aws:sns:<region>:<account>:<name>.
      { arn: resultsTopicArn, sns: clientOf(SNSClient, resultsTopicArn.split(':')[3] ?? region).client };
const published = new PublishedResults(clientOf(EventBridgeClient, region).client, topic);
const context: RetirementContext = {
  ...config,
  images: new Ec2AccountImages(ec2, config.copier),
  references: new AccountImageReferences({ ec2, ssm, autoScaling: clientOf(AutoScalingClient, region).client }),
  parameters: new SsmImageParameters(ssm, config.parameterPath),
  ended: new SsmEndedSources(ssm, config.copier),
  results: new PublishedRetirements(published, config),
  catalogue: new Ec2ImageCatalogue(region, (other) => (other === region ? ec2 : clientOf(EC2Client, other).client)),
  queue,
  enqueue: async (body, delaySeconds) => {
    await queue.enqueue(body, delaySeconds);
  },
  nowMs: Date.now,
  random: Math.random,
  pause,
};
const metrics = new Metrics();

/** What ten images take at the most where AWS answers slowly. */
const TEN_IMAGES_MS = 120_000;

const METRIC = {
  quarantined: 'ImagesQuarantined',
  retired: 'ImagesRetired',
  kept: 'ImagesKept',
  restored: 'ImagesRestored',
  gone: undefined,
  putOff: undefined,
} as const;

/** Handles messages about the end of images; those to try again are reported as failed, so that SQS keeps them. */
export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  const { awsRequestId: requestId } = lambda;
  const untilMs = Date.now() + lambda.getRemainingTimeInMillis() - TEN_IMAGES_MS;
  const toKeep: string[] = [];
  // One after the other: two of them may be about the same images.
  for (const record of event.Records) {
    const result = await handleRetirement(toDelivery(record), context, untilMs);
    report(result, requestId);
    if (result.outcome === 'retried') toKeep.push(result.messageId);
  }
  metrics.publish();
  return { batchItemFailures: toKeep.map((itemIdentifier) => ({ itemIdentifier })) };
}

function report({ images, revocations, sweep, error, ...result }: RetirementReport, requestId: string): void {
  for (const image of images) reportImage(image, requestId);
  for (const revocation of revocations) reportRevocation(revocation, requestId);
  if (sweep) {
    const { errors, ...found } = sweep;
    metrics.count('RetirementSweeps');
    metrics.count('SnapshotsRemaining', found.remainingSnapshots.length);
    log('INFO', 'retention sweep done', { ...found, requestId });
    for (const each of errors) log('ERROR', 'part of the retention sweep put off', { requestId, error: each });
  }
  const line = { ...result, requestId, error };
  if (result.outcome === 'refused') metrics.count('RetirementsRefused');
  if (result.outcome === 'retried') metrics.count('RetirementsRetried');
  if (result.outcome === 'refused') log('ERROR', 'message refused', line);
  else if (result.outcome === 'retried') log('WARN', 'message retried', line);
  else log('INFO', `message ${result.outcome}`, line);
}

function reportImage({ error, untold, ...image }: RetirementOutcome, requestId: string): void {
  const metric = METRIC[image.outcome];
  if (metric) metrics.count(metric);
  const line = { ...image, requestId };
  if (error) log('ERROR', 'image putOff', { ...line, error });
  else if (image.remainingSnapshots) log('ERROR', `image ${image.outcome}, with snapshots remaining`, line);
  else log('INFO', `image ${image.outcome}`, line);
  if (untold) {
    metrics.count('ResultsUntold');
    log('ERROR', 'nobody could be told', { ...line, error: untold });
  }
}

function reportRevocation({ errors, ...revocation }: RevocationOutcome, requestId: string): void {
  if (revocation.kind === 'Image Revoked') metrics.count('ImagesRevoked', revocation.images.length);
  const line = { ...revocation, requestId };
  if (errors.length === 0) log('INFO', `revocation: ${revocation.kind}`, line);
  for (const error of errors) log('ERROR', `revocation: ${revocation.kind}, in part`, { ...line, error });
}
