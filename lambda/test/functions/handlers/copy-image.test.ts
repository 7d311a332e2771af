import { describe, expect, it, jest } from '@jest/globals';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import {
  BAKED_AT,
  environment,
  parameterNotFound,
  REGION,
  requestJson,
  SOURCE_ACCOUNT,
  SOURCE_IMAGE,
} from '../../factories.ts';
import { logLinesIn } from './log-lines.ts';
import { warm } from './warm.ts';

const lines = logLinesIn(environment);

function record(messageId: string, body: unknown, sentAtMs = Date.now()): SQSRecord {
  const attributes = { ApproximateReceiveCount: '1', SentTimestamp: String(sentAtMs) };
  return { messageId, receiptHandle: messageId, body: JSON.stringify(body), attributes } as SQSRecord;
}

/** Loads the function as Lambda does, after its environment is set. */
const loadFunction = warm(async () => {
  jest.resetModules();
  const sdk = await import('@aws-sdk/client-ec2');
  const { SQSClient } = await import('@aws-sdk/client-sqs');
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const [ec2, sqs, ssm] = [mockClient(sdk.EC2Client), mockClient(SQSClient), mockClient(SSMClient)];
  return {
    sdk,
    ec2,
    sqs,
    ssm,
    GetParameterCommand,
    ...(await import('../../../src/functions/handlers/copy-image.ts')),
  };
});

/** The function over an EC2 that shares the source image. */
async function load() {
  const { sdk, ec2, sqs, ssm, GetParameterCommand, handler, prepare } = await loadFunction();
  for (const client of [ec2, sqs, ssm]) client.reset();

  ec2.on(sdk.DescribeImagesCommand).resolves({ Images: [] });
  ec2.on(sdk.DescribeImagesCommand, { ImageIds: [SOURCE_IMAGE] }).resolves({
    Images: [{ ImageId: SOURCE_IMAGE, OwnerId: SOURCE_ACCOUNT, State: 'available', CreationDate: BAKED_AT }],
  });
  ec2.on(sdk.DescribeImagesCommand, { ImageIds: ['ami-1'] }).resolves({ Images: [{ State: 'pending' }] });
  ec2.on(sdk.CopyImageCommand).resolves({ ImageId: 'ami-1' });
  ssm.on(GetParameterCommand).rejects(parameterNotFound());
  const invokeFor = (remainingMs: number, ...records: SQSRecord[]) =>
    handler({ Records: records } satisfies SQSEvent, {
      awsRequestId: 'request-1',
      getRemainingTimeInMillis: () => remainingMs,
    } as Context);
  const invoke = (...records: SQSRecord[]) => invokeFor(60_000, ...records);
  return { sdk, ec2, sqs, ssm, GetParameterCommand, invoke, invokeFor, prepare };
}

