import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { toRecord } from '../tests/support/target-account.ts';
import type { Delivery } from './plan.ts';

/** A queue of an account, whose messages the run delivers as an event source mapping would. */
export class PlayedQueue {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #hidden = new Map<string, SQSRecord>();

  constructor(sqs: SQSClient, url: string) {
    this.#sqs = sqs;
    this.#url = url;
  }

  async send(body: string): Promise<void> {
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#url, MessageBody: body }));
  }

  async receive({ hiddenToo, messages }: Delivery): Promise<SQSRecord[]> {
    const QueueUrl = this.#url;
    if (hiddenToo) {
      for (const { receiptHandle: ReceiptHandle } of this.#hidden.values()) {
        await this.#sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
      }
      this.#hidden.clear();
    }
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: messages,
        MessageSystemAttributeNames: ['All'],
        VisibilityTimeout: 600,
      }),
    );
    const records = Messages.map(toRecord);
    for (const record of records) this.#hidden.set(record.messageId, record);
    return records;
  }

  /** Takes the messages out of the queue but those that are kept. */
  async acknowledge(records: readonly SQSRecord[], kept: readonly string[]): Promise<void> {
    for (const { messageId, receiptHandle: ReceiptHandle } of records) {
      if (kept.includes(messageId)) continue;
      await this.#sqs.send(new DeleteMessageCommand({ QueueUrl: this.#url, ReceiptHandle }));
      this.#hidden.delete(messageId);
    }
  }

  /** Messages that can be received or will be: those, and those that were sent with a delay. */
  async left(): Promise<{ readonly now: number; readonly delayed: number }> {
    const asked = new GetQueueAttributesCommand({ QueueUrl: this.#url, AttributeNames: ['All'] });
    const { Attributes = {} } = await this.#sqs.send(asked);
    const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, ApproximateNumberOfMessagesDelayed } =
      Attributes;
    return {
      now: Number(ApproximateNumberOfMessages) + Number(ApproximateNumberOfMessagesNotVisible),
      delayed: Number(ApproximateNumberOfMessagesDelayed),
    };
  }
}
