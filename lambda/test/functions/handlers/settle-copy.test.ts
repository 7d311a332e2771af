import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CreateTagsRequest, DescribeImagesRequest, DescribeSnapshotsRequest, Image } from '@aws-sdk/client-ec2';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import {
  ACCOUNT,
  copyMarker,
  copyTags,
  NOW_MS,
  PARAMETER,
  parameterNotFound,
  REGION,
  requestJson,
  settleEnvironment,
  SOURCE_IMAGE,
  target,
} from '../../factories.ts';
import { logLinesIn } from './log-lines.ts';
import { warm } from './warm.ts';

const lines = logLinesIn(settleEnvironment);
const NOW = new Date(NOW_MS).toISOString();

/** An image as EC2 answers it: a copy of this copier, ten minutes old, with a snapshot of its own. */
function image(ImageId: string, changes: Image = {}, attempt = 1): Image {
  return {
    ImageId,
    OwnerId: ACCOUNT,
    State: 'available',
    Name: requestJson.name,
    CreationDate: new Date(Date.now() - 600_000).toISOString(),
    SourceImageId: SOURCE_IMAGE,
    SourceImageRegion: REGION,
    Tags: copyTags(copyMarker({ attempt })).map(({ key, value }) => ({ Key: key, Value: value })),
    BlockDeviceMappings: [{ Ebs: { SnapshotId: ImageId.replace('ami', 'snap') } }],
    ...changes,
  };
}

