import { beforeEach, expect, it } from '@jest/globals';
import { SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsWatchQueues } from '../../src/adapters/sqs-watch-queues.ts';
import { NOW_MS } from '../factories.ts';

const client = new SQSClient({ region: 'eu-west-1' });
const sqs = mockClient(client);
const urls = { awaitedQueueUrl: 'https://sqs.test/awaited', unheardQueueUrl: 'https://sqs.test/unheard' };
const queues = new SqsWatchQueues(client, urls);
const RequestedAt = { DataType: 'String', StringValue: new Date(NOW_MS).toISOString() };

beforeEach(() => {
  sqs.reset();
});

const inputs = () => sqs.calls().map(({ args }) => args[0].input as unknown);

it('reports a request with its reason', async () => {
  await queues.report({ body: '{}', reason: { code: 'Unheard', message: 'nobody' }, requestedAtMs: NOW_MS });

  expect(inputs()).toEqual([
    {
      QueueUrl: urls.unheardQueueUrl,
      MessageBody: '{}',
      MessageAttributes: {
        Reason: { DataType: 'String', StringValue: 'nobody' },
        ErrorCode: { DataType: 'String', StringValue: 'Unheard' },
        RequestedAt,
      },
    },
  ]);
});

it('has a request wait, with the time when it was published', async () => {
  await queues.await('{}', NOW_MS);

  expect(inputs()).toEqual([{ QueueUrl: urls.awaitedQueueUrl, MessageBody: '{}', MessageAttributes: { RequestedAt } }]);
});

it('hides a request that waits', async () => {
  await queues.postpone('receipt-1', 600);

  expect(inputs()).toEqual([{ QueueUrl: urls.awaitedQueueUrl, ReceiptHandle: 'receipt-1', VisibilityTimeout: 600 }]);
});
