import * as z from 'zod/mini';
import { overdueSeconds, parse, setting, topicArn, type Variables } from './variables.ts';

/** What the watch in the source account needs to know, set by the module source-account. */
export interface WatchRequestsConfig {
  readonly region: string;
  /** The topic for copy requests. */
  readonly topicArn: string;
  readonly requestsQueueArn: string;
  readonly resultsQueueArn: string;
  readonly awaitedQueueUrl: string;
  readonly unheardQueueUrl: string;
  readonly resultsLogGroup: string;
  /** How long after its request an account has to have given its result. */
  readonly overdueSeconds: number;
}

const queueArn = setting(/^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:\S+$/, 'the ARN of a queue');
const queueUrl = setting(/^https?:\/\/\S+$/, 'the URL of a queue');

const watchRequests = z.object({
  TOPIC_ARN: topicArn,
  REQUESTS_QUEUE_ARN: queueArn,
  RESULTS_QUEUE_ARN: queueArn,
  AWAITED_QUEUE_URL: queueUrl,
  UNHEARD_QUEUE_URL: queueUrl,
  RESULTS_LOG_GROUP: setting(/^[A-Za-z0-9_/.#-]{1,512}$/, 'the name of a log group'),
  OVERDUE_SECONDS: overdueSeconds,
});

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readWatchRequestsConfig(variables: Variables): WatchRequestsConfig {
  const read = parse(watchRequests, variables);
  return {
    // The watch stands beside its topic: arn:aws:sns:<region>:<account>:<name>.
    region: read.TOPIC_ARN.split(':')[3] ?? '',
    topicArn: read.TOPIC_ARN,
    requestsQueueArn: read.REQUESTS_QUEUE_ARN,
    resultsQueueArn: read.RESULTS_QUEUE_ARN,
    awaitedQueueUrl: read.AWAITED_QUEUE_URL,
    unheardQueueUrl: read.UNHEARD_QUEUE_URL,
    resultsLogGroup: read.RESULTS_LOG_GROUP,
    overdueSeconds: Number(read.OVERDUE_SECONDS),
  };
}
