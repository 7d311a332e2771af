import { setTimeout as pause } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { Ec2ImageCatalogue } from '../../adapters/ec2-image-catalogue.ts';
import { SsmRefusedRequests } from '../../adapters/ssm-asked-requests.ts';
import { SsmEndedSources } from '../../adapters/ssm-ended-sources.ts';
import { handleDelivery, type DeliveryContext, type DeliveryResult } from '../../core/handle-delivery.ts';
import { PatientCatalogue } from '../../core/patient-catalogue.ts';
import { clientOf } from '../common/clients.ts';
import { readCopyImageConfig } from '../common/configuration.ts';
import { lazyQueues } from '../start/lazy-queues.ts';
import { log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { prewarmCopying } from '../start/prewarm-functions.ts';
import { toDelivery } from './delivery.ts';

const config = readCopyImageConfig(process.env);
// A request is looked up in four ways at the same time.
const ec2 = clientOf(EC2Client, config.region, 3);
const ssm = clientOf(SSMClient, config.region);
const context: DeliveryContext = {
  target: config,
  retrySeconds: config.retrySeconds,
  catalogue: new Ec2ImageCatalogue(config.region, (region) =>
    region === config.region ? ec2.client : clientOf(EC2Client, region).client,
  ),
  ended: new SsmEndedSources(ssm.client, config.copier),
  refusals: new SsmRefusedRequests(ssm.client, config.copier),
  queue: lazyQueues(config),
  nowMs: Date.now,
  random: Math.random,
};
const metrics = new Metrics();

/** Does once what the first event needs, so that it takes less time. */
export async function prepare(): Promise<void> {
  await prewarmCopying(config, [ec2, ssm], context);
}

/** What one delivery takes at the most once it waits no more: its calls, each tried twice. */
const CALLS_MS = 20_000;

const METRIC = {
  started: 'CopiesStarted',
  reused: 'CopiesReused',
  ignored: 'RequestsIgnored',
  refused: 'RequestsRefused',
  retried: 'RequestsRetried',
} as const;

/** Handles a batch of copy requests; those to try again are reported as failed, so that SQS keeps them. */
export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  const untilMs = Date.now() + lambda.getRemainingTimeInMillis() - CALLS_MS;
  const { nowMs, random } = context;
  const catalogue = new PatientCatalogue(context.catalogue, { untilMs, nowMs, random, pause });
  const results = await Promise.all(
    event.Records.map((record) => handleDelivery(toDelivery(record), { ...context, catalogue })),
  );
  for (const result of results) report(result, lambda.awsRequestId);
  metrics.publish();
  const toKeep = results.filter(({ outcome }) => outcome === 'retried');
  return { batchItemFailures: toKeep.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function report({ error, ...result }: DeliveryResult, requestId: string): void {
  metrics.count(METRIC[result.outcome]);
  if (result.uncertain) metrics.count('RequestsUncertain');
  if (result.ownPace) metrics.count('CopiesAtOwnPace');
  // Once for each request, however often it is tried.
  if (result.badAccounts && result.outcome !== 'retried') metrics.count('BadAccounts', result.badAccounts.count);
  if (result.waitedSeconds !== undefined) metrics.add('RequestWait', 'Seconds', result.waitedSeconds);
  const line = { ...result, requestId, error };
  if (result.outcome === 'refused') log('ERROR', 'request refused', line);
  else if (result.outcome === 'retried') log('WARN', 'request retried', line);
  else if (result.ownPace) log('WARN', 'request started, at the pace of EC2', line);
  else log('INFO', `request ${result.outcome}`, line);
}