describe('the copy-image function', () => {
  it('keeps only the records that are to be tried again', async () => {
    const { sqs, invoke } = await load();
    const unshared = { ...requestJson, sourceAmi: 'ami-0ff' };

    const answer = await invoke(record('good', requestJson), record('bad', 'hello'), record('later', unshared));

    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'later' }] });
    expect(sqs.calls().map(({ args }) => args[0].constructor.name)).toEqual([
      expect.stringContaining('SendMessageCommand'),
      expect.stringContaining('ChangeMessageVisibilityCommand'),
    ]);
  });

  it('logs one line for each outcome', async () => {
    const { invoke } = await load();
    await invoke(record('good', requestJson), record('bad', 'hello'));

    const requestId = 'request-1';
    const outcomes = lines.filter((line) => 'outcome' in line);
    expect(outcomes).toEqual([
      expect.objectContaining({
        level: 'INFO',
        outcome: 'started',
        messageId: 'good',
        sourceImage: SOURCE_IMAGE,
        copy: 'ami-1',
        requestId,
      }),
      expect.objectContaining({
        level: 'ERROR',
        outcome: 'refused',
        messageId: 'bad',
        reason: { code: 'InvalidRequest', message: expect.stringContaining('must be a JSON object') as unknown },
        requestId,
      }),
    ]);
  });

  it('counts outcomes as metrics', async () => {
    const { invoke } = await load();
    const forAnother = { ...requestJson, targetAccounts: ['333333333333'] };
    await invoke(record('1', requestJson), record('2', requestJson), record('3', 'hello'), record('4', forAnother));

    const [metrics] = lines.filter((line) => '_aws' in line);
    expect(metrics).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Namespace: 'ImageCopier', Dimensions: [['service']] }] },
      service: 'image-copier-copy-image',
      CopiesStarted: [1, 1],
      RequestsRefused: 1,
      RequestsIgnored: 1,
    });
  });

  it('warns of what may not pass, and counts it', async () => {
    const { sdk, ec2, invoke } = await load();
    const denied = Object.assign(new Error('You are not authorized.'), {
      name: 'UnauthorizedOperation',
      $metadata: { httpStatusCode: 403 },
    });
    ec2.on(sdk.CopyImageCommand).rejects(denied);
    await invoke(record('denied', requestJson));

    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'WARN', outcome: 'retried', uncertain: true, messageId: 'denied' }),
    );
    expect(lines.find((line) => '_aws' in line)).toMatchObject({ RequestsRetried: 1, RequestsUncertain: 1 });
  });

  it('refuses a request for an image that was taken away', async () => {
    const { ec2, sdk, ssm, GetParameterCommand, invoke } = await load();
    const end = { kind: 'revoked', at: '2026-11-24T10:00:00.000Z', reason: 'a leaked key' };
    ssm
      .on(GetParameterCommand, { Name: `/image-copier-ended/image-copier/${SOURCE_IMAGE}` })
      .resolves({ Parameter: { Value: JSON.stringify(end) } });
    await invoke(record('revoked', requestJson));

    expect(ec2.commandCalls(sdk.CopyImageCommand)).toEqual([]);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'ERROR',
        outcome: 'refused',
        reason: { code: 'ImageRevoked', message: expect.stringContaining('a leaked key') as unknown },
      }),
    );
    const [call] = ssm.calls();
    const client = call?.thisValue as { config: { region(): Promise<string> } } | undefined;
    expect(await client?.config.region()).toBe(REGION);
  });

  it('counts what no account can be, once for each request', async () => {
    const { invoke } = await load();
    const targetAccounts = ['*', '22', 'x'];
    const unshared = { ...requestJson, sourceAmi: 'ami-0ff', targetAccounts };
    await invoke(record('good', { ...requestJson, targetAccounts }), record('later', unshared));

    const [metrics] = lines.filter((line) => '_aws' in line);
    expect(metrics).toMatchObject({ CopiesStarted: 1, RequestsRetried: 1, BadAccounts: 2 });
    expect(lines).toContainEqual(
      expect.objectContaining({
        messageId: 'good',
        badAccounts: { count: 2, first: ['targetAccounts[1]: "22"', 'targetAccounts[2]: "x"'] },
      }),
    );
  });

  it('warns of a copy in a hurry that is made at the pace of EC2, and counts it', async () => {
    const { sdk, ec2, invoke } = await load();
    const refused = Object.assign(new Error('no throughput is left'), {
      name: 'ResourceLimitExceeded',
      $metadata: { httpStatusCode: 400 },
    });
    ec2.on(sdk.CopyImageCommand, { SnapshotCopyCompletionDurationMinutes: 15 }).rejects(refused);
    await invoke(record('hurried', { ...requestJson, withinMinutes: 15 }));

    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'WARN',
        outcome: 'started',
        ownPace: { code: 'ResourceLimitExceeded', message: 'ResourceLimitExceeded: no throughput is left' },
      }),
    );
    expect(lines.find((line) => '_aws' in line)).toMatchObject({ CopiesStarted: 1, CopiesAtOwnPace: 1 });
  });

  it('measures how long a request waited for its copy to start', async () => {
    const { invoke } = await load();
    await invoke(record('good', requestJson, Date.now() - 90_000), record('bad', 'hello', Date.now() - 90_000));

    const [metrics] = lines.filter((line) => '_aws' in line);
    expect(metrics).toMatchObject({
      _aws: {
        CloudWatchMetrics: [{ Metrics: expect.arrayContaining([{ Name: 'RequestWait', Unit: 'Seconds' }]) as unknown }],
      },
      RequestWait: expect.any(Number) as unknown,
    });
    expect(metrics?.['RequestWait']).toBeGreaterThanOrEqual(90);
  });

  it('waits for EC2 no longer than leaves time for its calls', async () => {
    const { sdk, ec2, invokeFor } = await load();
    const throttled = Object.assign(new Error('Request limit exceeded.'), { name: 'RequestLimitExceeded' });
    ec2.on(sdk.CopyImageCommand).rejects(throttled);

    expect(await invokeFor(20_000, record('good', requestJson))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'good' }],
    });
    expect(ec2.commandCalls(sdk.CopyImageCommand)).toHaveLength(1);
  });

  it('does not start with a bad configuration', async () => {
    delete process.env['KMS_KEY_ARN'];

    await expect(load()).rejects.toThrow('KMS_KEY_ARN is not set');
  });
});

describe('prepare', () => {
  it('does nothing outside Lambda', async () => {
    const { prepare } = await load();
    await prepare();

    expect(lines).toEqual([]);
  });

  it('warns of a prewarming that failed, and leaves the function as it was', async () => {
    process.env['AWS_LAMBDA_RUNTIME_API'] = '127.0.0.1:9001';
    const { prepare, invoke } = await load();
    // The mocked client answers nothing of what the prewarming asks for.
    await prepare();
    expect(lines).toEqual([expect.objectContaining({ level: 'WARN', message: 'prewarming failed' })]);

    expect(await invoke(record('good', requestJson))).toEqual({ batchItemFailures: [] });
  });
});
