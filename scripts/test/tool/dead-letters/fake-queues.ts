import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
} from '@aws-sdk/client-sqs';
import { deadLetterCommand } from '../../../../lambda/src/adapters/dead-letter.ts';
import type { DeadLetter } from '../../../../lambda/src/core/request-queue.ts';
import { IMAGE, REQUESTED_AT } from '../common/letters.ts';
import type { FakeServices } from '../support/fake-aws.ts';

interface Batch {
  readonly Entries: readonly {
    readonly Id: string;
    readonly ReceiptHandle: string;
    readonly VisibilityTimeout?: number;
  }[];
}

/** The queues of a copier in memory. A letter's receipt handle is its id. */
export class FakeQueues {
  readonly #deadLetters = new Map<string, Message>();
  readonly #hidden = new Set<string>();
  readonly #copier: string;
  /** Bodies in the requests queue. */
  readonly requests: string[] = [];
  /** Letters that SQS does not delete. */
  readonly undeletable = new Set<string>();

  constructor({ sqs }: FakeServices, copier = 'image-copier') {
    this.#copier = copier;
    sqs.on(GetQueueUrlCommand).callsFake(({ QueueName }: { QueueName: string }) => {
      if ([this.#name('dead-letters'), this.#name('requests')].includes(QueueName))
        return { QueueUrl: urlOf(QueueName) };
      throw Object.assign(new Error('The specified queue does not exist.'), { name: 'QueueDoesNotExist' });
    });
    const deadLetters = { QueueUrl: urlOf(this.#name('dead-letters')) };
    sqs.on(ReceiveMessageCommand, deadLetters).callsFake(() => ({ Messages: this.receive() }));
    sqs.on(GetQueueAttributesCommand, deadLetters).callsFake(() => ({
      Attributes: {
        ApproximateNumberOfMessages: String(this.#deadLetters.size - this.#hidden.size),
        ApproximateNumberOfMessagesNotVisible: String(this.#hidden.size),
      },
    }));
    sqs.on(ChangeMessageVisibilityBatchCommand, deadLetters).callsFake(({ Entries }: Batch) => {
      for (const { ReceiptHandle, VisibilityTimeout } of Entries) {
        if (VisibilityTimeout === 0) this.#hidden.delete(ReceiptHandle);
      }
      return {};
    });
    sqs.on(DeleteMessageBatchCommand, deadLetters).callsFake((batch: Batch) => this.#delete(batch));
    sqs
      .on(SendMessageCommand, { QueueUrl: urlOf(this.#name('requests')) })
      .callsFake(({ MessageBody }: { MessageBody: string }) => {
        this.requests.push(MessageBody);
        return {};
      });
  }

  /** Puts a letter there as the functions do. */
  add(id: string, changes: Partial<DeadLetter> = {}): void {
    const { MessageBody, MessageAttributes } = deadLetterCommand('', {
      body: requestFor(IMAGE),
      reason: { code: 'UntrustedOwner', message: 'It belongs to somebody else.' },
      requestedAtMs: Date.parse(REQUESTED_AT),
      receiveCount: 1,
      ...changes,
    }).input;
    this.addMessage({ MessageId: id, Body: MessageBody, ...(MessageAttributes && { MessageAttributes }) });
  }

  addMessage(message: Message): void {
    const { MessageId: id = '' } = message;
    this.#deadLetters.set(id, { ...message, ReceiptHandle: id });
  }

  /** Lets somebody else read a letter. */
  hide(id: string): void {
    this.#hidden.add(id);
  }

  /** Takes letters away, as somebody who deals with them does. */
  letGo(...ids: string[]): void {
    for (const id of ids) this.#deadLetters.delete(id);
  }

  /** Letters that anybody can receive. */
  get visible(): string[] {
    return [...this.#deadLetters.keys()].filter((id) => !this.#hidden.has(id));
  }

  get hidden(): string[] {
    return [...this.#hidden];
  }

  #name(queue: string): string {
    return `${this.#copier}-${queue}`;
  }

  /** Hides up to ten letters, as ReceiveMessage does. */
  receive(): Message[] {
    const received = this.visible.slice(0, 10).flatMap((id) => this.#deadLetters.get(id) ?? []);
    for (const { MessageId = '' } of received) this.#hidden.add(MessageId);
    return received;
  }

  #delete({ Entries }: Batch) {
    const kept = Entries.filter(({ ReceiptHandle }) => this.undeletable.has(ReceiptHandle));
    for (const { ReceiptHandle } of Entries) {
      if (this.undeletable.has(ReceiptHandle)) continue;
      this.#deadLetters.delete(ReceiptHandle);
      this.#hidden.delete(ReceiptHandle);
    }
    return { Failed: kept.map(({ Id }) => ({ Id, Code: 'InternalError', Message: 'try again', SenderFault: false })) };
  }
}

/** A copy request as it is sent. */
export function requestFor(sourceAmi: string): string {
  return JSON.stringify({ sourceAmi, sourceRegion: 'eu-west-1', targetAccounts: ['*'], name: 'ubuntu' });
}

function urlOf(queueName: string): string {
  return `https://sqs.test/${queueName}`;
}
