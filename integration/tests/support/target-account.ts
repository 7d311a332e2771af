import { ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import {
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { emulatedAccount, emulatedEnvironment, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { assumeRole, createCopierStack, updateCopierStack, type CopierStack } from './copier-stack.ts';
import { endpoint, newAccountId, REGION } from './emulator.ts';
import { HandlerProcess, type FunctionName } from './handler-process.ts';
import { removeImages } from './remove-images.ts';

/** What a message became: `kept` is back in the queue, `done` is deleted, as SQS and Lambda would do. */
export interface Delivered {
  readonly outcome: 'done' | 'kept';
}

/** A target account without Terraform: a key, the two queues and the built functions under their own roles, driven by the test. */
export class TargetAccount {
  readonly account: EmulatedAccount;
  readonly keyArn: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly retirementsQueueUrl: string;
  /** The one topic on which its role may publish. */
  readonly resultsTopicArn: string;
  readonly #stack: CopierStack;
  readonly #sourceAccount: string;
  readonly #sourceKeys: readonly string[];
  readonly #environment: Record<string, string>;
  readonly #processes: HandlerProcess[] = [];

  private constructor(
    account: EmulatedAccount,
    stack: CopierStack,
    resultsTopicArn: string,
    trustedOwner: string,
    sourceKeys: readonly string[],
  ) {
    this.account = account;
    this.keyArn = stack.KeyArn;
    this.queueUrl = stack.QueueUrl;
    this.deadLetterQueueUrl = stack.DeadLetterQueueUrl;
    this.retirementsQueueUrl = stack.RetirementsQueueUrl;
    this.resultsTopicArn = resultsTopicArn;
    this.#stack = stack;
    this.#sourceAccount = trustedOwner;
    this.#sourceKeys = sourceKeys;
    this.#environment = {
      ...emulatedEnvironment(endpoint(), account.id, REGION),
      COPIER_NAME: 'image-copier',
      COPY_DEPRECATION: 'true',
      KMS_KEY_ARN: this.keyArn,
      TRUSTED_OWNERS: trustedOwner,
      QUEUE_URL: this.queueUrl,
      DEAD_LETTER_QUEUE_URL: this.deadLetterQueueUrl,
      RETRY_SECONDS: '21600',
      FAILED_COPY_DELAY_SECONDS: '0',
      OVERDUE_SECONDS: '86400',
      PARAMETER_PATH: '/image-copier',
      RECIPE_TAG: 'Recipe',
      RECONCILE_NEWEST: '1',
      RECONCILE_REGIONS: REGION,
    };
  }

  /** @param sourceKeys ARNs of keys that images of the source account are encrypted under */
  static async create(
    trustedOwner: string,
    sourceKeys: readonly string[] = [],
    accountId = newAccountId(),
  ): Promise<TargetAccount> {
    const account = emulatedAccount(endpoint(), accountId, REGION);
    const inputs = inputsOf(account, trustedOwner, [trustedOwner], sourceKeys);
    const stack = await createCopierStack(account, inputs);
    return new TargetAccount(account, stack, inputs.ResultsTopicArn, trustedOwner, sourceKeys);
  }

  /** Starts copy-image; each call gives a process of its own, as Lambda's execution environments are. */
  async startFunction(changes: Readonly<Record<string, string>> = {}): Promise<HandlerProcess> {
    return await this.#start('copy-image', changes);
  }

  /** Starts settle-copy, likewise. */
  async startSettling(changes: Readonly<Record<string, string>> = {}): Promise<HandlerProcess> {
    return await this.#start('settle-copy', changes);
  }

  /** Starts retire-image, likewise, without a retention policy and with no images to roll back to. */
  async startRetiring(changes: Readonly<Record<string, string>> = {}): Promise<HandlerProcess> {
    return await this.#start('retire-image', {
      QUEUE_URL: this.retirementsQueueUrl,
      REMAINING_MS: '300000',
      ROLLBACK_DEPTH: '0',
      ...changes,
    });
  }

  /** Has the functions that start from now on trust these accounts, and lets their roles do so. */
  async trust(owners: readonly string[]): Promise<void> {
    await updateCopierStack(this.account, inputsOf(this.account, this.#sourceAccount, owners, this.#sourceKeys));
    this.#environment['TRUSTED_OWNERS'] = owners.join(',');
  }

  async #start(name: FunctionName, changes: Readonly<Record<string, string>>): Promise<HandlerProcess> {
    const started = await HandlerProcess.start(name, {
      ...this.#environment,
      ...(await assumeRole(this.account, this.#stack[name], name)),
      AWS_LAMBDA_FUNCTION_NAME: `image-copier-${name}`,
      ...changes,
    });
    this.#processes.push(started);
    return started;
  }

  /** Sends bodies to the queue and receives them as one batch of records; without any, what is there. */
  async receive(...bodies: string[]): Promise<SQSRecord[]> {
    return await this.#receiveFrom(this.queueUrl, bodies);
  }

  async #receiveFrom(QueueUrl: string, bodies: readonly string[]): Promise<SQSRecord[]> {
    const { sqs } = this.account;
    const sent = new Set<string | undefined>();
    for (const MessageBody of bodies) {
      const { MessageId } = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
      sent.add(MessageId);
    }
    const received: Message[] = [];
    await waitFor(`${bodies.length} messages`, async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
      );
      // What a function has put there itself is none of these; without bodies, it is what is asked for.
      received.push(...Messages.filter(({ MessageId }) => bodies.length === 0 || sent.has(MessageId)));
      return received.length >= bodies.length ? true : undefined;
    });
    return received.map(toRecord);
  }

  /** Runs one message through the function and ends its delivery as the event source mapping would. */
  async deliver(handler: HandlerProcess, body: string): Promise<Delivered> {
    return await this.#deliverThrough(this.queueUrl, handler, body);
  }

  /** Likewise a message about the end of images, through its own queue. */
  async deliverRetirement(handler: HandlerProcess, body: string): Promise<Delivered> {
    return await this.#deliverThrough(this.retirementsQueueUrl, handler, body);
  }

  async #deliverThrough(QueueUrl: string, handler: HandlerProcess, body: string): Promise<Delivered> {
    const [record] = await this.#receiveFrom(QueueUrl, [body]);
    if (!record) throw new Error('no message');
    const { batchItemFailures } = await handler.invoke(record);
    if (batchItemFailures.length > 0) return { outcome: 'kept' };
    await this.account.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: record.receiptHandle }));
    return { outcome: 'done' };
  }

  /** Takes all messages out of the dead-letter queue. */
  async takeDeadLetters(): Promise<Message[]> {
    const { Messages = [] } = await this.account.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.deadLetterQueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages;
  }

  /** Ends the functions and takes away what the account holds. */
  async close(): Promise<void> {
    await Promise.all(this.#processes.map((handler) => handler.stop()));
    const { kms, sqs } = this.account;
    await removeImages(this.account);
    for (const QueueUrl of [this.queueUrl, this.deadLetterQueueUrl, this.retirementsQueueUrl])
      await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: this.keyArn, PendingWindowInDays: 7 }));
  }
}

