import { beforeEach, describe, expect, it } from '@jest/globals';
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import type { DeadLetter } from '../../../tool/common/dead-letter.ts';
import type { HeldLetters } from '../../../tool/common/dead-letter-queue.ts';
import { redriveLetters, type Redriven } from '../../../tool/dead-letters/redrive.ts';
import { letter } from '../common/letters.ts';

const client = new SQSClient({ region: 'eu-west-1' });
const sqs = mockClient(client);
const LETTERS = Array.from({ length: 12 }, (_, index) => letter({ id: `id-${index}`, body: `body-${index}` }));
let steps: string[];

beforeEach(() => {
  steps = [];
  sqs.reset();
  sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'https://sqs.test/requests' });
  sqs.on(SendMessageCommand).callsFake(({ MessageBody }: { MessageBody: string }) => {
    steps.push(`send ${MessageBody}`);
    return {};
  });
});

async function redrive(
  letters: readonly DeadLetter[],
  failures: ReadonlyMap<string, string> = new Map(),
  signal = new AbortController().signal,
): Promise<Redriven<DeadLetter>[]> {
  const remove: HeldLetters['delete'] = (sent) => {
    steps.push(...sent.map(({ id }) => `delete ${id}`));
    return Promise.resolve(failures);
  };
  return await redriveLetters(letters, { delete: remove }, client, 'image-copier', signal);
}

describe('redriveLetters', () => {
  it('sends each letter, and only then deletes it', async () => {
    expect(await redrive(LETTERS)).toEqual(LETTERS.map((sent) => ({ letter: sent, sent: true })));

    expect(steps.toSorted()).toEqual(
      LETTERS.flatMap(({ id, body }) => [`send ${String(body)}`, `delete ${id}`]).toSorted(),
    );
    for (const { id, body } of LETTERS) {
      expect(steps.indexOf(`send ${String(body)}`)).toBeLessThan(steps.indexOf(`delete ${id}`));
    }
  });

  it('sends the body alone', async () => {
    await redrive([letter({ body: 'the body' })]);

    expect(sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input)).toEqual([
      { QueueUrl: 'https://sqs.test/requests', MessageBody: 'the body' },
    ]);
  });

  it('keeps a letter that is not sent, and goes on', async () => {
    sqs.on(SendMessageCommand, { MessageBody: 'body-0' }).rejects(new Error('too long'));
    const lost = letter({ id: 'lost', body: new Error('It cannot be unpacked') });

    expect(await redrive([...LETTERS.slice(0, 2), lost])).toMatchObject([
      { sent: false, problem: 'Error: too long.' },
      { sent: true },
      { sent: false, problem: 'It cannot be unpacked' },
    ]);
    expect(steps).toEqual(['send body-1', 'delete id-1']);
  });

  it('names a letter that was sent and could not be deleted', async () => {
    expect(await redrive(LETTERS.slice(0, 1), new Map([['id-0', 'InternalError: try again']]))).toEqual([
      {
        letter: LETTERS[0],
        sent: true,
        problem: 'It was put back, but could not be deleted here. InternalError: try again',
      },
    ]);
  });

  it('keeps all letters if the queue cannot be found', async () => {
    sqs.on(GetQueueUrlCommand).rejects(new Error('no network'));

    expect(await redrive(LETTERS.slice(0, 2))).toEqual(
      LETTERS.slice(0, 2).map((kept) => ({ letter: kept, sent: false, problem: 'Error: no network.' })),
    );
    expect(steps).toEqual([]);
  });

  it('asks for no queue without letters', async () => {
    expect(await redrive([])).toEqual([]);
    expect(sqs.calls()).toEqual([]);
  });

  it('sends nothing more when the user stops it', async () => {
    const stop = new AbortController();
    sqs.on(SendMessageCommand).callsFake(() => {
      stop.abort();
      return {};
    });

    expect(await redrive(LETTERS, new Map(), stop.signal)).toHaveLength(10);
  });
});
