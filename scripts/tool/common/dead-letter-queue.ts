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
import { reasonOf } from './aws-errors.ts';
import { readDeadLetter, type DeadLetter } from './dead-letter.ts';
import { UserError } from './user-error.ts';

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

/** Is told what the user must know, and what stops nothing. */
export type Warn = (line: string) => void;

/** The dead letters of a copier, which are given back at once. Where SQS says that there are none, none are looked for. */
export async function peekLetters(
  sqs: SQSClient,
  copier: string,
  signal: AbortSignal,
  warn: Warn,
): Promise<readonly DeadLetter[]> {
  const QueueUrl = await urlOf(sqs, copier, 'dead-letters');
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  if (Attributes.ApproximateNumberOfMessages === '0') return [];
  const held = await HeldLetters.openQueue(sqs, QueueUrl, signal, warn);
  await held.giveBack();
  return held.letters;
}

/**
 * The URL of a queue of a copier.
 * @param copier its name
 * @throws {UserError} if there is none
 */
export async function urlOf(
  sqs: SQSClient,
  copier: string,
  queue: 'dead-letters' | 'requests' | 'retirements',
): Promise<string> {
  try {
    const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${copier}-${queue}` }));
    return QueueUrl;
  } catch (error) {
    if (!isError(error, 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue')) throw error;
    throw new UserError(
      `There is no copier "${copier}" in ${await sqs.config.region()} of this account, or it is not yours to see: the queue does ` +
        'not exist. Deploy it, or check the account (--profile, --role-arn), --region and --name.',
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

/** The letters of a dead-letter queue, hidden from others until they are given back. */
export class HeldLetters {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #warn: Warn;
  readonly #held = new Map<string, Message>();
  readonly #timer: NodeJS.Timeout;
  #renewal = Promise.resolve();
  #unseen = 0;

  private constructor(sqs: SQSClient, url: string, warn: Warn) {
    this.#sqs = sqs;
    this.#url = url;
    this.#warn = warn;
    // A letter that cannot be renewed is seen by others as well. Whoever acts first wins, and a copy that is asked for
    // twice is made once.
    this.#timer = setInterval(() => {
      this.#renewal = this.#renewal.then(() => this.#hide(HIDDEN_SECONDS)).catch(() => undefined);
    }, RENEW_MS).unref();
  }

  /**
   * Reads all letters of a copier. If that fails or the user stops it, what was read is given back.
   * @param warn is told here or later if letters cannot be given back
   */
  static async open(sqs: SQSClient, copier: string, signal: AbortSignal, warn: Warn): Promise<HeldLetters> {
    return await HeldLetters.openQueue(sqs, await urlOf(sqs, copier, 'dead-letters'), signal, warn);
  }

  /** The same by the URL of the queue. */
  static async openQueue(sqs: SQSClient, url: string, signal: AbortSignal, warn: Warn): Promise<HeldLetters> {
    const held = new HeldLetters(sqs, url, warn);
    try {
      await held.#readAll(signal);
    } catch (error) {
      await held.giveBack();
      throw error;
    }
    return held;
  }

  /** Those that were not deleted, the oldest request first. */
  get letters(): readonly DeadLetter[] {
    return Array.from(this.#held.values(), readDeadLetter).sort(
      (one, other) => one.requestedAt.getTime() - other.requestedAt.getTime() || (one.id < other.id ? -1 : 1),
    );
  }

  /** About how many more there were, that others were reading or that came in the meantime. */
  get unseen(): number {
    return this.#unseen;
  }

  /** Deletes letters for good, and gives the ids of those that are still there, with the reason. */
  async delete(letters: readonly DeadLetter[]): Promise<ReadonlyMap<string, string>> {
    const kept = new Map<string, string>();
    for (const batch of batches(letters)) {
      const failed = await this.#deleteBatch(batch);
      for (const [index, { id }] of batch.entries()) {
        const reason = failed.get(index);
        if (reason === undefined) this.#held.delete(id);
        else kept.set(id, reason);
      }
    }
    return kept;
  }

  /** Lets others see the letters that were not deleted. Never fails: what failed before is what the user must hear of. */
  async giveBack(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    try {
      await this.#hide(0);
    } catch {
      // They come back by themselves.
      this.#warn(`The dead letters could not be given back. They are seen again in ${HIDDEN_SECONDS} seconds.`);
    }
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    for (let empty = 0; ;) {
      // Between calls only: what an answer brings is hidden already, and must be known to be given back.
      signal.throwIfAborted();
      empty = (await this.#receive()) ? 0 : empty + 1;
      if (empty < ENOUGH_EMPTY) continue;
      const { waiting, inAll } = await this.#counts();
      this.#unseen = Math.max(0, inAll - this.#held.size);
      if (waiting === 0 || empty >= MAX_EMPTY) return;
    }
  }

  /** Gives the reasons of those that were not deleted, by their index in the batch. */
  async #deleteBatch(batch: readonly DeadLetter[]): Promise<ReadonlyMap<number, string>> {
    const Entries = batch.map(({ id }, index) => ({
      Id: String(index),
      ReceiptHandle: this.#held.get(id)?.ReceiptHandle,
    }));
    try {
      const { Failed = [] } = await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries }));
      return new Map(Failed.map(({ Id, Code = '', Message = '' }) => [Number(Id), `${Code}: ${Message}`]));
    } catch (error) {
      return new Map(batch.map((_, index) => [index, reasonOf(error)]));
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