function inputsOf(
  { id, region }: EmulatedAccount,
  sourceAccount: string,
  trustedOwners: readonly string[],
  sourceKeys: readonly string[],
) {
  const RequestTopicArn = `arn:aws:sns:${region}:${sourceAccount}:${id}`;
  return {
    RequestTopicArn,
    ResultsTopicArn: `${RequestTopicArn}-results`,
    TrustedOwnerIds: trustedOwners.join(','),
    SourceKeyArns: sourceKeys.join(','),
  };
}

/** The wake-up that an image has changed its state, as EventBridge puts it into the queue of settle-copy. */
export function imageStateWakeUp(imageId: string, state: string): SQSRecord {
  return toRecord({
    MessageId: imageId,
    Body: JSON.stringify({
      source: 'aws.ec2',
      'detail-type': 'EC2 AMI State Change',
      detail: { ImageId: imageId, State: state, ErrorMessage: '' },
    }),
  });
}

/** The wake-up of the schedule. */
export function sweepWakeUp(): SQSRecord {
  const body = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };
  return toRecord({ MessageId: 'sweep', Body: JSON.stringify(body) });
}

/** A message as the event source mapping hands it to a function. */
export function toRecord({ MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} }: Message): SQSRecord {
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
  } as unknown as SQSRecord;
}
