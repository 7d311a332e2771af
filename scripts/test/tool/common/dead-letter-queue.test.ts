import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { HeldLetters, peekLetters } from '../../../tool/common/dead-letter-queue.ts';

const client = new SQSClient({ region: 'eu-west-1' });
const sqs = mockClient(client);
const running = new AbortController().signal;
const NOT_GIVEN_BACK = 'The dead letters could not be given back. They are seen again in 120 seconds.';

function messages(from: number, to: number, receipt = 'first'): Message[] {
  return Array.from({ length: to - from }, (_, index) => {
    const MessageId = `id-${String(from + index).padStart(2, '0')}`;
    return { MessageId, ReceiptHandle: `${receipt}-${MessageId}`, Body: '{}' };
  });
}

/** What each call of ReceiveMessage answers; after it nothing, and SQS counts so many messages. */
function answer(answers: readonly Message[][], waiting = 0, notVisible = 0): void {
  const receive = sqs.on(ReceiveMessageCommand);
  for (const Messages of answers) receive.resolvesOnce({ Messages });
  receive.resolves({});
  sqs.on(GetQueueAttributesCommand).resolves({
    Attributes: {
      ApproximateNumberOfMessages: String(waiting),
      ApproximateNumberOfMessagesNotVisible: String(notVisible),
    },
  });
}

function visibilities(): [string | undefined, number | undefined][] {
  return sqs
    .commandCalls(ChangeMessageVisibilityBatchCommand)
    .flatMap(({ args }) => args[0].input.Entries ?? [])
    .map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle, VisibilityTimeout]);
}

let warnings: string[];
const warn = (line: string) => warnings.push(line);
const open = (signal = running) => HeldLetters.open(client, 'image-copier', signal, warn);

beforeEach(() => {
  warnings = [];
  sqs.reset();
  sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'https://sqs.test/dead-letters' });
  sqs.on(ChangeMessageVisibilityBatchCommand).resolves({});
});

