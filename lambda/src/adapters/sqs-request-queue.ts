import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetter, Delivery, NextTries, RequestQueue } from '../core/request-queue.ts';
import { deadLetterCommand } from './dead-letter.ts';

export interface QueueUrls {
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

export class SqsRequestQueue implements RequestQueue, NextTries {
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

  async deadLetter(letter: DeadLetter): Promise<void> {
    await this.#sqs.send(deadLetterCommand(this.#urls.deadLetterQueueUrl, letter));
  }

  async enqueue(body: string, delaySeconds?: number): Promise<void> {
    await this.#sqs.send(
      new SendMessageCommand({ QueueUrl: this.#urls.queueUrl, MessageBody: body, DelaySeconds: delaySeconds }),
    );
  }
}