const copies = {
  settled: image('ami-01'),
  failed: image('ami-02', { State: 'failed', StateReason: { Message: 'the key is disabled' } }),
  givenUp: image('ami-03', { State: 'failed', StateReason: { Message: 'the key is disabled' } }, 3),
  unverified: image('ami-04', { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-plain' } }] }),
  putOff: image('ami-05'),
  waiting: image('ami-06', { State: 'pending' }),
  repaired: image('ami-07', { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-bare' } }] }),
};

const stateChange = (ImageId: string, State: string) => ({
  source: 'aws.ec2',
  'detail-type': 'EC2 AMI State Change',
  detail: { ImageId, State },
});
const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };

/** Loads the function as Lambda does, after its environment is set, with clients that are mocked. */
const loadFunction = warm(async () => {
  jest.resetModules();
  const sdk = {
    ...(await import('@aws-sdk/client-ec2')),
    ...(await import('@aws-sdk/client-eventbridge')),
    ...(await import('@aws-sdk/client-sns')),
    ...(await import('@aws-sdk/client-sqs')),
    ...(await import('@aws-sdk/client-ssm')),
  };
  const clients = {
    ec2: mockClient(sdk.EC2Client),
    events: mockClient(sdk.EventBridgeClient),
    sns: mockClient(sdk.SNSClient),
    sqs: mockClient(sdk.SQSClient),
    ssm: mockClient(sdk.SSMClient),
  };
  const { handler } = await import('../../../src/functions/handlers/settle-copy.ts');
  return { sdk, clients, handler };
});

/** The function over an account with some images. */
async function load(...images: readonly Image[]) {
  const { sdk, clients, handler } = await loadFunction();
  const { ec2, events, sns, sqs, ssm } = clients;
  for (const client of [ec2, events, sns, sqs, ssm]) client.reset();
  const sources: Image[] = [];
  const shared: Image[] = [];

  const valuesOf = ({ Filters = [] }: DescribeImagesRequest | DescribeSnapshotsRequest, name: string) =>
    Filters.find(({ Name }) => Name === name)?.Values;
  ec2.on(sdk.DescribeImagesCommand).callsFake((input: DescribeImagesRequest) => {
    if (input.ImageIds) return { Images: input.ImageIds.includes(SOURCE_IMAGE) ? sources : [] };
    if (input.ExecutableUsers) return { Images: shared };
    const ids = valuesOf(input, 'image-id');
    const isAnyUnannounced = valuesOf(input, 'tag:ImageCopier')?.includes('image-copier attempt=*');
    return { Images: images.filter(({ ImageId = '' }) => ids?.includes(ImageId) ?? isAnyUnannounced) };
  });
  ec2.on(sdk.DescribeSnapshotsCommand).callsFake((input: DescribeSnapshotsRequest) => {
    const ids = valuesOf(input, 'snapshot-id') ?? [];
    if (ids.length === 0) return { Snapshots: [{ SnapshotId: 'snap-failed' }] };
    const Snapshots = ids.map((SnapshotId) => {
      const Tags = SnapshotId === 'snap-bare' ? [] : copies.settled.Tags;
      return { SnapshotId, Encrypted: SnapshotId !== 'snap-plain', KmsKeyId: target.kmsKeyArn, Tags };
    });
    return { Snapshots };
  });
  ec2.on(sdk.CreateTagsCommand).callsFake(({ Resources }: CreateTagsRequest) => {
    if (Resources?.includes('ami-05')) throw new Error('socket hang up');
    return {};
  });
  ec2.on(sdk.DeregisterImageCommand).resolves({});
  const parameters = new Map<string, string>();
  ssm.on(sdk.PutParameterCommand).callsFake(({ Name, Value }: { Name: string; Value: string }) => {
    parameters.set(Name, Value);
    return {};
  });
  ssm.on(sdk.GetParameterCommand).callsFake(({ Name }: { Name: string }) => {
    if (!parameters.has(Name)) throw parameterNotFound();
    return { Parameter: { Value: parameters.get(Name) } };
  });
  ssm.on(sdk.GetParametersCommand).callsFake(({ Names }: { Names: string[] }) => ({
    Parameters: Array.from(parameters, ([Name, Value]) => ({ Name, Value })).filter(({ Name }) => Names.includes(Name)),
  }));
  ssm.on(sdk.GetParametersByPathCommand).callsFake(() => ({
    Parameters: Array.from(parameters, ([Name, Value]) => ({ Name, Value })),
  }));
  events.on(sdk.PutEventsCommand).resolves({ Entries: [{ EventId: '1' }] });

  const invoke = (bodies: readonly unknown[], remainingMs = 120_000) =>
    handler({ Records: bodies.map((body) => ({ body: JSON.stringify(body) }) as SQSRecord) } satisfies SQSEvent, {
      awsRequestId: 'request-1',
      getRemainingTimeInMillis: () => remainingMs,
    } as Context);
  return { sdk, ec2, ssm, events, sns, sqs, parameters, sources, shared, invoke };
}

const metrics = () => lines.find((line) => '_aws' in line);
/** The lines of one copy. */
const linesOf = (copy: string | undefined) => lines.filter((line) => line['copy'] === copy);
const linesSaying = (message: string) => lines.filter((line) => line['message'] === message);

describe('the settle-copy function', () => {
  describe('has a copy deprecated as its source image is', () => {
    const SOME_DAY = '2028-11-23T22:10:00.000Z';
    const source = { OwnerId: '111111111111', State: 'available', CreationDate: SOME_DAY } as const;
    const deprecated = { ...source, DeprecationTime: SOME_DAY };

    it.each([REGION, 'eu-central-1'])('of %s', async (SourceImageRegion) => {
      const { sdk, ec2, sources, invoke } = await load(image('ami-01', { SourceImageRegion }));
      sources.push({ ...deprecated, ImageId: SOURCE_IMAGE });
      await invoke([stateChange('ami-01', 'available')]);

      const asked = ec2.commandCalls(sdk.EnableImageDeprecationCommand).map(({ args }) => args[0].input);
      expect(asked).toEqual([{ ImageId: 'ami-01', DeprecateAt: new Date(SOME_DAY) }]);
      expect(linesOf('ami-01')).toMatchObject([{ message: 'copy settled', level: 'INFO', deprecatesAt: SOME_DAY }]);
    });

    it('and says where it may not', async () => {
      const { sdk, ec2, sources, invoke } = await load(copies.settled);
      sources.push({ ...deprecated, ImageId: SOURCE_IMAGE });
      const denied = { name: 'UnauthorizedOperation', message: 'no', $metadata: { httpStatusCode: 403 } };
      ec2.on(sdk.EnableImageDeprecationCommand).rejects(Object.assign(new Error('no'), denied));
      await invoke([stateChange('ami-01', 'available')]);

      expect(linesOf('ami-01')).toMatchObject([
        { message: 'copy settled, but not deprecated', level: 'WARN', notDeprecated: 'UnauthorizedOperation: no' },
      ]);
    });
  });

  it.each([
    ['settled', 'INFO', { CopiesSettled: 1, CopyTime: expect.any(Number) }],
    ['repaired', 'INFO', { CopiesSettled: 1, SnapshotsRepaired: 1 }],
    ['failed', 'ERROR', { CopiesFailed: 1 }],
    ['givenUp', 'ERROR', { CopiesGivenUp: 1, CopiesFailed: 1 }],
    ['unverified', 'ERROR', { CopiesUnverified: 1 }],
    ['putOff', 'ERROR', { SettlesRetried: 1 }],
    ['waiting', 'INFO', undefined],
  ] as const)('logs and counts a copy that is %s', async (name, level, counted) => {
    const { ImageId = '', State } = copies[name];
    const { invoke } = await load(copies[name]);
    await invoke([stateChange(ImageId, State === 'failed' ? 'failed' : 'available')]);

    const outcome = name === 'repaired' ? 'settled' : name;
    expect(linesOf(ImageId)).toEqual([
      expect.objectContaining({
        level,
        message: `copy ${outcome}`,
        outcome,
        sourceImage: SOURCE_IMAGE,
        attempt: name === 'givenUp' ? 3 : 1,
        requestId: 'request-1',
      }),
    ]);
    if (!counted) expect(metrics()).toBeUndefined();
    else {
      const { _aws, service, ...values } = metrics() ?? {};
      const CopyTime = 'CopiesSettled' in counted && { CopyTime: expect.any(Number) as unknown };
      expect(_aws).toMatchObject({ CloudWatchMetrics: [{ Namespace: 'ImageCopier', Dimensions: [['service']] }] });
      expect(service).toBe('image-copier-settle-copy');
      expect(values).toEqual({ ...counted, ...CopyTime });
    }
  });

  describe('with a gate', () => {
    const Tags = copyTags(copyMarker({ announcement: { state: 'announced', settledAt: NOW, unapproved: true } }));
    const waiting = image('ami-08', { Tags: Tags.map(({ key, value }) => ({ Key: key, Value: value })) });
    const WAITS = expect.stringContaining('needs the watermark approved of 111111111111') as unknown;

    beforeEach(() => {
      process.env['APPROVAL'] = '{"watermark":"approved"}';
      process.env['TRUSTED_OWNERS'] = '111111111111';
    });

    it('points the parameter to an approved copy, and says so', async () => {
      const ImageWatermarks = [{ WatermarkKey: '111111111111:approved', SourceImageId: SOURCE_IMAGE }];
      const { parameters, events, invoke } = await load({ ...waiting, ImageWatermarks });
      await invoke([scheduled]);

      expect(parameters.get(PARAMETER)).toBe('ami-08');
      expect(linesOf('ami-08')).toMatchObject([{ level: 'INFO', message: 'copy approved', parameter: PARAMETER }]);
      expect(events.call(0).args[0].input).toMatchObject({ Entries: [{ DetailType: 'Image Approved' }] });
    });

    it('says what a copy waits for', async () => {
      const { parameters, invoke } = await load(waiting);
      await invoke([scheduled]);

      expect(parameters).toEqual(new Map());
      expect(linesOf('ami-08')).toMatchObject([{ level: 'INFO', message: 'copy unapproved', reason: WAITS }]);
      expect(metrics()).toBeUndefined();
    });

    it('logs and counts where the source image cannot be read', async () => {
      const { sdk, ec2, parameters, invoke } = await load(waiting);
      ec2.on(sdk.DescribeImagesCommand, { Owners: ['111111111111'] }).rejects(new Error('socket hang up'));
      ec2.on(sdk.DescribeImagesCommand, { ExecutableUsers: ['self'] }).resolves({ Images: [] });
      await invoke([scheduled]);

      expect(parameters).toEqual(new Map());
      expect(linesOf('ami-08')).toMatchObject([
        { level: 'ERROR', message: 'approval could not be read', error: { message: 'Error: socket hang up' } },
        { level: 'INFO', message: 'copy unapproved', reason: WAITS },
      ]);
      expect(metrics()).toMatchObject({ SettlesRetried: 1 });
    });
  });

  it('takes away a copy of a source that was revoked', async () => {
    const { ec2, sns, parameters, invoke } = await load(copies.settled);
    const end = { kind: 'revoked', at: '2026-11-24T10:00:00.000Z', reason: 'a leaked key' };
    parameters.set(`/image-copier-ended/image-copier/${SOURCE_IMAGE}`, JSON.stringify(end));
    await invoke([stateChange('ami-01', 'available')]);

    expect(ec2.calls().map(({ args }) => args[0].input)).toContainEqual({ ImageId: 'ami-01' });
    expect(sns.calls()).toEqual([]);
    expect(linesOf('ami-01')).toMatchObject([{ outcome: 'revoked', reason: expect.stringContaining('a leaked key') }]);
    expect(metrics()).toMatchObject({ CopiesRevoked: 1 });
  });

  it('says why a copy failed, is not verified, or is put off', async () => {
    const { invoke } = await load(copies.failed, copies.unverified, copies.putOff);
    await invoke(['ami-02', 'ami-04', 'ami-05'].map((id) => stateChange(id, 'available')));

    expect(linesOf('ami-02')).toMatchObject([{ reason: 'the key is disabled' }]);
    expect(linesOf('ami-04')).toMatchObject([{ reason: 'snap-plain is not encrypted.' }]);
    expect(linesOf('ami-05')).toMatchObject([{ error: { message: 'socket hang up' } }]);
  });

  it('writes one line for each copy, however often messages name it', async () => {
    const { ec2, invoke } = await load(...Object.values(copies));
    await invoke([
      ...Object.values(copies).map(({ ImageId = '' }) => stateChange(ImageId, 'available')),
      stateChange('ami-01', 'available'),
    ]);

    const ids = Object.values(copies).map(({ ImageId }) => ImageId);
    expect(ec2.call(0).args[0].input).toMatchObject({ Filters: [{ Name: 'image-id', Values: ids }] });
    expect(lines.filter((line) => 'outcome' in line)).toHaveLength(7);
    expect(lines.filter((line) => 'copy' in line).map((line) => line['copy'])).toEqual(ids);
  });

  it('touches no other image', async () => {
    const { ec2, events, sqs, ssm, invoke } = await load(image('ami-0ff', { Tags: [{ Key: 'Name', Value: 'mine' }] }));
    await invoke([stateChange('ami-0ff', 'available'), stateChange('ami-0ee', 'failed')]);

    expect(ec2.calls()).toHaveLength(1);
    expect([...events.calls(), ...sqs.calls(), ...ssm.calls()]).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('sends the next try to the requests and a last failure to the dead letters', async () => {
    const { sqs, invoke } = await load(copies.failed, copies.givenUp);
    await invoke([scheduled]);

    expect(sqs.calls().map(({ args }) => args[0].input as unknown)).toEqual([
      expect.objectContaining({ QueueUrl: settleEnvironment.QUEUE_URL, DelaySeconds: 300 }),
      expect.objectContaining({ QueueUrl: settleEnvironment.DEAD_LETTER_QUEUE_URL }),
    ]);
  });

  it('tells results on the topic, in its own Region', async () => {
    process.env['RESULTS_TOPIC_ARN'] = 'arn:aws:sns:us-east-1:111111111111:results';
    const { sns, invoke } = await load(copies.settled);
    await invoke([scheduled]);

    const [call] = sns.calls();
    expect(call?.args[0].input).toMatchObject({ TopicArn: 'arn:aws:sns:us-east-1:111111111111:results' });
    const client = call?.thisValue as { config: { region(): Promise<string> } } | undefined;
    expect(await client?.config.region()).toBe('us-east-1');
  });

  it('sweeps on schedule, and says so', async () => {
    const { ec2, invoke } = await load(...Object.values(copies));
    await invoke([scheduled, scheduled]);

    expect(linesSaying('sweep done')).toEqual([
      expect.objectContaining({ copies: 7, remaining: 0, removedSnapshots: ['snap-failed'], requestId: 'request-1' }),
    ]);
    expect(metrics()).toMatchObject({
      CopiesSettled: [1, 1],
      CopiesFailed: [1, 1],
      CopiesGivenUp: 1,
      CopiesUnverified: 1,
      SettlesRetried: 1,
      SnapshotsRepaired: 1,
    });
    expect(ec2.calls().map(({ args }) => args[0].input)).toContainEqual({ SnapshotId: 'snap-failed' });
  });

  describe('asks for copies of what is shared', () => {
    const shared: Image = {
      ImageId: SOURCE_IMAGE,
      OwnerId: '111111111111',
      State: 'available',
      CreationDate: '2026-11-23T22:10:00.000Z',
      Name: 'ubuntu_12',
      Tags: [
        { Key: 'ec2:SharedTag/Recipe', Value: 'ubuntu' },
        { Key: 'ec2:SharedTag/ImageCopier', Value: REGION },
      ],
    };

    it('by a sweep, once, and says so', async () => {
      const loaded = await load();
      loaded.shared.push(shared);
      await loaded.invoke([scheduled]);
      await loaded.invoke([scheduled]);

      const sent = loaded.sqs.calls().map(({ args }) => args[0].input as unknown);
      expect(sent).toEqual([
        {
          QueueUrl: settleEnvironment.QUEUE_URL,
          MessageBody: expect.stringContaining(SOURCE_IMAGE) as unknown,
          // None of its own: the queue's delay holds.
          DelaySeconds: undefined,
        },
      ]);
      expect(linesSaying('sweep done')).toMatchObject([{ asked: [SOURCE_IMAGE] }, { asked: [] }]);
      expect(metrics()).toMatchObject({ CopiesAskedFor: 1 });
    });

    it('not by an event', async () => {
      const loaded = await load(copies.settled);
      loaded.shared.push(shared);
      await loaded.invoke([stateChange('ami-01', 'available')]);
      expect(loaded.sqs.calls()).toEqual([]);
    });

    it('in every Region that it is told, for which it has a client each', async () => {
      process.env['RECONCILE_REGIONS'] = `${REGION},us-east-1`;
      const { ec2, invoke } = await load();
      await invoke([scheduled]);

      const listings = ec2.calls().filter(({ args }) => 'ExecutableUsers' in args[0].input);
      const regions = listings.map(({ thisValue }) =>
        (thisValue as { config: { region(): Promise<string> } }).config.region(),
      );
      expect(await Promise.all(regions)).toEqual([REGION, 'us-east-1']);
    });

    it('never where it is told not to', async () => {
      process.env['RECONCILE_NEWEST'] = '0';
      const { ec2, invoke } = await load();
      await invoke([scheduled]);
      expect(ec2.calls().filter(({ args }) => 'ExecutableUsers' in args[0].input)).toEqual([]);
    });

    it('at the next sweep where the time is over', async () => {
      const loaded = await load();
      loaded.shared.push(shared);
      await loaded.invoke([scheduled], 40_000);
      expect(loaded.sqs.calls()).toEqual([]);
      expect(linesSaying('images remaining for the next sweep')).toMatchObject([{ level: 'WARN', remaining: 1 }]);
    });
  });

  it('counts copies that are overdue', async () => {
    const CreationDate = new Date(Date.now() - 86_400_000).toISOString();
    const { invoke } = await load({ ...copies.waiting, CreationDate });
    await invoke([scheduled]);

    expect(linesOf('ami-06')).toMatchObject([{ level: 'ERROR', outcome: 'waiting', overdue: true }]);
    expect(metrics()).toMatchObject({ CopiesOverdue: 1 });
  });

  it.each(['deregistered', 'disabled'])('looks at the parameters when an image is %s', async (state) => {
    const { parameters, invoke } = await load(copies.settled);
    parameters.set('/image-copier/ubuntu', 'ami-01');
    await invoke([stateChange('ami-0ff', state)]);
    expect(lines).toEqual([]);

    parameters.set('/image-copier/old', 'ami-0ff');
    await invoke([stateChange('ami-0ff', state)]);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'ERROR', dangling: ['/image-copier/old'], requestId: 'request-1' }),
    );
    expect(metrics()).toMatchObject({ ParametersDangling: 1 });
  });

  it('warns of a message that it does not know', async () => {
    const { invoke } = await load(copies.settled);
    await invoke(['hello', stateChange('ami-01', 'available')]);

    expect(linesSaying('message unknown')).toEqual([
      expect.objectContaining({ level: 'WARN', text: '"hello"', requestId: 'request-1' }),
    ]);
    expect(linesOf('ami-01')).toHaveLength(1);
  });

  it('leaves to the next sweep what its time is too short for', async () => {
    const { events, invoke } = await load(copies.settled, copies.repaired);
    await invoke([scheduled], 40_000);

    expect(events.calls()).toEqual([]);
    expect(linesSaying('copies remaining for the next sweep')).toEqual([
      expect.objectContaining({ level: 'WARN', remaining: 2 }),
    ]);
  });

  describe('where a service fails', () => {
    async function loadFailing() {
      const loaded = await load(copies.settled);
      loaded.ec2.rejects(new Error('Request limit exceeded.'));
      return loaded;
    }

    it('puts settling off, and does not throw', async () => {
      const { invoke } = await loadFailing();

      await expect(invoke([stateChange('ami-01', 'available')])).resolves.toBeUndefined();
      expect(linesSaying('settling put off')).toEqual([
        expect.objectContaining({
          level: 'ERROR',
          requestId: 'request-1',
          error: expect.objectContaining({ message: 'Request limit exceeded.' }) as unknown,
        }),
      ]);
      expect(metrics()).toMatchObject({ SettlesRetried: 1 });
    });

    it('counts each part of a sweep that is put off', async () => {
      const { ssm, invoke } = await loadFailing();
      ssm.rejects(new Error('AccessDenied'));
      await invoke([scheduled]);

      expect(linesSaying('part of the sweep put off')).toHaveLength(4);
      expect(linesSaying('sweep done')).toHaveLength(1);
      expect(metrics()).toMatchObject({ SettlesRetried: [1, 1, 1, 1] });
    });

    it('sweeps all the same when another message of the same batch fails', async () => {
      const { ssm, invoke } = await load(copies.settled);
      ssm.rejects(new Error('AccessDenied'));
      await invoke([stateChange('ami-0ff', 'deregistered'), scheduled]);

      expect(linesSaying('settling put off')).toHaveLength(1);
      expect(linesSaying('sweep done')).toHaveLength(1);
    });
  });

  it('does not start with a bad configuration', async () => {
    delete process.env['PARAMETER_PATH'];

    await expect(load()).rejects.toThrow('PARAMETER_PATH is not set');
  });
});
