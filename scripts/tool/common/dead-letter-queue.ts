import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { isError } from './aws-answers.ts';
import { UserError } from './user-error.ts';
import { readDeadLetter, type DeadLetter } from './dead-letter.ts';

/** SQS API Reference: the most for receiving and for each of the batch calls. */
const BATCH = 10;

// If this process is killed, its letters are seen again after so long.
const HIDDEN_SECONDS = 120;
const RENEW_MS = 45_000;
// Long polling asks all of SQS's servers, short polling some (SQS Developer Guide, "Short and long polling").
const WAIT_SECONDS = 1;
// Empty answers in a row that end reading: if SQS says that there is nothing left, and in any case, since its counts lag
// behind by up to a minute (GetQueueAttributes).
const ENOUGH_EMPTY = 2;
const MAX_EMPTY = 5;

/** The dead letters while they are hidden from others. */
export interface HeldLetters {
  /** The oldest request first. */
  readonly letters: readonly DeadLetter[];
  /** About how many more there are, that others are reading or that came in the meantime. */
  readonly unseen: number;
  /** Deletes letters for good, and gives the ids of those that are still there, with SQS's reason. */
  readonly delete: (letters: readonly DeadLetter[]) => Promise<ReadonlyMap<string, string>>;
}

/**
 * Reads all letters, lets `use` work with them while nobody else gets them, and gives back those that are still there,
 * also if something fails or the user stops it.
 */
export async function withDeadLetters<T>(
  sqs: SQSClient,
  queueName: string,
  signal: AbortSignal,
  use: (held: HeldLetters) => Promise<T>,
): Promise<T> {
  const queue = new Holding(sqs, await urlOf(sqs, queueName));
  try {
    const unseen = await queue.readAll(signal);
    return await use({ letters: queue.letters(), unseen, delete: (letters) => queue.delete(letters) });
  } finally {
    await queue.giveBack();
  }
}

/** The letters, which are given back at once. Where SQS says that there are none, none are looked for. */
export async function peekLetters(
  sqs: SQSClient,
  queueName: string,
  signal: AbortSignal,
): Promise<readonly DeadLetter[]> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: await urlOf(sqs, queueName),
      AttributeNames: ['ApproximateNumberOfMessages'],
    }),
  );
  if (Attributes.ApproximateNumberOfMessages === '0') return [];
  return await withDeadLetters(sqs, queueName, signal, ({ letters }) => Promise.resolve(letters));
}

/**
 * The URL of a copier's queue.
 * @throws {UserError} if there is none
 */
export async function urlOf(sqs: SQSClient, QueueName: string): Promise<string> {
  try {
    const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    return QueueUrl;
  } catch (error) {
    if (!isError(error, 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue')) throw error;
    throw new UserError(
      `There is no copier in ${await sqs.config.region()} of this account, or it is not yours to see: the queue ${QueueName} ` +
        'does not exist. Check the account (--profile, --role-arn), --region and --name.',
      1,
      { cause: error },
    );
  }
}

/** Items in the sizes that SQS takes at once. */
export function batches<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  );
}

class Holding {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #held = new Map<string, Message>();
  readonly #timer: NodeJS.Timeout;
  #renewal = Promise.resolve();

  constructor(sqs: SQSClient, url: string) {
    this.#sqs = sqs;
    this.#url = url;
    // A letter that cannot be renewed is seen by others as well. Whoever acts first wins, and a copy that is asked for
    // twice is made once.
    this.#timer = setInterval(() => {
      this.#renewal = this.#renewal.then(() => this.#hide(HIDDEN_SECONDS)).catch(() => undefined);
    }, RENEW_MS).unref();
  }

  letters(): DeadLetter[] {
    return Array.from(this.#held.values(), readDeadLetter).sort(
      (one, other) => one.requestedAt.getTime() - other.requestedAt.getTime() || (one.id < other.id ? -1 : 1),
    );
  }

  /** Gives about how many there are that could not be read. */
  async readAll(signal: AbortSignal): Promise<number> {
    for (let empty = 0; ;) {
      // Between calls only: what an answer brings is hidden already, and must be known to be given back.
      signal.throwIfAborted();
      empty = (await this.#receive()) ? 0 : empty + 1;
      if (empty < ENOUGH_EMPTY) continue;
      const { waiting, inAll } = await this.#counts();
      if (waiting === 0 || empty >= MAX_EMPTY) return Math.max(0, inAll - this.#held.size);
    }
  }

  async delete(letters: readonly DeadLetter[]): Promise<ReadonlyMap<string, string>> {
    const left = new Map<string, string>();
    for (const batch of batches(letters)) {
      const Entries = batch.map(({ id }, index) => ({
        Id: String(index),
        ReceiptHandle: this.#held.get(id)?.ReceiptHandle,
      }));
      const { Failed = [] } = await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries }));
      const failed = new Map(Failed.map(({ Id, Code = '', Message = '' }) => [Id, `${Code}: ${Message}`]));
      for (const [index, { id }] of batch.entries()) {
        const reason = failed.get(String(index));
        if (reason === undefined) this.#held.delete(id);
        else left.set(id, reason);
      }
    }
    return left;
  }

  async giveBack(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    try {
      await this.#hide(0);
    } catch {
      // What failed before is what the user must hear of. The letters come back by themselves.
      console.error(`The dead letters could not be given back. They are seen again in ${HIDDEN_SECONDS} seconds.`);
    }
  }

  /** Whether the answer brought a letter that was not there yet. */
  async #receive(): Promise<boolean> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: BATCH,
        VisibilityTimeout: HIDDEN_SECONDS,
        WaitTimeSeconds: WAIT_SECONDS,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    const before = this.#held.size;
    // The last receipt handle counts (SQS API Reference, DeleteMessage).
    for (const message of Messages) this.#held.set(message.MessageId ?? '', message);
    return this.#held.size > before;
  }

  async #counts(): Promise<{ waiting: number; inAll: number }> {
    const { Attributes = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    const waiting = Number(Attributes.ApproximateNumberOfMessages ?? 0);
    // The sum stays the same when letters are taken and given back, so that it is right also while the parts lag behind.
    return { waiting, inAll: waiting + Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0) };
  }

  async #hide(VisibilityTimeout: number): Promise<void> {
    for (const batch of batches([...this.#held.values()])) {
      const Entries = batch.map(({ ReceiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout,
      }));
      await this.#sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.#url, Entries }));
    }
  }
}
