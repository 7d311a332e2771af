import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { emulatedSettings, type EmulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { endpoint } from '../tests/support/emulator.ts';
import { sendingPolicy } from '../tests/support/sending-policy.ts';
import { toRecord } from '../tests/support/target-account.ts';

const RULE = 'image-states';
const PATTERN = { source: ['aws.ec2'], 'detail-type': ['EC2 AMI State Change'] };

/** EC2's events of images in an account, as EventBridge puts them into the queue of settle-copy. */
export class Ec2Events {
  /** Those that nobody has taken. */
  readonly waiting: SQSRecord[] = [];
  readonly #account: EmulatedAccount;
  readonly #events: EventBridgeClient;
  readonly #queueUrl: string;
  readonly #seen = new Set<string>();

  private constructor(account: EmulatedAccount, events: EventBridgeClient, queueUrl: string) {
    this.#account = account;
    this.#events = events;
    this.#queueUrl = queueUrl;
  }

  static async open(account: EmulatedAccount): Promise<Ec2Events> {
    const { sqs, id, region } = account;
    const events = new EventBridgeClient(emulatedSettings(endpoint(), id, region));
    const QueueArn = `arn:aws:sqs:${region}:${id}:settle`;
    const Policy = sendingPolicy('events', QueueArn, `arn:aws:events:${region}:${id}:rule/${RULE}`);
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'settle', Attributes: { Policy } }));
    await events.send(new PutRuleCommand({ Name: RULE, EventPattern: JSON.stringify(PATTERN) }));
    await events.send(new PutTargetsCommand({ Rule: RULE, Targets: [{ Id: 'settle', Arn: QueueArn }] }));
    return new Ec2Events(account, events, QueueUrl);
  }

  /** Waits until the images' last states have been told. */
  async untilTold(imageIds: readonly string[]): Promise<void> {
    await waitFor(
      `the events of ${imageIds.join(', ')}`,
      async () => {
        if (imageIds.some((id) => !this.#seen.has(id))) await this.#receive();
        return imageIds.every((id) => this.#seen.has(id)) ? true : undefined;
      },
      { pollMs: 50 },
    );
  }

  async close(): Promise<void> {
    await this.#events.send(new RemoveTargetsCommand({ Rule: RULE, Ids: ['settle'] }));
    await this.#events.send(new DeleteRuleCommand({ Name: RULE }));
    await this.#account.sqs.send(new DeleteQueueCommand({ QueueUrl: this.#queueUrl }));
  }

  async #receive(): Promise<void> {
    const { sqs } = this.#account;
    const QueueUrl = this.#queueUrl;
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return;
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      for (const message of Messages) {
        const { detail } = JSON.parse(message.Body ?? '') as { detail: { ImageId: string } };
        this.#seen.add(detail.ImageId);
        this.waiting.push(toRecord(message));
      }
    }
  }
}
