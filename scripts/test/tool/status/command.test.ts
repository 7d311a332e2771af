import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeInstanceImageMetadataCommand,
  DescribeSnapshotsCommand,
  GetEbsEncryptionByDefaultCommand,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  type Message,
} from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeAccountsFile } from '../support/accounts-file.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { failedCopy, logsOf, retriedRequest, type FunctionLogs } from '../support/function-logs.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';
import type { StatusReport } from '../../../tool/status/report.ts';

const SOURCE = '111111111111';
const PAYMENTS = '222222222222';
const WEB = '333333333333';
const OPS = '444444444444';

const NEW = 'ami-0000000000000002';
const OLD = 'ami-0000000000000001';
const COPY = 'ami-000000000000000c';
const OLD_AT = '2026-11-22T10:00:00.000Z';
const NEW_AT = '2026-11-23T10:00:00.000Z';
const STARTED_AT = '2026-11-23T10:02:00.000Z';
const SETTLED_AT = '2026-11-23T10:12:00.000Z';
const KEY = 'arn:aws:kms:eu-west-1:222222222222:key/1';

const FILE = writeAccountsFile({
  source: { id: SOURCE, roleName: 'reader' },
  topic: 'amigo-PROD-notify',
  defaults: { roleName: 'reader', regions: ['eu-west-1'] },
  accounts: [
    { id: PAYMENTS, name: 'payments' },
    { id: WEB, name: 'web' },
    { id: OPS, name: 'ops' },
  ],
});

let aws: FakeAws;

beforeEach(() => {
  aws = new FakeAws();
});

const ROOT = { SnapshotId: 'snap-01', Encrypted: true };

interface Contents {
  readonly images?: readonly Image[];
  readonly snapshots?: readonly Snapshot[];
  readonly letters?: readonly Message[];
  readonly logs?: FunctionLogs;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** What a target account has in a Region. */
function targetHas(
  accountId: string,
  { images = [], snapshots = [ROOT], letters = [], logs = {}, parameters = {} }: Contents = {},
  region?: string,
): void {
  const { ec2, lambda, sqs, ssm } = logsOf(aws, accountId, logs, region);
  // A copier that is too old to have a retention policy.
  lambda.on(GetFunctionCommand).rejects(Object.assign(new Error('no function'), { name: 'ResourceNotFoundException' }));
  ec2.on(DescribeImagesCommand).resolves({ Images: images.map((image): Image => ({ OwnerId: accountId, ...image })) });
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [...snapshots] });
  ssm.on(GetParametersByPathCommand).resolves({
    Parameters: Object.entries(parameters).map(([Name, Value]) => ({ Name, Value })),
  });
  sqs
    .on(GetQueueUrlCommand, { QueueName: 'image-copier-dead-letters' })
    .resolves({ QueueUrl: 'https://sqs.test/dead' });
  sqs
    .on(GetQueueAttributesCommand)
    .resolvesOnce({ Attributes: { ApproximateNumberOfMessages: String(letters.length) } })
    .resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
  sqs
    .on(ReceiveMessageCommand)
    .resolvesOnce({ Messages: [...letters] })
    .resolves({});
  sqs.on(ChangeMessageVisibilityBatchCommand).resolves({});
}

/** The images of the source account, and which accounts each is shared with. */
function sourceHas(images: readonly Image[], sharedWith: Readonly<Record<string, readonly string[]>> = {}): void {
  const { ec2 } = aws.in(SOURCE);
  ec2.on(DescribeImagesCommand).resolves({ Images: [...images] });
  for (const [ImageId, accounts] of Object.entries(sharedWith)) {
    const LaunchPermissions = accounts.map((UserId) => ({ UserId }));
    ec2.on(DescribeImageAttributeCommand, { ImageId, Attribute: 'launchPermission' }).resolves({ LaunchPermissions });
  }
}

function source(ImageId: string, CreationDate: string, changes: Image = {}): Image {
  const Tags = [{ Key: 'Recipe', Value: 'ubuntu' }];
  return { ImageId, Name: `name-of-${ImageId}`, State: 'available', CreationDate, Tags, ...changes };
}

