import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { mockClient } from 'aws-sdk-client-mock';
import { LoggedResults } from '../../src/adapters/logged-results.ts';
import type { GivenResult } from '../../src/core/watch-requests.ts';
import { ACCOUNT, answerPages, NOW_MS, SOURCE_IMAGE } from '../factories.ts';

const GROUP = '/image-copier/topic/results';
const client = new CloudWatchLogsClient({ region: 'eu-west-1' });
const logs = mockClient(client);
const results = new LoggedResults(client, GROUP, () => NOW_MS);
const result: GivenResult = {
  sourceAmi: SOURCE_IMAGE,
  account: ACCOUNT,
  settledAt: '2026-11-23T22:19:40.120Z',
  reason: null,
};
const stream = { logGroupName: GROUP, logStreamName: SOURCE_IMAGE };

beforeEach(() => {
  logs.reset();
});

const refused = (name: string) => Object.assign(new Error(name), { name });

describe('note', () => {
  it("writes a line into the image's stream", async () => {
    logs.on(PutLogEventsCommand).resolves({});
    await results.note(result);

    expect(logs.calls().map(({ args }) => args[0].input as unknown)).toEqual([
      { ...stream, logEvents: [{ timestamp: NOW_MS, message: JSON.stringify(result) }] },
    ]);
  });

  it.each([
    ['makes the stream for the first', undefined],
    ['bears that another made it', refused('ResourceAlreadyExistsException')],
  ])('%s', async (_, answer) => {
    logs.on(PutLogEventsCommand).rejectsOnce(refused('ResourceNotFoundException')).resolves({});
    if (answer) logs.on(CreateLogStreamCommand).rejects(answer);
    await results.note(result);

    expect(logs.commandCalls(CreateLogStreamCommand).map(({ args }) => args[0].input)).toEqual([stream]);
    expect(logs.commandCalls(PutLogEventsCommand)).toHaveLength(2);
  });

  it('fails where nothing was taken', async () => {
    logs.on(PutLogEventsCommand).resolves({ rejectedLogEventsInfo: { expiredLogEventEndIndex: 0 } });

    await expect(results.note(result)).rejects.toThrow('CloudWatch Logs took no event: {"expiredLogEventEndIndex":0}');
  });

  it.each([
    ['the group cannot be written to', PutLogEventsCommand],
    ['the stream cannot be made', CreateLogStreamCommand],
  ])('fails where %s', async (_, command) => {
    logs.on(PutLogEventsCommand).rejects(refused('ResourceNotFoundException'));
    logs.on(command as typeof CreateLogStreamCommand).rejects(refused('AccessDeniedException'));

    await expect(results.note(result)).rejects.toThrow('AccessDeniedException');
  });
});

describe('of', () => {
  it('reads all pages, to the one whose token stays the same, and passes over what is no result', async () => {
    const message = JSON.stringify(result);
    const inputs = answerPages(
      logs.on(GetLogEventsCommand),
      { events: [], nextForwardToken: 'f/1' },
      { events: [{ message }, { message: 'started by hand' }], nextForwardToken: 'f/2' },
      { events: [], nextForwardToken: 'f/2' },
    );

    expect(await results.of(SOURCE_IMAGE)).toEqual([result]);
    expect(inputs).toEqual([
      { ...stream, startFromHead: true },
      { ...stream, startFromHead: true, nextToken: 'f/1' },
      { ...stream, startFromHead: true, nextToken: 'f/2' },
    ]);
  });

  it('knows none of an image that no account has told of', async () => {
    logs.on(GetLogEventsCommand).rejects(refused('ResourceNotFoundException'));

    expect(await results.of(SOURCE_IMAGE)).toEqual([]);
  });

  it('fails where they cannot be read', async () => {
    logs.on(GetLogEventsCommand).rejects(refused('ThrottlingException'));

    await expect(results.of(SOURCE_IMAGE)).rejects.toThrow('ThrottlingException');
  });
});
