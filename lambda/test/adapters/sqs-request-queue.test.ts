import { beforeEach, describe, expect, it } from '@jest/globals';
import { ChangeMessageVisibilityCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsRequestQueue } from '../../src/adapters/sqs-request-queue.ts';
import { delivery, NOW_MS } from '../factories.ts';

const client = new SQSClient({ region: 'eu-west-1' });
const sqs = mockClient(client);
const urls = { queueUrl: 'https://sqs.test/requests', deadLetterQueueUrl: 'https://sqs.test/dead-letters' };
const queue = new SqsRequestQueue(client, urls);

beforeEach(() => {
  sqs.reset();
});

describe('postpone', () => {
  it('hides the message', async () => {
    await queue.postpone(delivery(), 45);

    expect(sqs.commandCalls(ChangeMessageVisibilityCommand)[0]?.args[0].input).toEqual({
      QueueUrl: urls.queueUrl,
      ReceiptHandle: 'receipt-1',
      VisibilityTimeout: 45,
    });
  });
});

describe('refuse', () => {
  const attributes = () => sqs.commandCalls(SendMessageCommand)[0]?.args[0].input.MessageAttributes ?? {};

  it('sends the same body with its reason to the dead-letter queue', async () => {
    const refused = delivery({ receiveCount: 3 });
    await queue.refuse(refused, { code: 'InvalidTags', message: 'too many' });

    expect(sqs.commandCalls(SendMessageCommand)[0]?.args[0].input).toEqual({
      QueueUrl: urls.deadLetterQueueUrl,
      MessageBody: refused.body,
      MessageAttributes: {
        Reason: { DataType: 'String', StringValue: 'too many' },
        ErrorCode: { DataType: 'String', StringValue: 'InvalidTags' },
        RequestedAt: { DataType: 'String', StringValue: new Date(NOW_MS).toISOString() },
        ReceiveCount: { DataType: 'Number', StringValue: '3' },
      },
    });
  });

  it('replaces characters that SQS does not take', async () => {
    await queue.refuse(delivery(), { code: 'C', message: 'a\u0000b\u001bc\uFFFEd\uD800e\tf🦊' });

    expect(attributes()['Reason']?.StringValue).toBe('a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\tf🦊');
  });

  it('shortens a reason to 1,000 characters', async () => {
    await queue.refuse(delivery(), { code: 'C', message: 'x'.repeat(5000) });

    expect(attributes()['Reason']?.StringValue).toHaveLength(1000);
  });
});
