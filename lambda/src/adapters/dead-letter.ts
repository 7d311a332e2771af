import { gzipSync } from 'node:zlib';
import { SendMessageCommand, type MessageAttributeValue } from '@aws-sdk/client-sqs';
import { spellOutHidden } from '../core/hidden-characters.ts';
import type { DeadLetter } from '../core/request-queue.ts';

// SQS API Reference, SendMessage: body and attributes share the message. 256 KiB is what SNS delivers at the most, and
// what the queues of the Terraform module take.
const MAX_MESSAGE_BYTES = 256 * 1024;
// A reason is a sentence; more than this is noise.
const MAX_REASON_LENGTH = 1000;

/** The body of a letter whose own body is in the attribute CompressedBody. */
export const COMPRESSED =
  'The message was too long to stand beside its reason. It is in the attribute CompressedBody, gzipped.';

/** The call that puts a letter into the dead-letter queue, whole: a body that fills a message by itself is compressed. */
export function deadLetterCommand(queueUrl: string, letter: DeadLetter): SendMessageCommand {
  const { body, reason, requestedAtMs, receiveCount, attempt } = letter;
  const attributes: Record<string, MessageAttributeValue> = {
    Reason: text(reason.message),
    ErrorCode: text(reason.code),
    RequestedAt: text(new Date(requestedAtMs).toISOString()),
    ...(receiveCount !== undefined && { ReceiveCount: number(receiveCount) }),
    ...(attempt !== undefined && { Attempt: number(attempt) }),
  };
  const fits = Buffer.byteLength(body) + bytesOf(attributes) <= MAX_MESSAGE_BYTES;
  return new SendMessageCommand({
    QueueUrl: queueUrl,
    MessageBody: fits ? body : COMPRESSED,
    MessageAttributes: fits
      ? attributes
      : // Even the most random text that SQS takes shrinks by 3 % (8 KB), which is more than the attributes need.
        { ...attributes, CompressedBody: { DataType: 'Binary', BinaryValue: gzipSync(body, { level: 9 }) } },
  });
}

/** SQS takes no control characters in an attribute (SQS API Reference, SendMessage), and people read these. */
function text(value: string): MessageAttributeValue {
  const cut = Array.from(spellOutHidden(value)).slice(0, MAX_REASON_LENGTH).join('');
  return { DataType: 'String', StringValue: cut };
}

function number(value: number): MessageAttributeValue {
  return { DataType: 'Number', StringValue: String(value) };
}

/** Names, types and values all count (SQS Developer Guide, "Amazon SQS message metadata"). */
function bytesOf(attributes: Record<string, MessageAttributeValue>): number {
  return Object.entries(attributes)
    .flatMap(([name, { DataType = '', StringValue = '' }]) => [name, DataType, StringValue])
    .reduce((sum, part) => sum + Buffer.byteLength(part), 0);
}
