import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { LoggedResults } from '../../adapters/logged-results.ts';
import { SnsSubscribers } from '../../adapters/sns-subscribers.ts';
import { REQUESTED_AT, SqsWatchQueues } from '../../adapters/sqs-watch-queues.ts';
import { asError } from '../../core/errors.ts';
import {
  noteResult,
  watchAwaited,
  watchRequest,
  type WatchContext,
  type WatchOutcome,
} from '../../core/watch-requests.ts';
import { clientOf } from '../common/clients.ts';
import { log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { readWatchRequestsConfig } from '../common/watch-configuration.ts';
import { toDelivery } from './delivery.ts';

const config = readWatchRequestsConfig(process.env);
const { region } = config;
const context: WatchContext = {
  overdueSeconds: config.overdueSeconds,
  subscribers: new SnsSubscribers(clientOf(SNSClient, region).client, config.topicArn, config.requestsQueueArn),
  results: new LoggedResults(clientOf(CloudWatchLogsClient, region).client, config.resultsLogGroup, Date.now),
  queues: new SqsWatchQueues(clientOf(SQSClient, region).client, config),
  nowMs: Date.now,
};
const metrics = new Metrics();

const METRIC = {
  heard: undefined,
  unheard: 'RequestsUnheard',
  awaited: undefined,
  answered: undefined,
  overdue: 'RequestsUnheard',
  noted: undefined,
  passed: undefined,
  unknown: 'ResultsUnknown',
} as const;

/** Handles a batch of one of the watch's queues; what waits and what failed is reported as failed, so that SQS keeps it. */
export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  const { awsRequestId: requestId } = lambda;
  const kept = await Promise.all(event.Records.map((record) => handleRecord(record, requestId)));
  metrics.publish();
  return {
    batchItemFailures: event.Records.filter((_, index) => kept[index]).map(({ messageId }) => ({
      itemIdentifier: messageId,
    })),
  };
}

/** Says whether the message stays in its queue. It never throws, so that one message does not hold up the others. */
async function handleRecord(record: SQSRecord, requestId: string): Promise<boolean> {
  const { messageId } = record;
  try {
    const result = await watch(record);
    const metric = METRIC[result.outcome];
    if (metric) metrics.count(metric);
    const level = result.outcome === 'unknown' ? 'WARN' : metric ? 'ERROR' : 'INFO';
    log(level, `message ${result.outcome}`, { ...result, messageId, requestId });
    return result.outcome === 'awaited';
  } catch (error) {
    metrics.count('MessagesRetried');
    log('ERROR', 'message retried', { messageId, requestId, error: asError(error) });
    return true;
  }
}

async function watch(record: SQSRecord): Promise<WatchOutcome> {
  switch (record.eventSourceARN) {
    case config.requestsQueueArn:
      return await watchRequest(toDelivery(record), context);
    case config.resultsQueueArn:
      return await noteResult(record.body, context);
    default:
      return await watchAwaited(toDelivery(record), requestedAtMs(record), context);
  }
}

function requestedAtMs({ messageAttributes }: SQSRecord): number {
  return Date.parse(messageAttributes[REQUESTED_AT]?.stringValue ?? '');
}
