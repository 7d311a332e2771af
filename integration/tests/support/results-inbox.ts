import { randomUUID } from 'node:crypto';
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { DeleteTopicCommand, PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { CopyResult } from '../../../lambda/src/core/copy-results.ts';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { endpoint } from './emulator.ts';
import { sendingPolicy } from './sending-policy.ts';
import { createSourceTopic } from '../../../scripts/dev/source-topics.ts';
import type { TargetAccount } from './target-account.ts';

/** A result as EventBridge delivers it; the topic has these three fields alone. */
export interface Announcement {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: CopyResult;
}

const LAST = 'Last';

/** The queue of the rule or of the topic, and how its messages are taken from it. */
interface ResultsQueue {
  readonly url: string;
  readonly arn: string;
  readonly receive: () => Promise<readonly Announcement[]>;
}

/** Receives what settle-copy announces and retire-image tells: on the event bus of its account, and on a topic of the source account. */
export class ResultsInbox {
  readonly topicArn: string;
  readonly #name: string;
  readonly #target: EmulatedAccount;
  readonly #source: EmulatedAccount;
  readonly #events: EventBridgeClient;
  readonly #busQueue: ResultsQueue;
  readonly #topicQueue: ResultsQueue;
  readonly #onBus: Announcement[] = [];
  readonly #onTopic: Announcement[] = [];

  private constructor(
    name: string,
    [target, source]: readonly [EmulatedAccount, EmulatedAccount],
    events: EventBridgeClient,
    busQueue: ResultsQueue,
    topicArn: string,
    topicQueue: ResultsQueue,
  ) {
    this.#name = name;
    this.#target = target;
    this.#source = source;
    this.#events = events;
    this.#busQueue = busQueue;
    this.topicArn = topicArn;
    this.#topicQueue = topicQueue;
  }

  static async open(
    { account: target, resultsTopicArn }: TargetAccount,
    source: EmulatedAccount,
  ): Promise<ResultsInbox> {
    const name = `results-${randomUUID()}`;
    const events = new EventBridgeClient(emulatedSettings(endpoint(), target.id, target.region));
    const busQueue = await openQueue(target, name, 'events', `rule/${name}`);
    const topic = resultsTopicArn.split(':').at(-1) ?? '';
    const TopicArn = await createSourceTopic(source, topic, 'sns:Publish', [target.id]);
    const topicQueue = await openQueue(source, name, 'sns', topic);
    const Attributes = { RawMessageDelivery: 'true' };
    await source.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: topicQueue.arn, Attributes }));
    await events.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: ['image-copier'] }) }));
    await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'queue', Arn: busQueue.arn }] }));
    return new ResultsInbox(name, [target, source], events, busQueue, TopicArn, topicQueue);
  }

  /** All that was announced since the inbox was opened. A last message of its own shows that no other is on its way. */
  async all(): Promise<{ readonly onBus: readonly Announcement[]; readonly onTopic: readonly Announcement[] }> {
    const detail = { sourceAmi: LAST };
    const last = { Source: 'image-copier', DetailType: 'Image Copied', Detail: JSON.stringify(detail) };
    await this.#events.send(new PutEventsCommand({ Entries: [last] }));
    const Message = JSON.stringify({ 'detail-type': 'Image Copied', detail });
    await this.#source.sns.send(new PublishCommand({ TopicArn: this.topicArn, Message }));
    await Promise.all([receiveToLast(this.#busQueue, this.#onBus), receiveToLast(this.#topicQueue, this.#onTopic)]);
    return { onBus: this.#onBus, onTopic: this.#onTopic };
  }

  async close(): Promise<void> {
    await this.#events.send(new RemoveTargetsCommand({ Rule: this.#name, Ids: ['queue'] }));
    await this.#events.send(new DeleteRuleCommand({ Name: this.#name }));
    await this.#target.sqs.send(new DeleteQueueCommand({ QueueUrl: this.#busQueue.url }));
    await this.#source.sqs.send(new DeleteQueueCommand({ QueueUrl: this.#topicQueue.url }));
    await this.#source.sns.send(new DeleteTopicCommand({ TopicArn: this.topicArn }));
  }
}

/** A queue that a service sends to on behalf of something of the same account. */
async function openQueue(
  { id, region, sqs }: EmulatedAccount,
  QueueName: string,
  service: 'events' | 'sns',
  sender: string,
): Promise<ResultsQueue> {
  const arn = `arn:aws:sqs:${region}:${id}:${QueueName}`;
  const Policy = sendingPolicy(service, arn, `arn:aws:${service}:${region}:${id}:${sender}`);
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy } }));
  const receive = async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
    );
    const bodies = Messages.map(({ Body = '' }) => JSON.parse(Body) as Announcement | object);
    // Who may publish on the topic may publish anything, and a test does.
    return bodies.filter((body) => 'detail' in body);
  };
  return { url, arn, receive };
}

async function receiveToLast(
  inbox: { readonly receive: () => Promise<readonly Announcement[]> },
  received: Announcement[],
): Promise<void> {
  await waitFor('the last announcement', async () => {
    const announcements = await inbox.receive();
    received.push(...announcements.filter(({ detail }) => detail.sourceAmi !== LAST));
    return announcements.some(({ detail }) => detail.sourceAmi === LAST) ? true : undefined;
  });
}
