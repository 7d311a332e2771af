import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Delivery, Reason, RequestQueue } from '../core/request-queue.ts';

// SQS API Reference, SendMessage: body and attributes share the message's 256 KiB, and an attribute's text may only
// hold these characters. A reason is a sentence; more than this is noise.
const MAX_REASON_LENGTH = 1000;
const NOT_IN_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

export interface QueueUrls {
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

export class SqsRequestQueue implements RequestQueue {
  readonly #sqs: SQSClient;
  readonly #urls: QueueUrls;

  constructor(sqs: SQSClient, urls: QueueUrls) {
    this.#sqs = sqs;
    this.#urls = urls;
  }

  async postpone(delivery: Delivery, seconds: number): Promise<void> {
    await this.#sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: this.#urls.queueUrl,
        ReceiptHandle: delivery.receiptHandle,
        VisibilityTimeout: seconds,
      }),
    );
  }

  async refuse(delivery: Delivery, reason: Reason): Promise<void> {
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: this.#urls.deadLetterQueueUrl,
        MessageBody: delivery.body,
        MessageAttributes: {
          Reason: { DataType: 'String', StringValue: asAttribute(reason.message) },
          ErrorCode: { DataType: 'String', StringValue: asAttribute(reason.code) },
          RequestedAt: { DataType: 'String', StringValue: new Date(delivery.sentAtMs).toISOString() },
          ReceiveCount: { DataType: 'Number', StringValue: String(delivery.receiveCount) },
        },
      }),
    );
  }
}

function asAttribute(text: string): string {
  return Array.from(text).slice(0, MAX_REASON_LENGTH).join('').replace(NOT_IN_XML, '\u{FFFD}');
}
