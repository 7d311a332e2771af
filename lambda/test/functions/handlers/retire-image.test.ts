import { describe, expect, it, jest } from '@jest/globals';
import type { Image } from '@aws-sdk/client-ec2';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { LOOK_AGAIN_SECONDS } from '../../../src/core/handle-retirement.ts';
import {
  ACCOUNT,
  copyMarker,
  copyTags,
  parameterNotFound,
  REGION,
  retireEnvironment,
  SOURCE_ACCOUNT,
  SOURCE_IMAGE,
  target,
} from '../../factories.ts';
import { logLinesIn } from './log-lines.ts';
import { warm } from './warm.ts';

const lines = logLinesIn(retireEnvironment);
const DAY_MS = 24 * 3600 * 1000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

/** A copy as EC2 answers it, of an image that was baked so many days ago. Its place among those of its recipe is by that. */
function copy(
  number: number,
  bakedDaysAgo: number,
  changes: Image = {},
  marker: Parameters<typeof copyMarker>[0] = {},
) {
  const announcement = { state: 'announced', settledAt: daysAgo(bakedDaysAgo) } as const;
  const tags = copyTags(copyMarker({ bakedAt: daysAgo(bakedDaysAgo), announcement, ...marker }));
  return {
    ImageId: `ami-0${number}`,
    OwnerId: ACCOUNT,
    State: 'available' as const,
    Name: `ubuntu_${number}`,
    CreationDate: daysAgo(bakedDaysAgo),
    SourceImageId: `ami-a${number}`,
    SourceImageRegion: REGION,
    Tags: tags.map(({ key, value }) => ({ Key: key, Value: key === 'CopiedFromAMI' ? `ami-a${number}` : value })),
    BlockDeviceMappings: [{ Ebs: { SnapshotId: `snap-${number}` } }],
    ...changes,
  };
}

const copies = {
  newest: copy(1, 1),
  before: copy(2, 10),
  third: copy(3, 20),
  old: copy(4, 30),
  ended: copy(5, 40, { State: 'disabled' }, { end: { state: 'retired', at: daysAgo(8), quarantineDays: 7 } }),
  quarantined: copy(6, 50, { State: 'disabled' }, { end: { state: 'retired', at: daysAgo(1), quarantineDays: 7 } }),
};

const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };
const retire = (images: readonly string[], quarantineDays = 7) => ({
  retire: { images, quarantineDays, reason: 'old' },
});
const revoke = (sourceAmi: string) => ({
  revoke: { sourceAmis: [sourceAmi], sourceRegion: REGION, reason: 'a leaked key', at: daysAgo(0) },
});

/** Loads the function as Lambda does, after its environment is set, with clients that are mocked. */
const loadFunction = warm(async () => {
  jest.resetModules();
  const sdk = {
    ...(await import('@aws-sdk/client-auto-scaling')),
    ...(await import('@aws-sdk/client-ec2')),
    ...(await import('@aws-sdk/client-eventbridge')),
    ...(await import('@aws-sdk/client-sns')),
    ...(await import('@aws-sdk/client-sqs')),
    ...(await import('@aws-sdk/client-ssm')),
  };
  const clients = {
    autoScaling: mockClient(sdk.AutoScalingClient),
    ec2: mockClient(sdk.EC2Client),
    events: mockClient(sdk.EventBridgeClient),
    sns: mockClient(sdk.SNSClient),
    sqs: mockClient(sdk.SQSClient),
    ssm: mockClient(sdk.SSMClient),
  };
  const { handler } = await import('../../../src/functions/handlers/retire-image.ts');
  return { sdk, clients, handler };
});

