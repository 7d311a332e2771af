import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { RequestTopics } from '../core/publish-image.ts';

/** The topics for copy requests: of the same name and account in each Region. */
export class SnsRequestTopics implements RequestTopics {
  readonly #topicArn: string;
  readonly #snsIn: (region: string) => SNSClient;

  /** @param topicArn that of one Region */
  constructor(topicArn: string, snsIn: (region: string) => SNSClient) {
    this.#topicArn = topicArn;
    this.#snsIn = snsIn;
  }

  async publish(region: string, body: string): Promise<void> {
    // arn:<partition>:sns:<region>:<account>:<name>
    const TopicArn = this.#topicArn.split(':').with(3, region).join(':');
    await this.#snsIn(region).send(new PublishCommand({ TopicArn, Message: body }));
  }
}
