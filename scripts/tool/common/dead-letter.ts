import { gunzipSync } from 'node:zlib';
import type { Message } from '@aws-sdk/client-sqs';
import { COMPRESSED } from '../../../lambda/src/adapters/dead-letter.ts';

/** A message among the dead letters, as an operator wants to see it. What was not said is undefined. */
export interface DeadLetter {
  readonly id: string;
  readonly sourceImage: string | undefined;
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly requestedAt: Date;
  /** How often a copy was made that failed. */
  readonly attempt: number | undefined;
  /** How often the requests queue delivered it. */
  readonly receiveCount: number | undefined;
  /** The request as it was sent, or why it cannot be had. */
  readonly body: string | Error;
}

// The most that SQS takes (SQS Developer Guide, "Amazon SQS message quotas"). What unpacks to more was never a message.
const MAX_BODY_BYTES = 1024 * 1024;

/** Reads a message of the dead-letter queue, whoever put it there: a function of the copier, SQS, or SNS. */
export function readDeadLetter(message: Message): DeadLetter {
  const { MessageId: id = '', Attributes = {}, MessageAttributes = {} } = message;
  const body = bodyOf(message);
  // Attributes of a message that SQS moved are the sender's own: the copier said nothing about it.
  const attributes = Attributes.DeadLetterQueueSourceArn === undefined ? MessageAttributes : {};
  const text = (name: string) => attributes[name]?.StringValue;
  return {
    id,
    sourceImage: typeof body === 'string' ? sourceImageOf(body) : undefined,
    code: text('ErrorCode'),
    // SNS calls it ErrorMessage (SNS Developer Guide, "Amazon SNS dead-letter queues").
    reason: text('Reason') ?? text('ErrorMessage'),
    requestedAt: dateOf(text('RequestedAt')) ?? new Date(Number(Attributes.SentTimestamp ?? 0)),
    attempt: countOf(text('Attempt')),
    receiveCount: countOf(text('ReceiveCount')),
    body,
  };
}

function bodyOf({ Body = '', MessageAttributes }: Message): string | Error {
  const packed = MessageAttributes?.['CompressedBody']?.BinaryValue;
  if (Body !== COMPRESSED || packed === undefined) return Body;
  try {
    return gunzipSync(packed, { maxOutputLength: MAX_BODY_BYTES }).toString();
  } catch (error) {
    return new Error('Its attribute CompressedBody cannot be unpacked', { cause: error });
  }
}

function sourceImageOf(body: string): string | undefined {
  try {
    const request: unknown = JSON.parse(body);
    const image = request !== null && typeof request === 'object' && 'sourceAmi' in request && request.sourceAmi;
    return typeof image === 'string' ? image : undefined;
  } catch {
    return undefined;
  }
}

function dateOf(text: string | undefined): Date | undefined {
  const date = new Date(text ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function countOf(text: string | undefined): number | undefined {
  const count = Number(text ?? Number.NaN);
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
