import { randomUUID } from 'node:crypto';
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateTopicCommand, DeleteTopicCommand, PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import type { CopyResult } from '../../../lambda/src/core/copy-results.ts';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/tool/common/wait-for.ts';
import { endpoint } from './emulator.ts';

/** A result as EventBridge delivers it; the topic has these three fields alone. */
export interface Announcement {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: CopyResult;
}

const LAST = 'Last';

interface Queue {
  readonly account: EmulatedAccount;
  readonly url: string;
  readonly arn: string;
  readonly received: Announcement[];
}

/** Receives what settle-copy announces: on the event bus of its account, and on a topic of the source account. */
export class ResultsInbox {
  readonly topicArn: string;
  readonly #name: string;
  readonly #events: EventBridgeClient;
  readonly #onBus: Queue;
  readonly #onTopic: Queue;

  private constructor(name: string, events: EventBridgeClient, topicArn: string, queues: readonly [Queue, Queue]) {
    this.#name = name;
    this.#events = events;
    this.topicArn = topicArn;
    [this.#onBus, this.#onTopic] = queues;
  }

  static async open(target: EmulatedAccount, source: EmulatedAccount): Promise<ResultsInbox> {
    const name = `results-${randomUUID()}`;
    const events = new EventBridgeClient(emulatedSettings(endpoint(), target.id, target.region));
    const [onBus, onTopic] = await Promise.all([openQueue(target, name), openQueue(source, name)]);
    const { TopicArn = '' } = await source.sns.send(new CreateTopicCommand({ Name: name }));
    const raw = { RawMessageDelivery: 'true' };
    await source.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: onTopic.arn, Attributes: raw }));
    await events.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: ['image-copier'] }) }));
    await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'queue', Arn: onBus.arn }] }));
    return new ResultsInbox(name, events, TopicArn, [onBus, onTopic]);
  }

  /** All that was announced since the inbox was opened. A last message of its own shows that no other is on its way. */
  async all(): Promise<{ readonly onBus: readonly Announcement[]; readonly onTopic: readonly Announcement[] }> {
    const last = { Source: 'image-copier', DetailType: LAST, Detail: '{}' };
    await this.#events.send(new PutEventsCommand({ Entries: [last] }));
    const Message = JSON.stringify({ 'detail-type': LAST });
    await this.#onTopic.account.sns.send(new PublishCommand({ TopicArn: this.topicArn, Message }));
    const [onBus, onTopic] = await Promise.all([this.#onBus, this.#onTopic].map(receiveToLast));
    return { onBus: onBus ?? [], onTopic: onTopic ?? [] };
  }

  async close(): Promise<void> {
    await this.#events.send(new RemoveTargetsCommand({ Rule: this.#name, Ids: ['queue'] }));
    await this.#events.send(new DeleteRuleCommand({ Name: this.#name }));
    await this.#onTopic.account.sns.send(new DeleteTopicCommand({ TopicArn: this.topicArn }));
    for (const { account, url } of [this.#onBus, this.#onTopic]) {
      await account.sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
    }
  }
}

async function openQueue(account: EmulatedAccount, QueueName: string): Promise<Queue> {
  const { QueueUrl: url = '' } = await account.sqs.send(new CreateQueueCommand({ QueueName }));
  const asked = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] });
  const { Attributes } = await account.sqs.send(asked);
  return { account, url, arn: Attributes?.QueueArn ?? '', received: [] };
}

async function receiveToLast({ account, url, received }: Queue): Promise<readonly Announcement[]> {
  await waitFor('the last announcement', async () => {
    const { Messages = [] } = await account.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
    );
    const announcements = Messages.map(({ Body = '' }) => JSON.parse(Body) as Announcement);
    received.push(...announcements.filter((each) => each['detail-type'] !== LAST));
    return announcements.some((each) => each['detail-type'] === LAST) ? true : undefined;
  });
  return received;
}
