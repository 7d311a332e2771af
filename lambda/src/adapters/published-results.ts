import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { CopyResult, CopyResults } from '../core/copy-results.ts';

/** The topic of the source account, and the client that reaches its Region. */
export interface ResultsTopic {
  readonly arn: string;
  readonly sns: SNSClient;
}

/** Results on the default event bus of this account, and on the source account's topic if there is one. */
export class PublishedResults implements CopyResults {
  readonly #events: EventBridgeClient;
  readonly #topic: ResultsTopic | undefined;

  constructor(events: EventBridgeClient, topic: ResultsTopic | undefined) {
    this.#events = events;
    this.#topic = topic;
  }

  async announce(result: CopyResult): Promise<void> {
    const detailType = result.reason === null ? 'Image Copied' : 'Image Copy Failed';
    const { Entries: [entry] = [] } = await this.#events.send(
      new PutEventsCommand({
        Entries: [{ Source: 'image-copier', DetailType: detailType, Detail: JSON.stringify(result) }],
      }),
    );
    // EventBridge API Reference, PutEvents: the answer is 200 also for entries that were not taken.
    if (entry?.ErrorCode) throw new Error(`EventBridge took no event: ${entry.ErrorCode}: ${entry.ErrorMessage ?? ''}`);
    if (!this.#topic) return;
    const { arn, sns } = this.#topic;
    // As EventBridge delivers it, so that one reader serves both.
    const message = { source: 'image-copier', 'detail-type': detailType, detail: result };
    await sns.send(new PublishCommand({ TopicArn: arn, Message: JSON.stringify(message) }));
  }
}
