import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { CopyResult, CopyResults } from '../core/copy-results.ts';
import type { RetirementResults, RetirementResult, RevocationResult } from '../core/retirement-results.ts';

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
    await this.publish(result.reason === null ? 'Image Copied' : 'Image Copy Failed', result);
  }

  async announceApproval(result: CopyResult): Promise<void> {
    await this.publish('Image Approved', result);
  }

  async publish(detailType: string, result: object): Promise<void> {
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

/** What became of images, on the same bus and topic as the results of copies. */
export class PublishedRetirements implements RetirementResults {
  readonly #published: PublishedResults;
  readonly #place: { readonly account: string; readonly region: string };

  /** @param place where the images are */
  constructor(published: PublishedResults, { account, region }: { readonly account: string; readonly region: string }) {
    this.#published = published;
    this.#place = { account, region };
  }

  async tell({ kind, ...result }: RetirementResult | RevocationResult): Promise<void> {
    await this.#published.publish(kind, { ...this.#place, ...result });
  }
}
