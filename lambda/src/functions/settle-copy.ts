import { setTimeout as pause } from 'node:timers/promises';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context, SQSEvent } from 'aws-lambda';
import { Ec2CopyInventory } from '../adapters/ec2-copy-inventory.ts';
import { PublishedResults } from '../adapters/published-results.ts';
import { SqsRequestQueue } from '../adapters/sqs-request-queue.ts';
import { SsmImageParameters } from '../adapters/ssm-image-parameters.ts';
import { asError } from '../core/errors.ts';
import { findDangling, settleNamed, sweep, type CopyReport, type SettleCopiesContext } from '../core/settle-copies.ts';
import { readHint, type Hint } from '../core/settle-hints.ts';
import { clientSettings, createLogger, METRICS_NAMESPACE } from './runtime.ts';
import { readSettleCopyConfig, type SettleCopyConfig } from './configuration.ts';

const logger = createLogger();
const metrics = new Metrics({ namespace: METRICS_NAMESPACE, logger });
const context = settleContext(readSettleCopyConfig(process.env));

/** What settling one copy takes where AWS answers slowly, with the wait for its parameter. */
const SETTLE_MS = 40_000;

const METRIC = {
  settled: 'CopiesSettled',
  failed: 'CopiesFailed',
  givenUp: 'CopiesGivenUp',
  unverified: 'CopiesUnverified',
  putOff: 'SettlesRetried',
  waiting: undefined,
  known: undefined,
} as const;

/**
 * Settles what the messages hint at. It keeps no message: what could not be settled is logged and counted, and EC2 shows
 * it to the next sweep. Its queue is FIFO with one group, so no other settling goes on at the same time.
 */
export async function handler(event: SQSEvent, lambda: Context): Promise<void> {
  const untilMs = Date.now() + lambda.getRemainingTimeInMillis() - SETTLE_MS;
  const hints = event.Records.map(({ body }) => readHint(body));
  const requestId = lambda.awsRequestId;
  await orPutOff(settleHinted(hints, untilMs, requestId), requestId);
  if (hints.some(({ kind }) => kind === 'sweep')) await orPutOff(sweepAll(untilMs, requestId), requestId);
  // An event of an image that is none of ours leaves nothing to count.
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}

/** An error puts one part off to the next sweep, and not the other. */
async function orPutOff(part: Promise<void>, requestId: string): Promise<void> {
  try {
    await part;
  } catch (error) {
    metrics.addMetric('SettlesRetried', MetricUnit.Count, 1);
    logger.error('settling put off', { requestId, error: asError(error) });
  }
}

async function settleHinted(hints: readonly Hint[], untilMs: number, requestId: string): Promise<void> {
  for (const { kind, text } of hints.filter((hint) => hint.kind === 'unknown')) {
    logger.warn(`message ${kind}`, { text, requestId });
  }
  const images = hints.filter((hint) => hint.kind === 'image');
  const ended = images.filter(({ state }) => state === 'available' || state === 'failed');
  if (ended.length > 0) {
    const imageIds = Array.from(new Set(ended.map(({ imageId }) => imageId)));
    const { copies, left } = await settleNamed(imageIds, context, untilMs);
    report(copies, left, requestId);
  }
  if (ended.length < images.length) reportDangling(await findDangling(context), requestId);
}

async function sweepAll(untilMs: number, requestId: string): Promise<void> {
  const { copies, left, removedSnapshots, dangling, errors } = await sweep(context, untilMs);
  report(copies, left, requestId);
  reportDangling(dangling, requestId);
  metrics.addMetric('Sweeps', MetricUnit.Count, 1);
  logger.info('sweep done', { copies: copies.length, left, removedSnapshots, dangling, requestId });
  for (const error of errors) {
    metrics.addMetric('SettlesRetried', MetricUnit.Count, 1);
    logger.error('part of the sweep put off', { requestId, error });
  }
}

function report(copies: readonly CopyReport[], left: number, requestId: string): void {
  for (const { error, ...copy } of copies) {
    const metric = METRIC[copy.outcome];
    if (metric) metrics.addMetric(metric, MetricUnit.Count, 1);
    if (copy.outcome === 'givenUp') metrics.addMetric('CopiesFailed', MetricUnit.Count, 1);
    if (copy.overdue) metrics.addMetric('CopiesOverdue', MetricUnit.Count, 1);
    if (copy.copySeconds !== undefined) metrics.addMetric('CopyTime', MetricUnit.Seconds, copy.copySeconds);
    if (copy.repairedSnapshots) {
      metrics.addMetric('SnapshotsRepaired', MetricUnit.Count, copy.repairedSnapshots.length);
    }
    const line = { ...copy, requestId };
    const isBad = copy.overdue ?? ['failed', 'givenUp', 'unverified'].includes(copy.outcome);
    if (error) logger.error('copy putOff', line, { error });
    else if (isBad) logger.error(`copy ${copy.outcome}`, line);
    else logger.info(`copy ${copy.outcome}`, line);
  }
  if (left > 0) logger.warn('copies left to the next sweep', { left, requestId });
}

function reportDangling(dangling: readonly string[], requestId: string): void {
  if (dangling.length === 0) return;
  metrics.addMetric('ParametersDangling', MetricUnit.Count, dangling.length);
  logger.error('parameters point to images that cannot be launched', { dangling, requestId });
}

function settleContext(config: SettleCopyConfig): SettleCopiesContext {
  const { region, copier, parameterPath, resultsTopicArn } = config;
  const settings = { region, ...clientSettings };
  const topic =
    resultsTopicArn === undefined
      ? undefined
      : {
          arn: resultsTopicArn,
          // A topic's ARN names its Region: arn:aws:sns:<region>:<account>:<name>.
          sns: new SNSClient({ ...settings, region: resultsTopicArn.split(':')[3] ?? region }),
        };
  return {
    ...config,
    inventory: new Ec2CopyInventory(new EC2Client(settings), copier),
    parameters: new SsmImageParameters(new SSMClient(settings), parameterPath),
    results: new PublishedResults(new EventBridgeClient(settings), topic),
    nextTries: new SqsRequestQueue(new SQSClient(settings), config),
    nowMs: Date.now,
    pause,
  };
}
