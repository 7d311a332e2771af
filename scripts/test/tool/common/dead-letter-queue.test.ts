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
import { withDeadLetters, type HeldLetters } from '../../../tool/common/dead-letter-queue.ts';

const client = new SQSClient({ region: 'eu-west-1' });
const sqs = mockClient(client);
const running = new AbortController().signal;

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

const read = (use: (held: HeldLetters) => Promise<unknown> = (held) => Promise.resolve(held), signal = running) =>
  withDeadLetters(client, 'dead-letters', signal, use);

beforeEach(() => {
  sqs.reset();
  sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'https://sqs.test/dead-letters' });
  sqs.on(ChangeMessageVisibilityBatchCommand).resolves({});
});

describe('withDeadLetters', () => {
  it('reads until two answers are empty, each letter once, and gives all back by their last receipts', async () => {
    answer([messages(0, 10), [], messages(10, 12), messages(0, 1, 'second')]);

    const { letters, unseen } = (await read()) as HeldLetters;

    expect(letters.map(({ id }) => id)).toEqual(messages(0, 12).map(({ MessageId }) => MessageId));
    expect(unseen).toBe(0);
    // The letter that came again is no new one, so that its answer counts as empty.
    expect(sqs.commandCalls(ReceiveMessageCommand)).toHaveLength(5);
    expect(visibilities()).toEqual([
      ['second-id-00', 0],
      ...messages(1, 12).map(({ ReceiptHandle }) => [ReceiptHandle, 0]),
    ]);
  });

  it('reads on while SQS says that messages are waiting, up to five empty answers', async () => {
    answer([[], [], [], messages(0, 1)], 2, 3);

    const { letters, unseen } = (await read()) as HeldLetters;

    expect(letters).toHaveLength(1);
    expect(unseen).toBe(4);
    expect(sqs.commandCalls(ReceiveMessageCommand)).toHaveLength(9);
  });

  it('gives the letters back when something fails', async () => {
    answer([messages(0, 2)]);

    await expect(read(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');

    expect(visibilities()).toEqual([
      ['first-id-00', 0],
      ['first-id-01', 0],
    ]);
  });

  it('gives back what it has when reading fails', async () => {
    sqs
      .on(ReceiveMessageCommand)
      .resolvesOnce({ Messages: messages(0, 1) })
      .rejects(new Error('no network'));

    await expect(read()).rejects.toThrow('no network');

    expect(visibilities()).toEqual([['first-id-00', 0]]);
  });

  it('gives back what it has when the user stops it', async () => {
    const stop = new AbortController();
    sqs.on(ReceiveMessageCommand).callsFake(() => {
      stop.abort(new Error('Stopped.'));
      return { Messages: messages(0, 1) };
    });

    await expect(read(undefined, stop.signal)).rejects.toThrow('Stopped.');

    expect(visibilities()).toEqual([['first-id-00', 0]]);
  });

  it('tells what failed, not that the letters could not be given back as well', async () => {
    answer([messages(0, 1)]);
    sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error('no network'));
    const said = jest.spyOn(console, 'error').mockReturnValue();

    await expect(read(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');

    expect(said).toHaveBeenCalledWith('The dead letters could not be given back. They are seen again in 120 seconds.');
    said.mockRestore();
  });

  it('keeps the letters hidden as long as they are worked with', async () => {
    jest.useFakeTimers();
    try {
      answer([messages(0, 1)]);
      await read(async () => {
        await jest.advanceTimersByTimeAsync(90_000);
      });
    } finally {
      jest.useRealTimers();
    }

    expect(visibilities()).toEqual([
      ['first-id-00', 120],
      ['first-id-00', 120],
      ['first-id-00', 0],
    ]);
  });

  it('deletes letters, tells which are left and why, and gives those back', async () => {
    answer([messages(0, 3)]);
    sqs.on(DeleteMessageBatchCommand).resolves({
      Failed: [{ Id: '1', Code: 'InternalError', Message: 'try again', SenderFault: false }],
    });

    const left = await read(({ letters, delete: remove }) => remove(letters.slice(0, 2)));

    expect(left).toEqual(new Map([['id-01', 'InternalError: try again']]));
    expect(visibilities()).toEqual([
      ['first-id-01', 0],
      ['first-id-02', 0],
    ]);
  });
});
