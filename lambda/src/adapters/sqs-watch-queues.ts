import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetter } from '../core/request-queue.ts';
import type { WatchQueues } from '../core/watch-requests.ts';
import { deadLetterCommand } from './dead-letter.ts';

export interface WatchQueueUrls {
  readonly awaitedQueueUrl: string;
  readonly unheardQueueUrl: string;
}

/** The attribute of a request that waits which says when it was published. */
export const REQUESTED_AT = 'RequestedAt';

export class SqsWatchQueues implements WatchQueues {
  readonly #sqs: SQSClient;
  readonly #urls: WatchQueueUrls;

  constructor(sqs: SQSClient, urls: WatchQueueUrls) {
    this.#sqs = sqs;
    this.#urls = urls;
  }

  async report(letter: DeadLetter): Promise<void> {
    await this.#sqs.send(deadLetterCommand(this.#urls.unheardQueueUrl, letter));
  }

  async await(body: string, requestedAtMs: number): Promise<void> {
    const StringValue = new Date(requestedAtMs).toISOString();
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: this.#urls.awaitedQueueUrl,
        MessageBody: body,
        MessageAttributes: { [REQUESTED_AT]: { DataType: 'String', StringValue } },
      }),
    );
  }

  async postpone(receiptHandle: string, seconds: number): Promise<void> {
    await this.#sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: this.#urls.awaitedQueueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: seconds,
      }),
    );
  }
}
