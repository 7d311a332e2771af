import { randomUUID } from 'node:crypto';
import { type SNSClient, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { CopyResult } from '../../../lambda/src/core/copy-results.ts';
import type { RevocationResult } from '../../../lambda/src/core/retirement-results.ts';
import type { AwsClients } from './aws-clients.ts';

/** A result as the topic delivers it: an event's own fields. */
export interface ResultMessage {
  readonly source: string;
  readonly 'detail-type': 'Image Copied' | 'Image Copy Failed';
  readonly detail: CopyResult;
}

/** What an account did because an image was revoked, or is not any more. */
export interface RevocationMessage {
  readonly source: string;
  readonly 'detail-type': RevocationResult['kind'];
  readonly detail: Omit<RevocationResult, 'kind'> & { readonly account: string; readonly region: string };
}

const COPIES: readonly string[] = ['Image Copied', 'Image Copy Failed'] satisfies ResultMessage['detail-type'][];
const REVOCATIONS: readonly string[] = [
  'Image Revoked',
  'Revocation Undone',
] satisfies RevocationMessage['detail-type'][];

// SQS Developer Guide, "Short and long polling": long polling asks all of SQS's servers.
const WAIT_SECONDS = 1;
// If this program is killed, the queue stays, but what it holds does not.
const RETENTION_SECONDS = '3600';

/** A queue for as long as somebody waits: it gets what copiers publish on the results topic. */
export class ResultsInbox {
  readonly #sqs: SQSClient;
  readonly #sns: SNSClient;
  readonly #url: string;
  readonly #subscription: string | undefined;

  private constructor(sqs: SQSClient, sns: SNSClient, url: string, subscription: string | undefined) {
    this.#sqs = sqs;
    this.#sns = sns;
    this.#url = url;
    this.#subscription = subscription;
  }

  /** Subscribes a new queue to the topic, in the topic's own account and Region. */
  static async open({ sqs, sns }: Pick<AwsClients, 'sns' | 'sqs'>, topicArn: string): Promise<ResultsInbox> {
    const [, partition = '', , region = '', account = ''] = topicArn.split(':');
    const name = `image-copier-request-${randomUUID()}`;
    const queueArn = `arn:${partition}:sqs:${region}:${account}:${name}`;
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: queueArn,
          Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
        },
      ],
    });
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({
        QueueName: name,
        Attributes: { Policy, MessageRetentionPeriod: RETENTION_SECONDS, SqsManagedSseEnabled: 'true' },
      }),
    );
    try {
      const { SubscriptionArn } = await sns.send(
        new SubscribeCommand({
          TopicArn: topicArn,
          Protocol: 'sqs',
          Endpoint: queueArn,
          Attributes: { RawMessageDelivery: 'true' },
          ReturnSubscriptionArn: true,
        }),
      );
      // A queue that can be asked for its attributes is there for SNS too.
      await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
      return new ResultsInbox(sqs, sns, QueueUrl, SubscriptionArn);
    } catch (error) {
      await sqs.send(new DeleteQueueCommand({ QueueUrl }));
      throw error;
    }
  }

  /** The results of copies that have come since the last time; waits a second for the first one. */
  async receive(): Promise<ResultMessage[]> {
    return (await this.#bodies()).flatMap((body) => messageIn<ResultMessage>(body, COPIES));
  }

  /** The same of revocations. */
  async receiveRevocations(): Promise<RevocationMessage[]> {
    return (await this.#bodies()).flatMap((body) => messageIn<RevocationMessage>(body, REVOCATIONS));
  }

  async close(): Promise<void> {
    const SubscriptionArn = this.#subscription;
    if (SubscriptionArn !== undefined) await this.#sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    await this.#sqs.send(new DeleteQueueCommand({ QueueUrl: this.#url }));
  }

  async #bodies(): Promise<string[]> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.#url, MaxNumberOfMessages: 10, WaitTimeSeconds: WAIT_SECONDS }),
    );
    if (Messages.length === 0) return [];
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries }));
    return Messages.map(({ Body = '' }) => Body);
  }
}

/** Any account of the topic's policy may publish on it: what is no result of the kinds is left out. */
function messageIn<Message extends ResultMessage | RevocationMessage>(
  body: string,
  kinds: readonly string[],
): Message[] {
  try {
    const message = JSON.parse(body) as Message;
    const { 'detail-type': type = '', detail } = message as Partial<Message>;
    return kinds.includes(type) && typeof detail?.sourceAmi === 'string' ? [message] : [];
  } catch {
    return [];
  }
}
