import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ChangeMessageVisibilityCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsRequestQueue } from '../../src/adapters/sqs-request-queue.ts';
import type { DeadLetter } from '../../src/core/request-queue.ts';
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

describe('enqueue', () => {
  it('sends a request to the queue, to be delivered later', async () => {
    await queue.enqueue('{}', 300);

    expect(sqs.commandCalls(SendMessageCommand)[0]?.args[0].input).toEqual({
      QueueUrl: urls.queueUrl,
      MessageBody: '{}',
      DelaySeconds: 300,
    });
  });
});

describe('deadLetter', () => {
  const sent = () => sqs.commandCalls(SendMessageCommand)[0]?.args[0].input;
  const attributes = () => sent()?.MessageAttributes ?? {};
  const deadLetter = (message: string, changes: Partial<DeadLetter> = {}) =>
    queue.deadLetter({ body: '{}', reason: { code: 'InvalidTags', message }, requestedAtMs: NOW_MS, ...changes });

  it('sends the same body with its reason to the dead-letter queue', async () => {
    await deadLetter('too many', { receiveCount: 3 });

    expect(sent()).toEqual({
      QueueUrl: urls.deadLetterQueueUrl,
      MessageBody: '{}',
      MessageAttributes: {
        Reason: { DataType: 'String', StringValue: 'too many' },
        ErrorCode: { DataType: 'String', StringValue: 'InvalidTags' },
        RequestedAt: { DataType: 'String', StringValue: new Date(NOW_MS).toISOString() },
        ReceiveCount: { DataType: 'Number', StringValue: '3' },
      },
    });
  });

  it('tells how often a copy was tried', async () => {
    await deadLetter('no copy', { attempt: 3 });

    expect(attributes()['Attempt']).toEqual({ DataType: 'Number', StringValue: '3' });
    expect(attributes()).not.toHaveProperty('ReceiveCount');
  });

  it('spells out characters that SQS does not take, or that nobody sees', async () => {
    await deadLetter('a\u0000b\u001bc\uFFFEd\uD800e\tf🦊g\u202E');

    expect(attributes()['Reason']?.StringValue).toBe('a\\u{0}b\\u{1b}c\\u{fffe}d\\u{d800}e\\u{9}f🦊g\\u{202e}');
  });

  it('shortens a reason to 1,000 characters', async () => {
    await deadLetter('x'.repeat(5000));

    expect(attributes()['Reason']?.StringValue).toHaveLength(1000);
  });

  it('keeps a body that leaves no room for its reason, in an attribute', async () => {
    // Random text, which is the hardest to compress.
    const body = randomBytes(256 * 1024)
      .toString('latin1')
      .replace(/[^ -~]/g, (character) => String.fromCharCode(32 + (character.charCodeAt(0) % 95)));
    await deadLetter('too long', { body });

    const { CompressedBody, ...others } = attributes();
    expect(gunzipSync(CompressedBody?.BinaryValue ?? '').toString()).toBe(body);
    expect(CompressedBody?.DataType).toBe('Binary');
    expect(sent()?.MessageBody).toContain('It is in the attribute CompressedBody, gzipped.');
    expect(others['Reason']?.StringValue).toBe('too long');
    expect((CompressedBody?.BinaryValue?.length ?? 0) + 1000 * 4).toBeLessThan(256 * 1024);
  });

  it('leaves a body as it is up to the last byte that fits', async () => {
    await deadLetter('r', { body: 'x' });
    const taken = Object.entries(attributes()).flatMap(([name, { DataType = '', StringValue = '' }]) => [
      name,
      DataType,
      StringValue,
    ]);
    const room = 256 * 1024 - taken.join('').length;
    sqs.resetHistory();

    await deadLetter('r', { body: 'x'.repeat(room) });
    expect(attributes()).not.toHaveProperty('CompressedBody');
    sqs.resetHistory();
    await deadLetter('r', { body: 'x'.repeat(room + 1) });
    expect(attributes()).toHaveProperty('CompressedBody');
  });
});
