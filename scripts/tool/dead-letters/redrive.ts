import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { reasonOf } from '../common/aws-errors.ts';
import type { DeadLetter } from '../common/dead-letter.ts';
import { batches, urlOf, type HeldLetters } from '../common/dead-letter-queue.ts';

/** What became of a letter; `problem` says why it is still among the dead letters. */
export interface Redriven<T> {
  readonly letter: T;
  readonly sent: boolean;
  readonly problem?: string;
}

/**
 * Sends letters to the requests queue of their copier, then deletes them: whatever happens in between, each is in at least one of the
 * queues, and a request that is there twice is copied once. Their attributes stay behind.
 */
export async function redriveLetters<T extends DeadLetter>(
  letters: readonly T[],
  held: Pick<HeldLetters, 'delete'>,
  sqs: SQSClient,
  copier: string,
  signal: AbortSignal,
): Promise<Redriven<T>[]> {
  if (letters.length === 0) return [];
  let url: string;
  try {
    url = await urlOf(sqs, copier, 'requests');
  } catch (error) {
    return letters.map((letter) => ({ letter, sent: false, problem: reasonOf(error) }));
  }
  const results: Redriven<T>[] = [];
  for (const batch of batches(letters)) {
    if (signal.aborted) return results;
    const tried = await Promise.all(batch.map((letter) => send(letter, sqs, url)));
    const sent = tried.filter((result) => result.sent).map(({ letter }) => letter);
    const kept = await held.delete(sent);
    for (const result of tried) {
      const reason = kept.get(result.letter.id);
      const problem = `It was put back, but could not be deleted here. ${reason ?? ''}`;
      results.push(reason === undefined ? result : { ...result, problem });
    }
  }
  return results;
}

async function send<T extends DeadLetter>(letter: T, sqs: SQSClient, QueueUrl: string): Promise<Redriven<T>> {
  const { body } = letter;
  if (typeof body !== 'string') return { letter, sent: false, problem: body.message };
  try {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    return { letter, sent: true };
  } catch (error) {
    return { letter, sent: false, problem: reasonOf(error) };
  }
}
