import { SQSClient } from '@aws-sdk/client-sqs';
import { SqsRequestQueue, type QueueUrls } from '../../adapters/sqs-request-queue.ts';
import { clientOf } from '../common/clients.ts';

export function openQueues(region: string, urls: QueueUrls): SqsRequestQueue {
  return new SqsRequestQueue(clientOf(SQSClient, region).client, urls);
}
