import { ListSubscriptionsByTopicCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Subscribers } from '../core/watch-requests.ts';

/** Who has subscribed a queue to a topic, beside the watch itself. */
export class SnsSubscribers implements Subscribers {
  readonly #sns: SNSClient;
  readonly #topicArn: string;
  readonly #ownQueue: string;

  /** @param ownQueue ARN of the queue by which the watch hears the topic */
  constructor(sns: SNSClient, topicArn: string, ownQueue: string) {
    this.#sns = sns;
    this.#topicArn = topicArn;
    this.#ownQueue = ownQueue;
  }

  async list(): Promise<readonly string[]> {
    const accounts = new Set<string>();
    let NextToken: string | undefined;
    do {
      const page = await this.#sns.send(
        new ListSubscriptionsByTopicCommand({ TopicArn: this.#topicArn, ...(NextToken && { NextToken }) }),
      );
      for (const { Owner, Protocol, Endpoint, SubscriptionArn } of page.Subscriptions ?? []) {
        // SNS API Reference, Subscribe: until it is confirmed, a subscription has this in place of an ARN, and gets nothing.
        const isConfirmed = SubscriptionArn !== 'PendingConfirmation';
        if (Owner && isConfirmed && Protocol === 'sqs' && Endpoint !== this.#ownQueue) accounts.add(Owner);
      }
      ({ NextToken } = page);
    } while (NextToken);
    return Array.from(accounts);
  }
}
