import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { Ec2ImageCatalogue } from '../adapters/ec2-image-catalogue.ts';
import { SqsRequestQueue } from '../adapters/sqs-request-queue.ts';
import { handleDelivery, type DeliveryContext, type DeliveryResult } from '../core/handle-delivery.ts';
import type { Delivery } from '../core/request-queue.ts';
import { readConfig } from './configuration.ts';

const SERVICE = 'copy-image';
const logger = new Logger({ serviceName: SERVICE });
const metrics = new Metrics({ namespace: 'ImageCopier', serviceName: SERVICE, logger });
const context = deliveryContext(readConfig(process.env));

const METRIC = {
  started: 'CopiesStarted',
  reused: 'CopiesReused',
  ignored: 'RequestsIgnored',
  refused: 'RequestsRefused',
  retried: 'RequestsRetried',
} as const;

/** Handles a batch of copy requests; those to try again are reported as failed, so that SQS keeps them. */
export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  const results = await Promise.all(event.Records.map((record) => handleDelivery(toDelivery(record), context)));
  for (const result of results) report(result, lambda.awsRequestId);
  metrics.publishStoredMetrics();
  const toKeep = results.filter(({ outcome }) => outcome === 'retried');
  return { batchItemFailures: toKeep.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function report({ error, ...result }: DeliveryResult, requestId: string): void {
  metrics.addMetric(METRIC[result.outcome], MetricUnit.Count, 1);
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

function deliveryContext(config: ReturnType<typeof readConfig>): DeliveryContext {
  // Describe, copy and queue come one after the other: with two tries each they end within the function's 60 seconds.
  const requestHandler = { connectionTimeout: 3_000, requestTimeout: 9_000, throwOnRequestTimeout: true };
  const settings = { requestHandler, maxAttempts: 2 };
  const own = new EC2Client({ region: config.region, ...settings });
  const ec2In = (region: string) => (region === config.region ? own : new EC2Client({ region, ...settings }));
  return {
    target: config,
    retrySeconds: config.retrySeconds,
    catalogue: new Ec2ImageCatalogue(config.region, ec2In),
    queue: new SqsRequestQueue(new SQSClient({ region: config.region, ...settings }), config),
    nowMs: Date.now,
    random: Math.random,
  };
}
