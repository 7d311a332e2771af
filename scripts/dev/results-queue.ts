import { SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import type { CopyResult } from '../../lambda/src/core/copy-results.ts';
import type { EmulatedAccount } from './emulated-account.ts';

/** A result as the topic delivers it: an event's own fields. */
export interface ResultMessage {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: CopyResult;
}

/** A queue of the source account that gets what copiers publish on the results topic. */
export class ResultsQueue {
  readonly results: ResultMessage[] = [];
  readonly #account: EmulatedAccount;
  readonly #url: string;
  readonly #subscription: string;

  private constructor(account: EmulatedAccount, url: string, subscription: string) {
    this.#account = account;
    this.#url = url;
    this.#subscription = subscription;
  }

  static async open(account: EmulatedAccount, topicArn: string, name: string): Promise<ResultsQueue> {
    const { QueueUrl = '' } = await account.sqs.send(new CreateQueueCommand({ QueueName: name }));
    const { Attributes: { QueueArn } = {} } = await account.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    const { SubscriptionArn = '' } = await account.sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: QueueArn,
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    return new ResultsQueue(account, QueueUrl, SubscriptionArn);
  }

  /** Takes what has come since, and gives all that has come so far. */
  async receive(): Promise<readonly ResultMessage[]> {
    const { sqs } = this.#account;
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: this.#url, MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) return this.results;
      this.results.push(...Messages.map(({ Body = '' }) => JSON.parse(Body) as ResultMessage));
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries }));
    }
  }

  async close(): Promise<void> {
    await this.#account.sns.send(new UnsubscribeCommand({ SubscriptionArn: this.#subscription }));
    await this.#account.sqs.send(new DeleteQueueCommand({ QueueUrl: this.#url }));
  }
}