/** The function over an account with some images, in which nothing uses any of them. */
async function load(...images: readonly Image[]) {
  const { sdk, clients, handler } = await loadFunction();
  const { autoScaling, ec2, events, sns, sqs, ssm } = clients;
  for (const client of Object.values(clients)) client.reset();
  autoScaling.onAnyCommand().resolves({});
  ec2.onAnyCommand().resolves({});
  sns.onAnyCommand().resolves({});
  sqs.onAnyCommand().resolves({});
  ssm.onAnyCommand().resolves({});
  ec2.on(sdk.DescribeImagesCommand).resolves({ Images: [...images] });
  // The source account's image, as its owner shares it.
  ec2.on(sdk.DescribeImagesCommand, { ImageIds: ['ami-a4'] }).resolves({
    Images: [{ ImageId: SOURCE_IMAGE, OwnerId: SOURCE_ACCOUNT, State: 'available', CreationDate: daysAgo(30) }],
  });
  ec2
    .on(sdk.DescribeSnapshotsCommand)
    .callsFake(({ Filters = [] }: { Filters?: { Name: string; Values: string[] }[] }) => {
      const ids = Filters.find(({ Name }) => Name === 'snapshot-id')?.Values ?? [];
      const found = images.filter(({ BlockDeviceMappings = [] }) =>
        ids.includes(BlockDeviceMappings[0]?.Ebs?.SnapshotId ?? ''),
      );
      return {
        Snapshots: found.map(({ BlockDeviceMappings, Tags }) => ({
          SnapshotId: BlockDeviceMappings?.[0]?.Ebs?.SnapshotId,
          Encrypted: true,
          KmsKeyId: target.kmsKeyArn,
          Tags,
        })),
      };
    });
  ec2.on(sdk.DeregisterImageCommand).callsFake(({ ImageId }: { ImageId: string }) => ({
    DeleteSnapshotResults: [{ SnapshotId: ImageId.replace('ami-0', 'snap-'), ReturnCode: 'success' }],
  }));
  ssm.on(sdk.GetParameterCommand).rejects(parameterNotFound());
  events.on(sdk.PutEventsCommand).resolves({ Entries: [{ EventId: '1' }] });

  const invoke = (bodies: readonly unknown[], remainingMs = 300_000) => {
    const Records = bodies.map((body, index) => ({
      messageId: `message-${index + 1}`,
      receiptHandle: `receipt-${index + 1}`,
      body: JSON.stringify(body),
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
    })) as SQSRecord[];
    return handler({ Records } satisfies SQSEvent, {
      awsRequestId: 'request-1',
      getRemainingTimeInMillis: () => remainingMs,
    } as Context);
  };
  return { sdk, ...clients, invoke };
}

const all = Object.values(copies);
const counted = () => {
  const { _aws, service, ...values } = lines.find((line) => '_aws' in line) ?? {};
  return { _aws, service, values };
};
const linesSaying = (message: string) => lines.filter((line) => line['message'] === message);
const linesOf = (image: string) => lines.filter((line) => line['image'] === image);