function copyOf(SourceImageId: string, bakedAt: string, changes: Image = {}): Image {
  const marker = `image-copier announced=${SETTLED_AT} attempt=1 baked=${bakedAt}`;
  return {
    ImageId: COPY,
    SourceImageId,
    SourceImageRegion: 'eu-west-1',
    State: 'available',
    CreationDate: STARTED_AT,
    BlockDeviceMappings: [{ DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' }, { Ebs: { SnapshotId: 'snap-01' } }],
    Tags: [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'ImageCopier', Value: marker },
    ],
    ...changes,
  };
}

/** The tags of a copy that AMIgo's copier made. */
function tagsOfAmigo(sourceImageId: string, recipe = 'ubuntu') {
  return [
    { Key: 'Recipe', Value: recipe },
    { Key: 'CopiedFromAMI', Value: sourceImageId },
  ];
}

const FACT = {
  imageId: COPY,
  sourceImageId: NEW,
  bakedAt: NEW_AT,
  startedAt: STARTED_AT,
  settledAt: SETTLED_AT,
  attempt: 1,
  keyArn: KEY,
};

/** Runs `status` for all that it knows. */
async function report(...args: readonly string[]) {
  const { code, out, err } = await run(['status', '--json', ...args], { aws });
  return { code, err, report: JSON.parse(out) as StatusReport };
}

describe('status of an accounts file', () => {
  it('has what each account has of the newest image', async () => {
    sourceHas([source(OLD, OLD_AT), source(NEW, NEW_AT), source('ami-03', STARTED_AT, { State: 'pending' })], {
      [NEW]: [PAYMENTS, WEB],
    });
    targetHas(PAYMENTS, {
      images: [copyOf(NEW, NEW_AT), { ImageId: 'ami-04', State: 'available' }],
      snapshots: [
        { SnapshotId: 'snap-00', KmsKeyId: 'other' },
        { ...ROOT, KmsKeyId: KEY },
      ],
    });
    targetHas(WEB);
    targetHas(OPS);
    const { code, report: read } = await report('--accounts-file', FILE);

    expect(code).toBe(1);
    expect(read).toEqual({
      readAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      columns: [
        { accountId: PAYMENTS, account: 'payments', region: 'eu-west-1', labels: {} },
        { accountId: WEB, account: 'web', region: 'eu-west-1', labels: {} },
        { accountId: OPS, account: 'ops', region: 'eu-west-1', labels: {} },
      ],
      rows: [
        {
          title: 'ubuntu',
          recipe: 'ubuntu',
          images: [{ imageId: NEW, region: 'eu-west-1', name: `name-of-${NEW}`, bakedAt: NEW_AT }],
          cells: [{ state: 'available', copy: FACT }, { state: 'missing' }, { state: 'not shared' }],
        },
      ],
    });
  });

  it('knows nothing of the one cell whose image EC2 does not tell of, and all of the others', async () => {
    const other = 'ami-0d';
    sourceHas([source(NEW, NEW_AT), source(other, NEW_AT, { Tags: [{ Key: 'Recipe', Value: 'debian' }] })], {
      [NEW]: [PAYMENTS, WEB],
    });
    const { ec2 } = aws.in(SOURCE);
    const throttled = Object.assign(new Error('Request limit exceeded.'), { name: 'RequestLimitExceeded' });
    ec2.on(DescribeImageAttributeCommand, { ImageId: other, Attribute: 'launchPermission' }).rejects(throttled);
    for (const account of [PAYMENTS, WEB]) targetHas(account);
    targetHas(OPS, { images: [copyOf(NEW, NEW_AT), copyOf(other, NEW_AT, { ImageId: 'ami-0e' })] });

    const { code, err, report: read } = await report('--accounts-file', FILE);

    const reason = `Whom ${other} in eu-west-1 is shared with is not known. RequestLimitExceeded: Request limit exceeded.`;
    const unknown = { state: 'unknown', reason };
    expect({ code, err: err.trim() }).toEqual({ code: 1, err: reason });
    expect(read.rows.map(({ title, cells }) => [title, ...cells])).toEqual([
      ['debian', unknown, unknown, expect.objectContaining({ state: 'available' })],
      ['ubuntu', { state: 'missing' }, { state: 'missing' }, expect.objectContaining({ state: 'available' })],
    ]);
  });

  describe('tells what a copy is', () => {
    const marked = (keyId: string) => [
      ...tagsOfAmigo(NEW),
      { Key: 'ImageCopier', Value: `image-copier announced=${SETTLED_AT} attempt=1 baked=${NEW_AT} key=${keyId}` },
    ];
    const key = (id: string) => `arn:aws:kms:eu-west-1:${WEB}:key/${id}`;
    const blank = { DeviceName: '/dev/xvdcz', Ebs: { VolumeSize: 22 } };
    const withBlank = { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-01' } }, blank] };
    const UNENCRYPTED = 'EC2 makes /dev/xvdcz as an empty, unencrypted volume.';

    it.each<[string, Image[], object]>([
      [
        'a copy of a copy, with its tags',
        [{ ...copyOf(NEW, NEW_AT), SourceImageId: 'ami-0b', Tags: marked('1') }],
        { state: 'missing' },
      ],
      [
        'an image of an instance, with its tags',
        [copyOf(NEW, NEW_AT, { SourceInstanceId: 'i-1' })],
        { state: 'missing' },
      ],
      [
        'a copy without ancestry',
        [copyOf(NEW, NEW_AT, { SourceImageId: undefined, Tags: tagsOfAmigo(NEW) })],
        { state: 'available' },
      ],
      [
        "somebody else's that is not encrypted",
        [
          copyOf(NEW, NEW_AT, {
            Tags: tagsOfAmigo(NEW),
            BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-01', Encrypted: false } }],
          }),
        ],
        { state: 'missing' },
      ],
      ['a copy under the key that it names', [copyOf(NEW, NEW_AT, { Tags: marked('1') })], { state: 'available' }],
      [
        'a copy under another key than it names',
        [copyOf(NEW, NEW_AT, { Tags: marked('2') })],
        {
          state: 'failed',
          reason: `It is not verified: snap-01 is encrypted under ${key('1')}, not under ${key('2')}.`,
        },
      ],
      [
        'a copy without snapshots',
        [copyOf(NEW, NEW_AT, { BlockDeviceMappings: [blank] })],
        { state: 'failed', reason: 'It is not verified: EC2 shows no snapshot of it.' },
      ],
      ['a copy with an empty volume', [copyOf(NEW, NEW_AT, withBlank)], { state: 'available', reason: UNENCRYPTED }],
    ])('%s', async (_what, images, cell) => {
      sourceHas([source(NEW, NEW_AT)], { [NEW]: [WEB] });
      targetHas(WEB, { images, snapshots: [{ ...ROOT, KmsKeyId: key('1') }] });
      aws.in(WEB).ec2.on(GetEbsEncryptionByDefaultCommand).resolves({ EbsEncryptionByDefault: false });
      const { report: read } = await report('--accounts-file', FILE, '--only', 'web');

      expect(read.rows[0]?.cells).toMatchObject([cell]);
    });

    describe('that waits for approval', () => {
      const marker = `image-copier announced=${SETTLED_AT} attempt=1 baked=${NEW_AT} unapproved`;
      const Tags = [...tagsOfAmigo(NEW), { Key: 'ImageCopier', Value: marker }];
      const WAITS = `It waits for the approval of its source image ${NEW} in eu-west-1`;
      const NEEDS = `${WAITS}, which needs the watermark approved of ${SOURCE}.`;

      beforeEach(() => {
        sourceHas([source(NEW, NEW_AT)], { [NEW]: [WEB] });
        targetHas(WEB, { images: [copyOf(NEW, NEW_AT, { Tags })] });
      });

      it('says what it waits for', async () => {
        const Variables = { APPROVAL: '{"watermark":"approved"}', TRUSTED_OWNERS: SOURCE };
        aws
          .in(WEB)
          .lambda.on(GetFunctionCommand, { FunctionName: 'image-copier-settle-copy' })
          .resolves({ Configuration: { Environment: { Variables } } });
        const { code, report: read } = await report('--accounts-file', FILE, '--only', 'web');

        expect(code).toBe(0);
        expect(read.rows[0]?.cells).toMatchObject([
          { state: 'available', copy: { settledAt: SETTLED_AT, waitsFor: NEEDS }, reason: NEEDS },
        ]);
        const { out } = await run(['status', '--accounts-file', FILE, '--only', 'web'], { aws });
        expect(out).toContain(NEEDS);
      });

      it('says so too where it cannot be read what an approval needs', async () => {
        aws.in(WEB).lambda.on(GetFunctionCommand).rejects(new Error('no network'));
        const { err, report: read } = await report('--accounts-file', FILE, '--only', 'web');

        expect(read.rows[0]?.cells).toMatchObject([{ state: 'available', reason: `${WAITS}.` }]);
        expect(err).toContain('web, eu-west-1: What an approval needs could not be read: Error: no network.');
      });
    });

    it('says when a copy is deprecated', async () => {
      const DeprecationTime = '2028-11-23T22:10:00.000Z';
      sourceHas([source(NEW, NEW_AT)], { [NEW]: [WEB] });
      targetHas(WEB, { images: [copyOf(NEW, NEW_AT, { DeprecationTime })] });
      const { report: read } = await report('--accounts-file', FILE, '--only', 'web');

      expect(read.rows[0]?.cells).toMatchObject([{ state: 'available', copy: { deprecatesAt: DeprecationTime } }]);
    });

    it('has a line for a copy with an empty volume that is not encrypted, and is well', async () => {
      sourceHas([source(NEW, NEW_AT)]);
      targetHas(WEB, { images: [copyOf(NEW, NEW_AT, withBlank)] });
      aws.in(WEB).ec2.on(GetEbsEncryptionByDefaultCommand).resolves({ EbsEncryptionByDefault: false });
      const { code, out } = await run(['status', '--accounts-file', FILE, '--only', 'web'], { aws });

      expect(code).toBe(0);
      expect(out).toContain(UNENCRYPTED);
    });

    it('has nothing to say of it where the account encrypts by default', async () => {
      sourceHas([source(NEW, NEW_AT)]);
      targetHas(WEB, { images: [copyOf(NEW, NEW_AT, withBlank)] });
      aws.in(WEB).ec2.on(GetEbsEncryptionByDefaultCommand).resolves({ EbsEncryptionByDefault: true });
      const { report: read } = await report('--accounts-file', FILE, '--only', 'web');

      expect(read.rows[0]?.cells[0]).not.toHaveProperty('reason');
    });
  });

  it('asks for the images of the copier and of the recipes alone', async () => {
    sourceHas([source(NEW, NEW_AT)], { [NEW]: [] });
    for (const account of [PAYMENTS, WEB, OPS]) targetHas(account);
    await report('--accounts-file', FILE);

    const asked = (accountId: string) =>
      aws
        .in(accountId)
        .ec2.commandCalls(DescribeImagesCommand)
        .map(({ args: [{ input }] }) => input);
    const own = { Owners: ['self'], MaxResults: 1000, NextToken: undefined };
    expect(asked(SOURCE)).toMatchObject([
      { ...own, IncludeDisabled: false, Filters: [{ Name: 'tag-key', Values: ['Recipe'] }] },
    ]);
    expect(asked(PAYMENTS)).toMatchObject([
      { ...own, IncludeDisabled: true, Filters: [{ Name: 'tag-key', Values: ['CopiedFromAMI', 'ImageCopier'] }] },
    ]);
  });

  it('looks for images in all Regions of the file, also if accounts of one are chosen', async () => {
    const file = writeAccountsFile({
      source: { id: SOURCE, roleName: 'reader' },
      topic: 'amigo-PROD-notify',
      defaults: { roleName: 'reader', regions: ['eu-west-1'] },
      accounts: [
        { id: PAYMENTS, name: 'payments', regions: ['eu-west-1', 'us-east-1', 'us-west-2'] },
        { id: WEB, name: 'web' },
      ],
    });
    // As Packer copies it: later, and yet of the same bake.
    const copied = source('ami-0f', '2026-11-23T11:00:00.000Z', { SourceImageId: NEW, SourceImageRegion: 'eu-west-1' });
    sourceHas([source(NEW, NEW_AT)]);
    aws
      .in(SOURCE, 'us-east-1')
      .ec2.on(DescribeImagesCommand)
      .resolves({ Images: [copied] });
    aws.in(SOURCE, 'us-west-2').ec2.on(DescribeImagesCommand).resolves({ Images: [] });
    for (const region of ['us-east-1', 'us-west-2']) targetHas(PAYMENTS, { images: [copyOf(NEW, NEW_AT)] }, region);
    const { code, report: read } = await report('--accounts-file', file, '--only', 'payments', '--region', 'us-west-2');

    expect({ code, states: read.rows[0]?.cells.map(({ state }) => state) }).toEqual({ code: 0, states: ['available'] });
    expect(read.rows[0]?.images.map(({ imageId, bakedAt }) => [imageId, bakedAt])).toEqual([
      [NEW, NEW_AT],
      ['ami-0f', NEW_AT],
    ]);
    const inAmerica = await report('--accounts-file', file, '--only', 'payments', '--region', 'us-east-1');
    expect(inAmerica.report.rows[0]?.cells.map(({ state }) => state)).toEqual(['available']);
  });

  it('takes an image that was baked from another one for as new as it is', async () => {
    const from = { SourceImageId: OLD, SourceImageRegion: 'eu-west-1' };
    const copied = source('ami-03', STARTED_AT, { ...from, Tags: [{ Key: 'Recipe', Value: 'encrypted' }] });
    sourceHas([source(OLD, OLD_AT), source(NEW, NEW_AT, { ...from, SourceInstanceId: 'i-1' }), copied]);
    targetHas(WEB, { images: [copyOf(OLD, OLD_AT)] });
    aws.in(SOURCE).ec2.on(DescribeImageAttributeCommand).resolves({});
    const { report: read } = await report('--accounts-file', FILE, '--only', 'web');

    expect(read.rows.map(({ images }) => images.map(({ bakedAt }) => bakedAt))).toEqual([[STARTED_AT], [NEW_AT]]);
  });

  it('names the accounts that nothing is shared with, and the command that changes it', async () => {
    sourceHas([source(NEW, NEW_AT)], { [NEW]: [PAYMENTS] });
    for (const account of [PAYMENTS, WEB, OPS]) targetHas(account);
    const told = async (...args: string[]) =>
      (await run(['status', '--accounts-file', FILE, '--recipe', 'ubuntu', ...args], { aws })).err;
    const command = (only: string) =>
      `To share them and ask for copies: image-copier backfill --accounts-file ${FILE} --only ${only} --recipe ubuntu --share\n`;

    expect(await told()).toBe(`None of these images is shared with web, ops. ${command('web,ops')}`);
    expect(await told('--only', OPS)).toBe(`None of these images is shared with ops. ${command(OPS)}`);
    expect(await told('--only', 'payments')).toBe('');
  });

  it('counts as missing where everybody may launch the image', async () => {
    sourceHas([source(NEW, NEW_AT)]);
    aws
      .in(SOURCE)
      .ec2.on(DescribeImageAttributeCommand)
      .resolves({ LaunchPermissions: [{ Group: 'all' }] });
    targetHas(WEB);
    const { report: read } = await report('--accounts-file', FILE, '--only', 'web');

    expect(read.rows[0]?.cells).toEqual([{ state: 'missing' }]);
  });

  it('asks nothing about sharing where nothing is missing, and is well then', async () => {
    sourceHas([source(NEW, NEW_AT)]);
    targetHas(WEB, { images: [copyOf(NEW, NEW_AT)] });
    const { code, report: read } = await report('--accounts-file', FILE, '--only', 'web');

    expect(code).toBe(0);
    expect(read.rows[0]?.cells.map(({ state }) => state)).toEqual(['available']);
    expect(aws.in(SOURCE).ec2.commandCalls(DescribeImageAttributeCommand)).toEqual([]);
  });

  it('shows why EC2 or the copier gave a copy up', async () => {
    const debian = source('ami-05', NEW_AT, { Tags: [{ Key: 'Recipe', Value: 'debian' }] });
    sourceHas([source(NEW, NEW_AT), debian]);
    const MessageAttributes = { Reason: { DataType: 'String', StringValue: 'It belongs to somebody else.' } };
    targetHas(WEB, {
      images: [copyOf(NEW, NEW_AT, { State: 'failed', StateReason: { Message: 'The key is disabled.' } })],
      letters: [
        { MessageId: '1', ReceiptHandle: 'r1', Body: '{"sourceAmi":"ami-05"}', MessageAttributes },
        { MessageId: '2', ReceiptHandle: 'r2', Body: 'not a request' },
      ],
    });
    const { code, report: read } = await report('--accounts-file', FILE, '--only', 'web');

    expect(code).toBe(1);
    expect(read.rows.map(({ title, cells }) => [title, cells[0]?.state, cells[0]?.reason])).toEqual([
      ['debian', 'failed', 'It belongs to somebody else.'],
      ['ubuntu', 'failed', 'The key is disabled.'],
    ]);
  });

  it('has the recipes alone that are named, or a row for each image', async () => {
    const debian = source('ami-05', NEW_AT, { Tags: [{ Key: 'Recipe', Value: 'debian' }] });
    sourceHas([source(OLD, OLD_AT), source(NEW, NEW_AT), debian], { [NEW]: [], [OLD]: [] });
    targetHas(WEB);
    const titles = async (...args: string[]) => {
      const { report: read } = await report('--accounts-file', FILE, '--only', 'web', ...args);
      return read.rows.map(({ title }) => title);
    };

    expect(await titles('--recipe', 'ubuntu')).toEqual(['ubuntu']);
    expect(await titles('--recipe', 'ubuntu', '--images')).toEqual([NEW, OLD]);
  });

  it('shows of the recipes alone that are named which copies end, and what copies take', async () => {
    const debian = source('ami-05', NEW_AT, { Tags: [{ Key: 'Recipe', Value: 'debian' }] });
    sourceHas([source(NEW, NEW_AT), debian], { [NEW]: [], 'ami-05': [] });
    const revoked = (recipe: string) => [
      { Key: 'Recipe', Value: recipe },
      { Key: 'ImageCopier', Value: `image-copier revoked=${SETTLED_AT} attempt=1 baked=${NEW_AT}` },
    ];
    targetHas(WEB, {
      images: [
        copyOf(NEW, NEW_AT, { State: 'disabled', Tags: revoked('ubuntu') }),
        copyOf('ami-05', NEW_AT, { ImageId: 'ami-0e', State: 'disabled', Tags: revoked('debian') }),
      ],
      snapshots: [{ ...ROOT, VolumeSize: 8 }],
    });

    const { report: read } = await report('--accounts-file', FILE, '--only', 'web', '--recipe', 'ubuntu');

    expect(read.ended?.map(({ imageId }) => imageId)).toEqual([COPY]);
    expect(read.storage?.map(({ recipe }) => recipe)).toEqual(['ubuntu']);
  });

  it('shows the channels of the recipes alone that are named', async () => {
    sourceHas([source(NEW, NEW_AT)]);
    const parameters = Object.fromEntries(
      ['ubuntu', 'ubuntu/channels/prod', 'debian/channels/prod'].map((name) => [`/image-copier/${name}`, COPY]),
    );
    targetHas(WEB, { images: [copyOf(NEW, NEW_AT)], parameters });

    const { report: read } = await report('--accounts-file', FILE, '--only', 'web', '--recipe', 'ubuntu');

    expect(read.channels).toEqual([
      {
        ...{ accountId: WEB, account: 'web', region: 'eu-west-1', labels: {}, recipe: 'ubuntu', channel: 'prod' },
        ...{ imageId: COPY, sourceImageId: NEW, bakedAt: NEW_AT, state: 'available' },
      },
    ]);
  });

  it('shows all else where channels cannot be read', async () => {
    sourceHas([source(NEW, NEW_AT)]);
    targetHas(WEB, { images: [copyOf(NEW, NEW_AT)] });
    aws.in(WEB).ssm.on(GetParametersByPathCommand).rejects(new Error('no network'));

    const { code, out, err } = await run(['status', '--accounts-file', FILE, '--only', 'web'], { aws });

    expect({ code, err }).toEqual({
      code: 0,
      err: 'web, eu-west-1: Channels, and what may go, could not be read: Error: no network.\n',
    });
    expect(out).toContain('available');
  });

  it('rejects a recipe of which the source account has no image, though an account cannot be read', async () => {
    sourceHas([source(NEW, NEW_AT)]);
    targetHas(WEB, { images: [copyOf('ami-03', NEW_AT, { Tags: tagsOfAmigo('ami-03', 'ubunto') })] });
    aws.close(PAYMENTS, Object.assign(new Error('no'), { name: 'AccessDenied' }));

    const args = ['--accounts-file', FILE, '--only', 'payments,web', '--recipe', 'ubuntu,ubunto'];
    const { code, out, err } = await run(['status', ...args], { aws });

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/Error: The source account has no image of the recipe ubunto\. Did you mean ubuntu\?\n$/);
  });

  it('goes on where an account cannot be read, and fails', async () => {
    sourceHas([source(NEW, NEW_AT)]);
    targetHas(WEB, { images: [copyOf(NEW, NEW_AT)] });
    aws.close(PAYMENTS, Object.assign(new Error('no'), { name: 'AccessDenied' }));
    const { code, err, report: read } = await report('--accounts-file', FILE, '--only', 'payments,web');

    const problem = 'Access denied: no. Allow it there, or choose another --profile or --role-arn.';
    expect({ code, err }).toEqual({ code: 1, err: `payments, eu-west-1: ${problem}\n` });
    expect(read.rows[0]?.cells.map(({ state, reason }) => [state, reason])).toEqual([
      ['unknown', problem],
      ['available', undefined],
    ]);
  });
});

describe('status of a copy that fails, and is tried again', () => {
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const failed = () => failedCopy(NEW, at(-35));
  const retried = () => retriedRequest(NEW, at(-10), { tries: 4, reason: 'Share it.', retryInSeconds: 600 });
  const attempt2 = () =>
    copyOf(NEW, NEW_AT, {
      State: 'pending',
      Tags: [
        { Key: 'Recipe', Value: 'ubuntu' },
        { Key: 'ImageCopier', Value: `image-copier attempt=2 baked=${NEW_AT}` },
      ],
    });
  const started = () => ({ timestamp: at(-5), sourceImage: NEW, outcome: 'started' });
  const once = 'failed once: KMS key is disabled';

  beforeEach(() => {
    sourceHas([source(OLD, OLD_AT), source(NEW, NEW_AT)], { [NEW]: [WEB] });
  });

  const cellOfWeb = async (contents: Contents) => {
    targetHas(WEB, contents);
    const { code, err, report: read } = await report('--accounts-file', FILE, '--only', 'web');
    return { code, err, cell: read.rows[0]?.cells[0] };
  };

  it.each<[string, () => Contents, object]>([
    [
      'before the next try',
      () => ({ logs: { 'settle-copy': [failed()] } }),
      {
        ...{ state: 'pending', reason: `${once}; next try in 4 min` },
        failedTries: {
          ...{ count: 1, reason: 'KMS key is disabled' },
          nextTryAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown,
        },
      },
    ],
    [
      'before the next try, where an older copy is there',
      () => ({ images: [copyOf(OLD, OLD_AT)], logs: { 'settle-copy': [failed()] } }),
      { state: 'pending', reason: `${once}; next try in 4 min` },
    ],
    [
      'during the next try',
      () => ({ images: [attempt2()], logs: { 'copy-image': [started()], 'settle-copy': [failed()] } }),
      { state: 'pending', copy: { imageId: COPY, attempt: 2 }, reason: once },
    ],
    [
      'whose requests EC2 does not take',
      () => ({ logs: { 'copy-image': [retried()] } }),
      { state: 'pending', reason: 'failed 4 times: Share it; next try in 9 min' },
    ],
  ])('%s', async (_what, contents, expected) => {
    const { code, err, cell } = await cellOfWeb(contents());

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(cell).toMatchObject(expected);
    expect(Object.keys(cell?.copy ?? {}).length > 0).toBe('copy' in expected);
  });

  it.each<[string, () => Contents, object]>([
    ['it was due long ago', () => ({ logs: { 'settle-copy': [failedCopy(NEW, at(-7200))] } }), { state: 'missing' }],
    [
      'it is of another image',
      () => ({ images: [copyOf(OLD, OLD_AT)], logs: { 'settle-copy': [failedCopy('ami-03', at(-35))] } }),
      { state: 'stale', copy: { imageId: COPY } },
    ],
    ['it has begun', () => ({ logs: { 'settle-copy': [failed()], 'copy-image': [started()] } }), { state: 'missing' }],
  ])('promises no next try where %s', async (_what, contents, expected) => {
    const { code, cell } = await cellOfWeb(contents());

    expect(code).toBe(1);
    expect(cell).toMatchObject(expected);
    expect(cell).not.toHaveProperty('reason');
  });

  it('reads no logs where nothing is missing that is shared', async () => {
    targetHas(PAYMENTS);
    targetHas(WEB, { images: [copyOf(NEW, NEW_AT)] });
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException', $metadata: {} });
    for (const id of [PAYMENTS, WEB]) aws.in(id).logs.on(FilterLogEventsCommand).rejects(denied);

    const { code, err, report: read } = await report('--accounts-file', FILE, '--only', 'payments,web');

    expect(code).toBe(0);
    expect(err).toMatch(/^None of these images is shared with payments\..+\n$/);
    expect(read.rows[0]?.cells.map(({ state }) => state)).toEqual(['not shared', 'available']);
  });

  it('says where the logs cannot be read, and shows the rest', async () => {
    targetHas(WEB);
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException', $metadata: {} });
    aws.in(WEB).logs.on(FilterLogEventsCommand).rejects(denied);

    const { code, err, report: read } = await report('--accounts-file', FILE, '--only', 'web');

    expect(code).toBe(1);
    expect(err).toBe(
      'web, eu-west-1: Whether a try has failed is not known, for the logs of the functions cannot be read. ' +
        'Access denied: no. Allow it there, or choose another --profile or --role-arn.\n',
    );
    expect(read.rows[0]?.cells).toEqual([{ state: 'missing' }]);
  });

  it.each([60, 120])('fits into %d columns', async (columns) => {
    targetHas(WEB, { logs: { 'settle-copy': [failed()] } });
    const terminal = new FakeTerminal({ columns });

    const { out } = await run(['status', '--accounts-file', FILE, '--only', 'web'], { aws, terminal });

    const lines = out.split('\n');
    expect(lines.slice(0, 2).join(' ')).toMatch(/pending/);
    expect(out.replaceAll(/\s+/g, ' ')).toContain(`${once}; next try in 4 min`);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  });
});

describe('status of the account of the credentials', () => {
  beforeEach(() => {
    aws = new FakeAws({ ownAccount: WEB });
    aws.in(WEB).sts.on(GetCallerIdentityCommand).resolves({ Account: WEB });
    targetHas(WEB, {
      images: [
        copyOf(NEW, NEW_AT),
        copyOf(OLD, OLD_AT, { ImageId: 'ami-0d' }),
        copyOf('ami-05', NEW_AT, { ImageId: 'ami-0e', Tags: tagsOfAmigo('ami-05', 'debian') }),
      ],
    });
  });

  it('knows the images that it has copies of', async () => {
    const { code, report: read } = await report();

    expect(code).toBe(0);
    // AMIgo's copier, which made the copy of the second, notes no time of the bake.
    expect(read.rows.map(({ title, images, cells }) => [title, images[0]?.bakedAt, cells[0]?.state])).toEqual([
      ['debian', STARTED_AT, 'available'],
      ['ubuntu', NEW_AT, 'available'],
    ]);
  });

  it('has the recipes alone that are named', async () => {
    const { report: read } = await report('--recipe', 'ubuntu');

    expect(read.rows.map(({ title }) => title)).toEqual(['ubuntu']);
  });

  it('rejects a recipe that there is no copy of', async () => {
    expect(await run(['status', '--recipe', 'ubuntu,debain'], { aws })).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no copy of the recipe debain. Did you mean debian?\n',
    });
  });

  it('does not claim that there is none where an account could not be read', async () => {
    aws.close(PAYMENTS, Object.assign(new Error('no'), { name: 'AccessDenied' }));
    const args = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'reader', '--recipe', 'arch'];

    const { code, out, err } = await run(['status', ...args], { aws });

    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err.split('\n').slice(0, 2)).toEqual([
      expect.stringContaining(`${PAYMENTS}, eu-west-1: Access denied: no.`),
      'Error: There is no copy of the recipe arch, so far as could be read.',
    ]);
  });

  it('is a table for people, in the width of the terminal', async () => {
    const wide = await run(['status'], { aws, terminal: new FakeTerminal() });
    const narrow = await run(['status'], { aws, terminal: new FakeTerminal({ columns: 20 }) });

    expect(wide.out).toMatch(new RegExp(`^ +BAKED +${WEB}\ndebian +\\d+ d +available\nubuntu +\\d+ d +available\n$`));
    expect(narrow.out).toMatch(/^ +BAKED\ndebian +\d+ d\n +AVAILABLE 1\nubuntu /);
  });

  it('has a line for each copy with --all', async () => {
    const { out } = await run(['status', '--all'], { aws });

    expect(out.split('\n').filter((line) => line.includes(COPY))).toHaveLength(1);
    expect(out).toMatch(/^IMAGE +ACCOUNT +REGION /m);
  });

  it('is a page in the file that is named, with the running instances', async () => {
    const instance = (InstanceId: string, ImageId: string, OwnerId = WEB) => {
      return { InstanceId, ImageMetadata: { ImageId, OwnerId } };
    };
    const InstanceImageMetadata = [instance('i-1', COPY), instance('i-2', 'ami-amazon', '137112412989')];
    aws.in(WEB).ec2.on(DescribeInstanceImageMetadataCommand).resolves({ InstanceImageMetadata });
    const file = join(dirname(writeAccountsFile({})), 'status.html');
    const { code, err } = await run(['status', '--html', file], { aws });
    const all = readFileSync(file, 'utf8');
    await run(['status', '--html', file, '--recipe', 'ubuntu'], { aws });

    expect({ code, err }).toEqual({ code: 0, err: `Wrote ${file}.\n` });
    expect(all).toContain('<th scope="row">ubuntu');
    expect(all).toContain('<p>2 instances in 1 account and Region: 1 current, 1 no copy.</p>');
    expect(readFileSync(file, 'utf8')).toContain('<p>1 instance in 1 account and Region: 1 current.</p>');
  });

  it('is a page that says why the running instances could not be read', async () => {
    const denied = Object.assign(new Error('Not yours.'), { name: 'UnauthorizedOperation' });
    aws.in(WEB).ec2.on(DescribeInstanceImageMetadataCommand).rejects(denied);
    const file = join(dirname(writeAccountsFile({})), 'status.html');
    const { code } = await run(['status', '--html', file], { aws });

    expect(code).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('<td>Access denied: Not yours. ');
  });

  it('says that the page cannot be written', async () => {
    const file = join(dirname(writeAccountsFile({})), 'missing', 'status.html');
    const { code, out, err } = await run(['status', '--html', file], { aws });

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.startsWith(`Error: ${file} cannot be written: `)).toBe(true);
    expect(err).toContain('ENOENT');
    expect(existsSync(dirname(file))).toBe(false);
  });
});

describe('a Region that is not listed', () => {
  it('is named with the nearest one if it does not answer', async () => {
    const host = 'ec2.eu-west-9.amazonaws.com';
    aws.close(PAYMENTS, Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));

    const args = ['--accounts', PAYMENTS, '--role-name', 'reader', '--region', 'eu-west-9'];
    expect(await run(['status', ...args], { aws })).toEqual({
      code: 1,
      out: 'No image of any recipe was found.\n',
      err: `${PAYMENTS}, eu-west-9: AWS cannot be reached: getaddrinfo ENOTFOUND ${host}. Image Copier knows no Region eu-west-9. Did you mean eu-west-1?\n`,
    });
  });
});

describe('wrong options', () => {
  it.each([
    [['--accounts', '222222222222,33'], '33 must be an account id of 12 digits.'],
    [['--region', 'EU'], 'It must be a Region, such as eu-west-1.'],
  ])('are rejected: %j', async (args, words) => {
    const { code, err } = await run(['status', ...args]);

    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});
