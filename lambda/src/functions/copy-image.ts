import { setTimeout as pause } from 'node:timers/promises';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { Ec2ImageCatalogue } from '../adapters/ec2-image-catalogue.ts';
import { SqsRequestQueue } from '../adapters/sqs-request-queue.ts';
import { handleDelivery, type DeliveryContext, type DeliveryResult } from '../core/handle-delivery.ts';
import { PatientCatalogue } from '../core/patient-catalogue.ts';
import type { Delivery } from '../core/request-queue.ts';
import { clientSettings, createLogger, METRICS_NAMESPACE } from './runtime.ts';
import { readCopyImageConfig, type CopyImageConfig } from './configuration.ts';

const logger = createLogger();
const metrics = new Metrics({ namespace: METRICS_NAMESPACE, logger });
const context = deliveryContext(readCopyImageConfig(process.env));

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
  metrics.publishStoredMetrics();
  const toKeep = results.filter(({ outcome }) => outcome === 'retried');
  return { batchItemFailures: toKeep.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function report({ error, ...result }: DeliveryResult, requestId: string): void {
  metrics.addMetric(METRIC[result.outcome], MetricUnit.Count, 1);
  if (result.waitedSeconds !== undefined) metrics.addMetric('RequestWait', MetricUnit.Seconds, result.waitedSeconds);
  const line = { ...result, requestId };
  if (result.outcome === 'refused') logger.error('request refused', line, { error });
  else if (result.outcome === 'retried') logger.warn('request retried', line, { error });
  else logger.info(`request ${result.outcome}`, line);
}

function toDelivery({ messageId, receiptHandle, body, attributes }: SQSRecord): Delivery {
  return {
    messageId,
    receiptHandle,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
    sentAtMs: Number(attributes.SentTimestamp),
  };
}

function deliveryContext(config: CopyImageConfig): DeliveryContext {
  const own = new EC2Client({ region: config.region, ...clientSettings });
  const ec2In = (region: string) => (region === config.region ? own : new EC2Client({ region, ...clientSettings }));
  return {
    target: config,
    retrySeconds: config.retrySeconds,
    catalogue: new Ec2ImageCatalogue(config.region, ec2In),
    queue: new SqsRequestQueue(new SQSClient({ region: config.region, ...clientSettings }), config),
    nowMs: Date.now,
    random: Math.random,
  };
}