describe('the retire-image function', () => {
  it('logs and counts what became of each image of a message', async () => {
    const { invoke } = await load(...all);
    const images = ['ami-01', 'ami-04', 'ami-05', 'ami-06', 'ami-0ff'];
    expect(await invoke([retire(images)])).toEqual({ batchItemFailures: [] });

    const line = (outcome: string, image: string) =>
      expect.objectContaining({
        level: 'INFO',
        message: `image ${outcome}`,
        outcome,
        image,
        requestId: 'request-1',
      }) as unknown;
    expect(images.map((image) => linesOf(image))).toEqual([
      [line('kept', 'ami-01')],
      [line('quarantined', 'ami-04')],
      [line('retired', 'ami-05')],
      [line('quarantined', 'ami-06')],
      [line('gone', 'ami-0ff')],
    ]);
    expect(linesOf('ami-01')).toMatchObject([{ recipe: 'ubuntu', reasons: [{ code: 'Newest' }] }]);
    expect(linesSaying('message done')).toEqual([
      expect.objectContaining({ level: 'INFO', messageId: 'message-1', request: 'retire', requestId: 'request-1' }),
    ]);
    expect(counted()).toEqual({
      _aws: expect.objectContaining({
        CloudWatchMetrics: [expect.objectContaining({ Namespace: 'ImageCopier', Dimensions: [['service']] })],
      }) as unknown,
      service: 'image-copier-retire-image',
      values: { ImagesKept: 1, ImagesQuarantined: [1, 1], ImagesRetired: 1 },
    });
  });

  it('looks at the whole account before it takes anything away', async () => {
    const { sdk, autoScaling, ec2, invoke } = await load(...all);
    autoScaling.on(sdk.DescribeLaunchConfigurationsCommand).resolves({
      LaunchConfigurations: [
        { LaunchConfigurationName: 'old', ImageId: 'ami-04', InstanceType: 't3.micro', CreatedTime: new Date() },
      ],
    });
    await invoke([retire(['ami-04'])]);

    expect(linesOf('ami-04')).toMatchObject([{ outcome: 'kept', reasons: [{ code: 'Referenced' }] }]);
    expect(ec2.commandCalls(sdk.DisableImageCommand)).toEqual([]);
  });

  it.each([
    ['no mark', copies.old],
    ['that it was asked to go', copy(4, 30, {}, { end: { state: 'asked', at: daysAgo(20), quarantineDays: 7 } })],
  ])('quarantines an image of which EC2 shows late that it is retired: %s', async (_what, old) => {
    const { sdk, ec2, invoke } = await load(copies.newest, copies.before, copies.third, old);
    await invoke([retire(['ami-04'])]);

    expect(linesOf('ami-04')).toMatchObject([{ outcome: 'quarantined' }]);
    expect(ec2.commandCalls(sdk.DeregisterImageCommand)).toEqual([]);
  });

  it('enables an image again that was used meanwhile, though EC2 shows late that it is retired', async () => {
    const { sdk, ec2, invoke } = await load(...all);
    const Instances = [{ InstanceId: 'i-1', ImageId: 'ami-04' }];
    ec2
      .on(sdk.DescribeInstancesCommand)
      .resolvesOnce({})
      .resolves({ Reservations: [{ Instances }] });
    await invoke([retire(['ami-04'])]);

    expect(linesOf('ami-04')).toMatchObject([{ outcome: 'restored', reasons: [{ code: 'Referenced' }] }]);
    expect(ec2.commandCalls(sdk.EnableImageCommand).map(({ args }) => args[0].input)).toEqual([{ ImageId: 'ami-04' }]);
  });

  it('makes an image launchable again', async () => {
    const { sdk, ec2, invoke } = await load(...all);
    await invoke([{ restore: { images: ['ami-06'] } }]);

    expect(linesOf('ami-06')).toMatchObject([{ level: 'INFO', message: 'image restored' }]);
    expect(ec2.commandCalls(sdk.EnableImageCommand).map(({ args }) => args[0].input)).toEqual([{ ImageId: 'ami-06' }]);
    expect(counted().values).toEqual({ ImagesRestored: 1 });
  });

  it('tells results on the event bus, and on the topic in its own Region', async () => {
    process.env['RESULTS_TOPIC_ARN'] = 'arn:aws:sns:us-east-1:111111111111:results';
    const { events, sns, invoke } = await load(...all);
    await invoke([retire(['ami-04'])]);

    expect(events.calls()).toHaveLength(1);
    const [call] = sns.calls();
    expect(call?.args[0].input).toMatchObject({ TopicArn: 'arn:aws:sns:us-east-1:111111111111:results' });
    const { Message = '' } = (call?.args[0].input ?? {}) as { Message?: string };
    expect(JSON.parse(Message)).toMatchObject({
      'detail-type': 'Image Quarantined',
      detail: { account: ACCOUNT, region: REGION, imageId: 'ami-04' },
    });
    const client = call?.thisValue as { config: { region(): Promise<string> } } | undefined;
    expect(await client?.config.region()).toBe('us-east-1');
  });

  it('tells results on the event bus alone where there is no topic', async () => {
    delete process.env['RESULTS_TOPIC_ARN'];
    const { events, sns, invoke } = await load(...all);
    await invoke([retire(['ami-04'])]);

    expect(events.calls()).toHaveLength(1);
    expect(sns.calls()).toEqual([]);
    expect(linesSaying('nobody could be told')).toEqual([]);
  });

  it('says that nobody could be told, and counts it: it is done all the same', async () => {
    const { sdk, events, invoke } = await load(...all);
    events.on(sdk.PutEventsCommand).rejects(new Error('socket hang up'));
    expect(await invoke([retire(['ami-05'])])).toEqual({ batchItemFailures: [] });

    expect(linesSaying('nobody could be told')).toEqual([
      expect.objectContaining({
        level: 'ERROR',
        image: 'ami-05',
        error: expect.objectContaining({ message: 'socket hang up' }) as unknown,
      }),
    ]);
    expect(counted().values).toEqual({ ImagesRetired: 1, ResultsUntold: 1 });
  });

  it('says which snapshots EC2 left', async () => {
    const { sdk, ec2, invoke } = await load(...all);
    ec2.on(sdk.DeregisterImageCommand).resolves({
      DeleteSnapshotResults: [{ SnapshotId: 'snap-5', ReturnCode: 'internal-error' }],
    });
    ec2.on(sdk.DeleteSnapshotCommand).rejects(new Error('Request limit exceeded.'));
    await invoke([retire(['ami-05'])]);

    expect(linesOf('ami-05')).toMatchObject([
      { level: 'ERROR', message: 'image retired, with snapshots remaining', remainingSnapshots: ['snap-5'] },
    ]);
  });

  it('keeps those messages alone that are to be tried again', async () => {
    const { sdk, ec2, sqs, invoke } = await load(...all);
    ec2.on(sdk.DisableImageCommand).rejects(new Error('Request limit exceeded.'));
    const bodies = [
      retire(['ami-04']),
      'hello',
      { amis: [{ account: '333333333333', id: 'ami-01' }] },
      retire(['ami-0ff']),
    ];

    expect(await invoke(bodies)).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-1' }] });
    expect(linesOf('ami-04')).toMatchObject([
      { level: 'ERROR', message: 'image putOff', error: { message: 'Request limit exceeded.' } },
    ]);
    expect(linesSaying('message retried')).toMatchObject([
      {
        level: 'WARN',
        messageId: 'message-1',
        reason: { code: 'RetirementPutOff' },
        error: { name: 'RetryableError' },
      },
    ]);
    expect(linesSaying('message refused')).toMatchObject([
      { level: 'ERROR', messageId: 'message-2', reason: { code: 'InvalidRequest' } },
    ]);
    expect(linesSaying('message ignored')).toMatchObject([{ level: 'INFO', messageId: 'message-3' }]);
    expect(linesSaying('message done')).toMatchObject([{ level: 'INFO', messageId: 'message-4' }]);
    expect(counted().values).toEqual({ RetirementsRetried: 1, RetirementsRefused: 1 });
    expect(sqs.calls().map(({ args }) => args[0].input as unknown)).toEqual([
      expect.objectContaining({ QueueUrl: retireEnvironment.QUEUE_URL, ReceiptHandle: 'receipt-1' }),
      expect.objectContaining({ QueueUrl: retireEnvironment.DEAD_LETTER_QUEUE_URL }),
    ]);
  });

  it('keeps a message for which its time is too short', async () => {
    const { sdk, ec2, invoke } = await load(...all);

    expect(await invoke([retire(['ami-04'])], 100_000)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-1' }],
    });
    expect(linesSaying('message retried')).toMatchObject([{ reason: { code: 'ImagesRemain' } }]);
    expect(ec2.commandCalls(sdk.DisableImageCommand)).toEqual([]);
  });

  describe('on schedule', () => {
    it('lets go what the retention policy lets go, and says what it found', async () => {
      process.env['RETENTION'] = JSON.stringify({ keepNewest: 1, minAgeDays: 7, quarantineDays: 7 });
      const { invoke } = await load(...all);
      await invoke([scheduled]);

      const outcomes = lines
        .filter((line) => 'image' in line)
        .map(({ image, outcome }) => `${String(image)} ${String(outcome)}`);
      expect(outcomes.toSorted()).toEqual([
        'ami-02 kept',
        'ami-03 kept',
        'ami-04 quarantined',
        'ami-05 retired',
        'ami-06 quarantined',
      ]);
      expect(linesSaying('retention sweep done')).toEqual([
        expect.objectContaining({
          level: 'INFO',
          remaining: 0,
          disabled: [],
          remainingSnapshots: [],
          requestId: 'request-1',
        }),
      ]);
      expect(counted().values).toMatchObject({ RetirementSweeps: 1, SnapshotsRemaining: 0, ImagesRetired: 1 });
    });

    it('lets nothing go without a policy but what was asked for', async () => {
      const { invoke } = await load(...all);
      await invoke([scheduled]);

      const images = lines.filter((line) => 'image' in line).map(({ image }) => image);
      expect(images).toEqual(['ami-05', 'ami-06']);
    });

    it('counts the snapshots that are left of removed images', async () => {
      const { sdk, ec2, invoke } = await load();
      const left = { Snapshots: [{ SnapshotId: 'snap-8' }, { SnapshotId: 'snap-9' }] };
      ec2.on(sdk.DescribeSnapshotsCommand).resolves(left);
      ec2.on(sdk.DeleteSnapshotCommand, { SnapshotId: 'snap-9' }).rejects(new Error('no'));
      await invoke([scheduled]);

      expect(linesSaying('retention sweep done')).toMatchObject([
        { removedSnapshots: ['snap-8'], remainingSnapshots: ['snap-9'] },
      ]);
      expect(counted().values).toMatchObject({ SnapshotsRemaining: 1 });
    });

    it('names each part that fails, and keeps the message', async () => {
      const { sdk, ssm, invoke } = await load(...all);
      ssm
        .on(sdk.GetParametersByPathCommand, { Path: '/image-copier-ended/image-copier' })
        .rejects(new Error('AccessDenied'));

      expect(await invoke([scheduled])).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-1' }] });
      expect(linesSaying('part of the retention sweep put off')).toEqual([
        expect.objectContaining({
          level: 'ERROR',
          requestId: 'request-1',
          error: expect.objectContaining({ message: 'AccessDenied' }) as unknown,
        }),
      ]);
      expect(counted().values).toMatchObject({ RetirementSweeps: 1, RetirementsRetried: 1, ImagesRetired: 1 });
    });
  });

  describe('a revocation', () => {
    it('is logged and counted, and is looked at again later', async () => {
      const { sqs, invoke } = await load(...all);
      expect(await invoke([revoke('ami-a4')])).toEqual({ batchItemFailures: [] });

      expect(linesSaying('revocation: Image Revoked')).toEqual([
        expect.objectContaining({
          level: 'INFO',
          sourceAmi: 'ami-a4',
          images: ['ami-04'],
          hasChanged: true,
          requestId: 'request-1',
        }),
      ]);
      expect(counted().values).toEqual({ ImagesRevoked: 1 });
      const [sent] = sqs.calls().map(({ args }) => args[0].input as { MessageBody: string });
      expect(sent).toMatchObject({ QueueUrl: retireEnvironment.QUEUE_URL, DelaySeconds: LOOK_AGAIN_SECONDS });
      expect(JSON.parse(sent?.MessageBody ?? '')).toMatchObject({ revoke: { sourceAmis: ['ami-a4'], again: true } });
    });

    it('is logged with each error, and its message kept', async () => {
      const { sdk, ec2, invoke } = await load(...all);
      ec2.on(sdk.DisableImageCommand).rejects(new Error('Request limit exceeded.'));
      expect(await invoke([revoke('ami-a4')])).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-1' }] });

      expect(linesSaying('revocation: Image Revoked, in part')).toEqual([
        expect.objectContaining({
          level: 'ERROR',
          sourceAmi: 'ami-a4',
          images: [],
          error: expect.objectContaining({ message: 'Request limit exceeded.' }) as unknown,
        }),
      ]);
      expect(counted().values).toEqual({ ImagesRevoked: 0, RetirementsRetried: 1 });
    });

    it('is refused where the image belongs to nobody who is trusted', async () => {
      const { sdk, ec2, invoke } = await load(...all);
      ec2.on(sdk.DescribeImagesCommand, { ImageIds: [SOURCE_IMAGE] }).resolves({
        Images: [{ ImageId: SOURCE_IMAGE, OwnerId: '999999999999', State: 'available', CreationDate: daysAgo(1) }],
      });
      await invoke([revoke(SOURCE_IMAGE)]);

      expect(linesSaying('message refused')).toMatchObject([{ reason: { code: 'UntrustedOwner' } }]);
    });

    it('that is undone is logged, and counts no image as revoked', async () => {
      const { invoke } = await load(...all);
      await invoke([
        { unrevoke: { sourceAmis: ['ami-a4'], sourceRegion: REGION, reason: 'it was sound', at: daysAgo(0) } },
      ]);

      expect(linesSaying('revocation: Revocation Undone')).toMatchObject([{ level: 'INFO', sourceAmi: 'ami-a4' }]);
      expect(counted().values).toEqual({});
    });
  });

  it('does not start with a bad configuration', async () => {
    process.env['ROLLBACK_DEPTH'] = 'all';

    await expect(load()).rejects.toThrow('ROLLBACK_DEPTH must be a number from 0 to 100');
  });
});