describe('HeldLetters', () => {
  it('reads until two answers are empty, each letter once, and gives all back by their last receipts', async () => {
    answer([messages(0, 10), [], messages(10, 12), messages(0, 1, 'second')]);

    const held = await open();

    expect(held.letters.map(({ id }) => id)).toEqual(messages(0, 12).map(({ MessageId }) => MessageId));
    expect(held.unseen).toBe(0);
    // The letter that came again is no new one, so that its answer counts as empty.
    expect(sqs.commandCalls(ReceiveMessageCommand)).toHaveLength(5);
    expect(visibilities()).toEqual([]);

    await held.giveBack();

    expect(visibilities()).toEqual([
      ['second-id-00', 0],
      ...messages(1, 12).map(({ ReceiptHandle }) => [ReceiptHandle, 0]),
    ]);
    expect(warnings).toEqual([]);
  });

  it('reads on while SQS says that messages are waiting, up to five empty answers', async () => {
    answer([[], [], [], messages(0, 1)], 2, 3);

    const held = await open();
    await held.giveBack();

    expect(held.letters).toHaveLength(1);
    expect(held.unseen).toBe(4);
    expect(sqs.commandCalls(ReceiveMessageCommand)).toHaveLength(9);
  });

  it('says that nothing is unseen if SQS counts less than there is', async () => {
    answer([messages(0, 3)], 0, 1);

    const held = await open();
    await held.giveBack();

    expect(held.unseen).toBe(0);
  });

  it('takes a queue without counts for an empty one', async () => {
    sqs.on(ReceiveMessageCommand).resolves({});
    sqs.on(GetQueueAttributesCommand).resolves({});

    const held = await open();
    await held.giveBack();

    expect([held.letters, held.unseen]).toEqual([[], 0]);
  });

  it('has the oldest request first, and those of the same time by their ids', async () => {
    const sent = (MessageId: string, SentTimestamp: string) => ({ MessageId, Attributes: { SentTimestamp } });
    answer([[sent('c', '7'), sent('b', '7'), sent('a', '8')]]);

    const held = await open();
    await held.giveBack();

    expect(held.letters.map(({ id }) => id)).toEqual(['b', 'c', 'a']);
  });

  it('gives back what it has when reading fails', async () => {
    sqs
      .on(ReceiveMessageCommand)
      .resolvesOnce({ Messages: messages(0, 1) })
      .rejects(new Error('no network'));

    await expect(open()).rejects.toThrow('no network');

    expect(visibilities()).toEqual([['first-id-00', 0]]);
  });

  it('gives back what it has when the user stops it', async () => {
    const stop = new AbortController();
    sqs.on(ReceiveMessageCommand).callsFake(() => {
      stop.abort(new Error('Stopped.'));
      return { Messages: messages(0, 1) };
    });

    await expect(open(stop.signal)).rejects.toThrow('Stopped.');

    expect(visibilities()).toEqual([['first-id-00', 0]]);
  });

  it('fails with what failed first, and warns that the letters could not be given back', async () => {
    sqs
      .on(ReceiveMessageCommand)
      .resolvesOnce({ Messages: messages(0, 1) })
      .rejects(new Error('broken'));
    sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error('no network'));

    await expect(open()).rejects.toThrow('broken');

    expect(warnings).toEqual([NOT_GIVEN_BACK]);
  });

  it('keeps the letters hidden until they are given back, and then no longer', async () => {
    jest.useFakeTimers();
    try {
      answer([messages(0, 1)]);
      const held = await open();
      await jest.advanceTimersByTimeAsync(90_000);
      await held.giveBack();
      await jest.advanceTimersByTimeAsync(90_000);
    } finally {
      jest.useRealTimers();
    }

    expect(visibilities()).toEqual([
      ['first-id-00', 120],
      ['first-id-00', 120],
      ['first-id-00', 0],
    ]);
  });

  it('tries again to keep them hidden after it failed', async () => {
    jest.useFakeTimers();
    try {
      answer([messages(0, 1)]);
      sqs.on(ChangeMessageVisibilityBatchCommand).rejectsOnce(new Error('no network')).resolves({});
      const held = await open();
      await jest.advanceTimersByTimeAsync(90_000);
      await held.giveBack();
    } finally {
      jest.useRealTimers();
    }

    expect(visibilities()).toHaveLength(3);
    expect(warnings).toEqual([]);
  });

  it('deletes letters, names those that are kept and why, and gives those back', async () => {
    answer([messages(0, 3)]);
    sqs.on(DeleteMessageBatchCommand).resolves({
      Failed: [{ Id: '1', Code: 'InternalError', Message: 'try again', SenderFault: false }],
    });
    const held = await open();

    const kept = await held.delete(held.letters.slice(0, 2));
    await held.giveBack();

    expect(kept).toEqual(new Map([['id-01', 'InternalError: try again']]));
    expect(held.letters.map(({ id }) => id)).toEqual(['id-01', 'id-02']);
    expect(visibilities()).toEqual([
      ['first-id-01', 0],
      ['first-id-02', 0],
    ]);
  });

  it('goes on with the next letters when some cannot be deleted', async () => {
    answer([messages(0, 10), messages(10, 12)]);
    sqs
      .on(DeleteMessageBatchCommand)
      .rejectsOnce(Object.assign(new Error('no'), { name: 'ECONNRESET' }))
      .resolves({});
    const held = await open();

    const kept = await held.delete(held.letters);
    await held.giveBack();

    const reason = 'AWS cannot be reached: no. Check --region, AWS_ENDPOINT_URL and the network.';
    expect(kept).toEqual(new Map(messages(0, 10).map(({ MessageId = '' }) => [MessageId, reason])));
    expect(visibilities()).toHaveLength(10);
  });

  it('says where a queue is not found', async () => {
    sqs.on(GetQueueUrlCommand).rejects(Object.assign(new Error('no'), { name: 'QueueDoesNotExist' }));

    await expect(open()).rejects.toThrow(
      /^There is no copier "image-copier" in eu-west-1 .* the queue does not exist\./,
    );
  });
});

describe('peekLetters', () => {
  const peek = () => peekLetters(client, 'image-copier', running, warn);

  it('reads nothing where SQS says that there is nothing', async () => {
    answer([messages(0, 1)], 0);

    expect(await peek()).toEqual([]);
    expect(sqs.commandCalls(ReceiveMessageCommand)).toEqual([]);
  });

  it('gives the letters, and gives them back', async () => {
    answer([messages(0, 1)], 1);

    expect((await peek()).map(({ id }) => id)).toEqual(['id-00']);
    expect(visibilities()).toEqual([['first-id-00', 0]]);
  });

  it('gives the letters also if they cannot be given back, with a warning', async () => {
    answer([messages(0, 1)], 1);
    sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error('no network'));

    expect(await peek()).toHaveLength(1);
    expect(warnings).toEqual([NOT_GIVEN_BACK]);
  });
});
