import { describe, expect, it, jest } from '@jest/globals';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { ACCOUNT, requestJson, SOURCE_IMAGE, TOPIC, watchEnvironment } from '../../factories.ts';
import { logLinesIn } from './log-lines.ts';
import { warm } from './warm.ts';

const lines = logLinesIn(watchEnvironment);

const { REQUESTS_QUEUE_ARN, RESULTS_QUEUE_ARN } = watchEnvironment;
const AWAITED_QUEUE_ARN = REQUESTS_QUEUE_ARN.replace('requests', 'awaited');

/** Loads the function as Lambda does, after its environment is set, with clients that are mocked. */
const loadFunction = warm(async () => {
  jest.resetModules();
  const sdk = {
    ...(await import('@aws-sdk/client-cloudwatch-logs')),
    ...(await import('@aws-sdk/client-sns')),
    ...(await import('@aws-sdk/client-sqs')),
  };
  const clients = {
    logs: mockClient(sdk.CloudWatchLogsClient),
    sns: mockClient(sdk.SNSClient),
    sqs: mockClient(sdk.SQSClient),
  };
  const { handler } = await import('../../../src/functions/handlers/watch-requests.ts');
  return { sdk, clients, handler };
});

/** The function beside a topic that one account has subscribed to. */
async function load() {
  const { sdk, clients, handler } = await loadFunction();
  for (const client of Object.values(clients)) client.reset();
  const subscription = { Owner: ACCOUNT, Protocol: 'sqs', Endpoint: 'a queue', SubscriptionArn: `${TOPIC}:1` };
  clients.sns.on(sdk.ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [subscription] });
  clients.logs.on(sdk.PutLogEventsCommand).resolves({});
  clients.logs.on(sdk.GetLogEventsCommand).resolves({ events: [] });
  const invoke = (...records: readonly SQSRecord[]): Promise<SQSBatchResponse> =>
    handler({ Records: [...records] } satisfies SQSEvent, { awsRequestId: 'request-1' } as Context);
  const sent = () => clients.sqs.calls().map(({ args }) => args[0].input as unknown);
  return { ...clients, sent, invoke };
}

function record(eventSourceARN: string, body: object, changes: Partial<SQSRecord> = {}): SQSRecord {
  const attributes = { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) };
  const common = { receiptHandle: 'receipt-1', attributes, messageAttributes: {}, eventSourceARN };
  return { messageId: 'message-1', body: JSON.stringify(body), ...common, ...changes } as SQSRecord;
}

const request = (...targetAccounts: readonly string[]) => ({ ...requestJson, targetAccounts });
const metrics = () => lines.find((line) => '_aws' in line);

describe('the watch-requests function', () => {
  it('has a request wait for its results, and counts nothing', async () => {
    const { sent, invoke } = await load();

    expect(await invoke(record(REQUESTS_QUEUE_ARN, request(ACCOUNT)))).toEqual({ batchItemFailures: [] });
    expect(sent()).toMatchObject([{ QueueUrl: watchEnvironment.AWAITED_QUEUE_URL }]);
    expect(lines).toMatchObject([{ level: 'INFO', message: 'message heard', sourceImage: SOURCE_IMAGE }]);
  });

  it('reports and counts a request that nobody hears', async () => {
    const { sent, invoke } = await load();

    expect(await invoke(record(REQUESTS_QUEUE_ARN, request('444444444444')))).toEqual({ batchItemFailures: [] });
    expect(sent()).toMatchObject([{ QueueUrl: watchEnvironment.UNHEARD_QUEUE_URL }]);
    expect(lines[0]).toMatchObject({ level: 'ERROR', message: 'message unheard', reason: { code: 'Unheard' } });
    expect(metrics()).toMatchObject({ RequestsUnheard: 1, service: 'amigo-DEMO-notify-watch' });
  });

  it('notes a result, and is told of what is none', async () => {
    const { logs, invoke } = await load();
    const detail = { sourceAmi: SOURCE_IMAGE, account: ACCOUNT, settledAt: '2026-11-23T22:19:40.120Z', reason: null };
    await invoke(record(RESULTS_QUEUE_ARN, { source: 'image-copier', detail }), record(RESULTS_QUEUE_ARN, {}));

    expect(logs.calls()).toHaveLength(1);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'INFO', message: 'message noted' }));
    expect(lines).toContainEqual(expect.objectContaining({ level: 'WARN', message: 'message unknown' }));
    expect(metrics()).toMatchObject({ ResultsUnknown: 1 });
  });

  it('keeps a request that waits, and reports it when its time is over', async () => {
    const { sent, invoke } = await load();
    const published = (agoMs: number) => ({
      messageAttributes: {
        RequestedAt: { dataType: 'String' as const, stringValue: new Date(Date.now() - agoMs).toISOString() },
      },
    });
    const early = record(AWAITED_QUEUE_ARN, request(ACCOUNT), { ...published(0), messageId: 'early' });
    const late = record(AWAITED_QUEUE_ARN, request(ACCOUNT), { ...published(86_400_000), messageId: 'late' });

    expect(await invoke(early, late)).toEqual({ batchItemFailures: [{ itemIdentifier: 'early' }] });
    expect(sent()).toMatchObject([
      { QueueUrl: watchEnvironment.AWAITED_QUEUE_URL, VisibilityTimeout: 39_600 },
      { QueueUrl: watchEnvironment.UNHEARD_QUEUE_URL, MessageAttributes: { ErrorCode: { StringValue: 'Overdue' } } },
    ]);
  });

  it('keeps a message that fails, and not the others of its batch', async () => {
    const { sns, invoke } = await load();
    sns.rejects(new Error('socket hang up'));

    expect(await invoke(record(REQUESTS_QUEUE_ARN, request(ACCOUNT)), record(RESULTS_QUEUE_ARN, {}))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-1' }],
    });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'ERROR', message: 'message retried' }));
    expect(metrics()).toMatchObject({ MessagesRetried: 1 });
  });
});
