import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import { deadLetterCommand } from '../../../../lambda/src/adapters/dead-letter.ts';
import type { DeadLetter as SentLetter } from '../../../../lambda/src/core/request-queue.ts';
import { readDeadLetter } from '../../../tool/common/dead-letter.ts';
import { IMAGE, REQUESTED_AT } from './letters.ts';

const BODY = `{"sourceAmi":"${IMAGE}"}`;
const SENT_AT = '2026-11-24T00:00:00.000Z';

/** A message as SQS delivers what a function of the copier has sent. */
function sentByFunction(changes: Partial<SentLetter> = {}): Message {
  const letter = {
    body: BODY,
    reason: { code: 'InvalidTags', message: 'too many' },
    requestedAtMs: Date.parse(REQUESTED_AT),
    receiveCount: 3,
    ...changes,
  };
  const { MessageBody, MessageAttributes = {} } = deadLetterCommand('https://sqs.test/dead-letters', letter).input;
  return message({ Body: MessageBody ?? '', MessageAttributes });
}

function message(changes: Message = {}): Message {
  return {
    MessageId: 'id-1',
    Body: BODY,
    ...changes,
    Attributes: { SentTimestamp: String(Date.parse(SENT_AT)), ...changes.Attributes },
  };
}

function text(StringValue: string): MessageAttributeValue {
  return { DataType: 'String', StringValue };
}

describe('readDeadLetter', () => {
  it('reads what the copier says about a request that it rejected', () => {
    expect(readDeadLetter(sentByFunction())).toEqual({
      id: 'id-1',
      sourceImage: IMAGE,
      code: 'InvalidTags',
      reason: 'too many',
      requestedAt: new Date(REQUESTED_AT),
      attempt: undefined,
      receiveCount: 3,
      body: BODY,
    });
  });

  it('reads how often a copy was tried', () => {
    expect(readDeadLetter(sentByFunction({ attempt: 3 }))).toMatchObject({ attempt: 3 });
  });

  it('unpacks a body that was too long', () => {
    const body = JSON.stringify({ sourceAmi: IMAGE, padding: 'é'.repeat(128 * 1024 - 30) });
    const letter = sentByFunction({ body });

    expect(letter.Body).not.toBe(body);
    expect(readDeadLetter(letter)).toMatchObject({ sourceImage: IMAGE, code: 'InvalidTags', body });
  });

  it.each([
    ['is no gzip', Buffer.from('no gzip')],
    ['unpacks to more than a message can be', gzipSync(Buffer.alloc(1024 * 1024 + 1))],
  ])('says so when a packed body %s', (_, BinaryValue) => {
    const { Body = '' } = sentByFunction({ body: 'x'.repeat(256 * 1024) });
    const MessageAttributes = { CompressedBody: { DataType: 'Binary', BinaryValue } };

    expect(readDeadLetter(message({ Body, MessageAttributes }))).toMatchObject({
      sourceImage: undefined,
      body: new Error('Its attribute CompressedBody cannot be unpacked'),
    });
  });

  it('takes no packed body from a sender that made one up', () => {
    const CompressedBody = { DataType: 'Binary', BinaryValue: gzipSync('{}') };

    expect(readDeadLetter(message({ MessageAttributes: { CompressedBody } }))).toMatchObject({ body: BODY });
  });

  it('knows no reason for a letter that SQS moved, whatever its sender wrote there', () => {
    const letter = message({
      Attributes: { DeadLetterQueueSourceArn: 'arn:aws:sqs:eu-west-1:222222222222:image-copier-requests' },
      MessageAttributes: { Reason: text('forged'), ErrorCode: text('Forged'), RequestedAt: text(REQUESTED_AT) },
    });

    expect(readDeadLetter(letter)).toMatchObject({
      sourceImage: IMAGE,
      code: undefined,
      reason: undefined,
      requestedAt: new Date(SENT_AT),
    });
  });

  it('reads why SNS could not deliver', () => {
    const letter = message({ MessageAttributes: { ErrorCode: text('403'), ErrorMessage: text('no access') } });

    expect(readDeadLetter(letter)).toMatchObject({ code: '403', reason: 'no access' });
  });

  it.each(['not json', 'null', '[]', '"ami-1"', '{}', '{"sourceAmi":7}'])('finds no source image in %s', (Body) => {
    expect(readDeadLetter(message({ Body }))).toMatchObject({ sourceImage: undefined, body: Body });
  });

  it('goes by the time of sending, and knows no counts, if those that it finds are none', () => {
    const MessageAttributes = { RequestedAt: text('soon'), ReceiveCount: text('-1'), Attempt: text('NaN') };

    expect(readDeadLetter(message({ MessageAttributes }))).toMatchObject({
      requestedAt: new Date(SENT_AT),
      receiveCount: undefined,
      attempt: undefined,
    });
  });
});
