import { setTimeout as pause } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context, SQSEvent } from 'aws-lambda';
import { Ec2CopyInventory } from '../../adapters/ec2-copy-inventory.ts';
import { Ec2ImageCatalogue } from '../../adapters/ec2-image-catalogue.ts';
import { Ec2SharedImages } from '../../adapters/ec2-shared-images.ts';
import { SsmAskedImages, SsmRefusedRequests } from '../../adapters/ssm-asked-requests.ts';
import { SsmEndedSources } from '../../adapters/ssm-ended-sources.ts';
import { PublishedResults } from '../../adapters/published-results.ts';
import { SsmImageParameters } from '../../adapters/ssm-image-parameters.ts';
import { asError } from '../../core/errors.ts';
import {
  findDangling,
  settleNamed,
  sweep,
  type CopyReport,
  type SettleCopiesContext,
} from '../../core/settle-copies.ts';
import { readWakeUp, type WakeUp } from '../../core/wake-ups.ts';
import { clientOf } from '../common/clients.ts';
import { readSettleCopyConfig } from '../common/settle-configuration.ts';
import { lazyQueues } from '../start/lazy-queues.ts';
import { log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { prewarmSettling } from '../start/prewarm-functions.ts';

const config = readSettleCopyConfig(process.env);
const { copier, region, resultsTopicArn, reconcile } = config;
const ec2 = clientOf(EC2Client, region);
const ec2In = (other: string) => (other === region ? ec2.client : clientOf(EC2Client, other).client);
const ssm = clientOf(SSMClient, region);
const events = clientOf(EventBridgeClient, region);
const topic =
  resultsTopicArn === undefined
    ? undefined
    : // A topic's ARN names its Region: arn:aws:sns:<region>:<account>:<name>.
      { arn: resultsTopicArn, ...clientOf(SNSClient, resultsTopicArn.split(':')[3] ?? region) };
const inventory = new Ec2CopyInventory(ec2.client, config);
const ended = new SsmEndedSources(ssm.client, copier);
const nextTries = lazyQueues(config);
const sources = new Ec2ImageCatalogue(region, ec2In);
const context: SettleCopiesContext = {
  ...config,
  inventory,
  ...(config.copyDeprecation && { sources }),
  ...(config.approval && { gate: { ...config.approval, sources } }),
  parameters: new SsmImageParameters(ssm.client, config.parameterPath),
  ended,
  results: new PublishedResults(events.client, topic && { arn: topic.arn, sns: topic.client }),
  nextTries,
  ...(reconcile && {
    reconciling: {
      ...config,
      ...reconcile,
      shared: new Ec2SharedImages(reconcile.trustedOwners, reconcile.regions, ec2In),
      inventory,
      ended,
      asked: new SsmAskedImages(ssm.client, copier),
      refused: new SsmRefusedRequests(ssm.client, copier),
      requests: nextTries,
      nowMs: Date.now,
    },
  }),
  nowMs: Date.now,
  pause,
};
const metrics = new Metrics();

/** Does once what the first event needs, so that it takes less time. */
export async function prepare(): Promise<void> {
  await prewarmSettling(config, [ec2, ssm, events, ...(topic ? [topic] : [])], context);
}

/** What settling one copy takes where AWS answers slowly, with the wait for its parameter. */
const SETTLE_MS = 40_000;

const METRIC = {
  settled: 'CopiesSettled',
  failed: 'CopiesFailed',
  givenUp: 'CopiesGivenUp',
  unverified: 'CopiesUnverified',
  putOff: 'SettlesRetried',
  revoked: 'CopiesRevoked',
  approved: undefined,
  unapproved: undefined,
  waiting: undefined,
  known: undefined,
} as const;

/**
 * Settles the copies that the messages name. It keeps no message: what could not be settled is logged and counted, and EC2 shows
 * it to the next sweep. Its queue is FIFO with one group, so no other settling goes on at the same time.
 */
export async function handler(event: SQSEvent, lambda: Context): Promise<void> {
  const untilMs = Date.now() + lambda.getRemainingTimeInMillis() - SETTLE_MS;
  const wakeUps = event.Records.map(({ body }) => readWakeUp(body));
  const requestId = lambda.awsRequestId;
  await orPutOff(settleImages(wakeUps, untilMs, requestId), requestId);
  if (wakeUps.some(({ kind }) => kind === 'sweep')) await orPutOff(sweepAll(untilMs, requestId), requestId);
  metrics.publish();
}

/** An error puts one part off to the next sweep, and not the other. */
async function orPutOff(part: Promise<void>, requestId: string): Promise<void> {
  try {
    await part;
  } catch (error) {
    metrics.count('SettlesRetried');
    log('ERROR', 'settling put off', { requestId, error: asError(error) });
  }
}

async function settleImages(wakeUps: readonly WakeUp[], untilMs: number, requestId: string): Promise<void> {
  for (const { kind, text } of wakeUps.filter((wakeUp) => wakeUp.kind === 'unknown')) {
    log('WARN', `message ${kind}`, { text, requestId });
  }
  const images = wakeUps.filter((wakeUp) => wakeUp.kind === 'image');
  const ended = images.filter(({ state }) => state === 'available' || state === 'failed');
  if (ended.length > 0) {
    const imageIds = Array.from(new Set(ended.map(({ imageId }) => imageId)));
    const { copies, remaining } = await settleNamed(imageIds, context, untilMs);
    report(copies, remaining, requestId);
  }
  if (ended.length < images.length) reportDangling(await findDangling(context), requestId);
}

async function sweepAll(untilMs: number, requestId: string): Promise<void> {
  const { copies, remaining, removedSnapshots, dangling, reconciled, errors } = await sweep(context, untilMs);
  report(copies, remaining, requestId);
  reportDangling(dangling, requestId);
  if (reconciled.asked.length > 0) metrics.count('CopiesAskedFor', reconciled.asked.length);
  if (reconciled.remaining > 0) {
    log('WARN', 'images remaining for the next sweep', { remaining: reconciled.remaining, requestId });
  }
  const { asked } = reconciled;
  log('INFO', 'sweep done', { copies: copies.length, remaining, removedSnapshots, dangling, asked, requestId });
  for (const error of errors) {
    metrics.count('SettlesRetried');
    log('ERROR', 'part of the sweep put off', { requestId, error });
  }
}

function report(copies: readonly CopyReport[], remaining: number, requestId: string): void {
  for (const { error, approvalError, ...copy } of copies) {
    const metric = METRIC[copy.outcome];
    if (metric) metrics.count(metric);
    if (copy.outcome === 'givenUp') metrics.count('CopiesFailed');
    if (copy.overdue) metrics.count('CopiesOverdue');
    if (copy.copySeconds !== undefined) metrics.add('CopyTime', 'Seconds', copy.copySeconds);
    if (copy.repairedSnapshots) {
      metrics.count('SnapshotsRepaired', copy.repairedSnapshots.length);
    }
    const line = { ...copy, requestId };
    const isBad = copy.overdue ?? ['failed', 'givenUp', 'unverified'].includes(copy.outcome);
    if (approvalError) {
      metrics.count('SettlesRetried');
      log('ERROR', 'approval could not be read', { ...line, error: approvalError });
    }
    if (error) log('ERROR', 'copy putOff', { ...line, error });
    else if (isBad) log('ERROR', `copy ${copy.outcome}`, line);
    else if (copy.notDeprecated !== undefined) log('WARN', 'copy settled, but not deprecated', line);
    else log('INFO', `copy ${copy.outcome}`, line);
  }
  if (remaining > 0) log('WARN', 'copies remaining for the next sweep', { remaining, requestId });
}

function reportDangling(dangling: readonly string[], requestId: string): void {
  if (dangling.length === 0) return;
  metrics.count('ParametersDangling', dangling.length);
  log('ERROR', 'parameters point to images that cannot be launched', { dangling, requestId });
}
