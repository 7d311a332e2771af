import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CopyImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  EC2ServiceException,
  type DescribeImagesResult,
  type DescribeImagesRequest,
  type Image,
} from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { Ec2ImageCatalogue } from '../../src/adapters/ec2-image-catalogue.ts';
import { ACCOUNT, BAKED_AT, REGION, SOURCE_ACCOUNT, SOURCE_IMAGE, target } from '../factories.ts';

const OTHER_REGION = 'us-east-1';
const clients = new Map([REGION, OTHER_REGION].map((region) => [region, new EC2Client({ region })]));
const [ec2, otherEc2] = Array.from(clients.values(), (client) => mockClient(client));
const catalogue = new Ec2ImageCatalogue(REGION, (region) => {
  const client = clients.get(region);
  if (!client) throw new Error(`no client for ${region}`);
  return client;
});

function ec2Error(name: string): EC2ServiceException {
  return new EC2ServiceException({ name, message: '', $fault: 'client', $metadata: { httpStatusCode: 400 } });
}

beforeEach(() => {
  ec2?.reset();
  otherEc2?.reset();
});

describe('findMarks', () => {
  it('reads watermarks and tags of the images that trusted owners share, deprecated or not', async () => {
    otherEc2?.on(DescribeImagesCommand).resolves({
      Images: [
        {
          ImageId: SOURCE_IMAGE,
          OwnerId: SOURCE_ACCOUNT,
          ImageWatermarks: [{ WatermarkKey: `${SOURCE_ACCOUNT}:approved`, SourceImageId: 'ami-0ba5e' }],
          Tags: [{ Key: 'ec2:SharedTag/approved', Value: 'yes' }],
        },
        { ImageId: 'ami-2', OwnerId: SOURCE_ACCOUNT },
      ],
    });

    expect(await catalogue.findMarks([SOURCE_IMAGE, 'ami-2', 'ami-3'], OTHER_REGION, [SOURCE_ACCOUNT])).toEqual([
      {
        imageId: SOURCE_IMAGE,
        ownerId: SOURCE_ACCOUNT,
        watermarks: [{ key: `${SOURCE_ACCOUNT}:approved`, imageId: 'ami-0ba5e' }],
        tags: [{ key: 'ec2:SharedTag/approved', value: 'yes' }],
      },
      { imageId: 'ami-2', ownerId: SOURCE_ACCOUNT, watermarks: [], tags: [] },
    ]);
    expect(otherEc2?.commandCalls(DescribeImagesCommand).map(({ args }) => args[0].input)).toEqual([
      {
        Owners: [SOURCE_ACCOUNT],
        IncludeDeprecated: true,
        Filters: [{ Name: 'image-id', Values: [SOURCE_IMAGE, 'ami-2', 'ami-3'] }],
        MaxResults: 1000,
      },
    ]);
  });

  it('asks for 200 images at a time', async () => {
    ec2?.on(DescribeImagesCommand).resolves({});
    const ids = Array.from({ length: 201 }, (_, index) => `ami-${index}`);

    expect(await catalogue.findMarks(ids, REGION, [SOURCE_ACCOUNT])).toEqual([]);
    expect(ec2?.commandCalls(DescribeImagesCommand)).toHaveLength(2);
  });

  it('classes what EC2 refuses', async () => {
    ec2?.on(DescribeImagesCommand).rejects(ec2Error('RequestLimitExceeded'));

    await expect(catalogue.findMarks([SOURCE_IMAGE], REGION, [SOURCE_ACCOUNT])).rejects.toMatchObject({
      code: 'RequestLimitExceeded',
    });
  });
});

const source = (ImageId: string): Image => ({
  ImageId,
  OwnerId: SOURCE_ACCOUNT,
  State: 'available',
  CreationDate: BAKED_AT,
});

describe('findSource', () => {
  it('asks the Region of the image for its owner and state, deprecated or not', async () => {
    otherEc2?.on(DescribeImagesCommand).resolves({
      Images: [{ ImageId: SOURCE_IMAGE, OwnerId: SOURCE_ACCOUNT, State: 'available', CreationDate: BAKED_AT }],
    });

    expect(await catalogue.findSource(SOURCE_IMAGE, OTHER_REGION)).toEqual({
      ownerId: SOURCE_ACCOUNT,
      state: 'available',
      createdAt: BAKED_AT,
    });
    expect(otherEc2?.commandCalls(DescribeImagesCommand)[0]?.args[0].input).toEqual({
      ImageIds: [SOURCE_IMAGE],
      IncludeDeprecated: true,
    });
    expect(ec2?.calls()).toHaveLength(0);
  });

  it('reads when the image is deprecated', async () => {
    const DeprecationTime = '2028-11-23T22:10:00.000Z';
    ec2?.on(DescribeImagesCommand).resolves({ Images: [{ ...source(SOURCE_IMAGE), DeprecationTime }] });

    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toMatchObject({ deprecatesAt: DeprecationTime });
  });

  it('takes an image that is not there for not visible', async () => {
    ec2?.on(DescribeImagesCommand).resolvesOnce({ Images: [] }).rejectsOnce(ec2Error('InvalidAMIID.NotFound'));

    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toBeUndefined();
    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toBeUndefined();
  });

  it('takes an answer without images for one of none', async () => {
    ec2?.on(DescribeImagesCommand).resolves({});

    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toBeUndefined();
  });

  it.each(['ImageId', 'OwnerId', 'State', 'CreationDate'])('names %s where EC2 leaves it out', async (field) => {
    ec2?.on(DescribeImagesCommand).resolves({ Images: [{ ...source(SOURCE_IMAGE), [field]: undefined }] });

    await expect(catalogue.findSource(SOURCE_IMAGE, REGION)).rejects.toThrow(`EC2 answered without ${field}`);
  });

  it('rejects a Region that cannot be found, but its own', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    for (const client of [ec2, otherEc2]) client?.on(DescribeImagesCommand).rejects(error);

    await expect(catalogue.findSource(SOURCE_IMAGE, OTHER_REGION)).rejects.toMatchObject({ code: 'InvalidRegion' });
    await expect(catalogue.findSource(SOURCE_IMAGE, REGION)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('classes what EC2 refuses', async () => {
    ec2?.on(DescribeImagesCommand).rejects(ec2Error('UnauthorizedOperation'));

    await expect(catalogue.findSource(SOURCE_IMAGE, REGION)).rejects.toMatchObject({ name: 'UncertainError' });
  });
});

describe('findSources', () => {
  const facts = { ownerId: SOURCE_ACCOUNT, state: 'available', createdAt: BAKED_AT };

  it('asks for several images of a Region at once', async () => {
    otherEc2?.on(DescribeImagesCommand).resolves({ Images: [source('ami-2'), source('ami-1')] });

    expect(await catalogue.findSources(['ami-1', 'ami-2'], OTHER_REGION)).toEqual(
      new Map([
        ['ami-1', facts],
        ['ami-2', facts],
      ]),
    );
    expect(otherEc2?.calls().map(({ args }) => args[0].input)).toEqual([
      { ImageIds: ['ami-1', 'ami-2'], IncludeDeprecated: true },
    ]);
  });

  it('asks for each alone where EC2 knows one of them no more', async () => {
    ec2?.on(DescribeImagesCommand).callsFake(({ ImageIds = [] }: DescribeImagesRequest) => {
      if (ImageIds.includes('ami-gone')) throw ec2Error('InvalidAMIID.NotFound');
      return { Images: ImageIds.map(source) };
    });

    expect(await catalogue.findSources(['ami-1', 'ami-gone', 'ami-2'], REGION)).toEqual(
      new Map([
        ['ami-1', facts],
        ['ami-2', facts],
      ]),
    );
    expect(ec2?.calls()).toHaveLength(4);
  });

  it('classes what EC2 refuses', async () => {
    ec2?.on(DescribeImagesCommand).rejects(ec2Error('RequestLimitExceeded'));

    await expect(catalogue.findSources(['ami-1', 'ami-2'], REGION)).rejects.toMatchObject({ name: 'ThrottledError' });
    expect(ec2?.calls()).toHaveLength(1);
  });
});

describe('findCopies', () => {
  const ancestry = [
    { Name: 'source-image-id', Values: [SOURCE_IMAGE] },
    { Name: 'source-image-region', Values: [OTHER_REGION] },
  ];
  const tagged = [{ Name: 'tag:CopiedFromAMI', Values: [SOURCE_IMAGE] }];
  const own = { Owners: ['self'], IncludeDisabled: true, MaxResults: 1000 };
  const pending = { OwnerId: ACCOUNT, State: 'pending' } as const;

  it("reads all pages of this account's images that were made of the source, or are tagged so", async () => {
    const SourceImageId = SOURCE_IMAGE;
    const Tags = [{ Key: 'Name', Value: 'a' }];
    ec2
      ?.on(DescribeImagesCommand, { ...own, Filters: ancestry })
      .resolvesOnce({
        Images: [{ ...pending, ImageId: 'ami-1', SourceImageId, SourceImageRegion: OTHER_REGION, Tags }],
        NextToken: 'more',
      })
      .resolvesOnce({ Images: [{ ...pending, ImageId: 'ami-2' }] });
    ec2
      ?.on(DescribeImagesCommand, { ...own, Filters: tagged })
      .resolves({ Images: [{ ...pending, ImageId: 'ami-3' }] });

    expect(await catalogue.findCopies(SOURCE_IMAGE, OTHER_REGION)).toEqual([
      {
        imageId: 'ami-1',
        ownerId: ACCOUNT,
        state: 'pending',
        source: { imageId: SOURCE_IMAGE, region: OTHER_REGION },
        tags: [{ key: 'Name', value: 'a' }],
        devices: [],
      },
      { imageId: 'ami-2', ownerId: ACCOUNT, state: 'pending', tags: [], devices: [] },
      { imageId: 'ami-3', ownerId: ACCOUNT, state: 'pending', tags: [], devices: [] },
    ]);
  });

  it('reads an image once that both calls show', async () => {
    ec2?.on(DescribeImagesCommand).resolves({ Images: [{ ...pending, ImageId: 'ami-1' }] });

    expect(await catalogue.findCopies(SOURCE_IMAGE, OTHER_REGION)).toHaveLength(1);
    expect(ec2?.calls()).toHaveLength(2);
  });

  it('asks both at the same time', async () => {
    const waiting: ((answer: DescribeImagesResult) => void)[] = [];
    ec2?.on(DescribeImagesCommand).callsFake(() => new Promise((resolve) => waiting.push(resolve)));

    const finding = catalogue.findCopies(SOURCE_IMAGE, OTHER_REGION);
    while (waiting.length < 2) await new Promise(setImmediate);
    for (const resolve of waiting) resolve({});

    expect(await finding).toEqual([]);
  });

  it('reads the devices that can have a snapshot, and the instance that it was made of', async () => {
    const BlockDeviceMappings = [
      { DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-1', Encrypted: true } },
      { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 22, Encrypted: false } },
      { Ebs: {} },
      { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
    ];
    ec2?.on(DescribeImagesCommand).resolves({
      Images: [{ ...pending, ImageId: 'ami-1', BlockDeviceMappings, SourceInstanceId: 'i-1' }],
    });

    expect(await catalogue.findCopies(SOURCE_IMAGE, REGION)).toMatchObject([
      {
        sourceInstanceId: 'i-1',
        devices: [
          { name: '/dev/xvda', snapshotId: 'snap-1', encrypted: true },
          { name: '/dev/sdf', encrypted: false },
          { name: '' },
        ],
      },
    ]);
  });

  it('takes an answer without images for one of none', async () => {
    ec2?.on(DescribeImagesCommand).resolves({});

    expect(await catalogue.findCopies(SOURCE_IMAGE, REGION)).toEqual([]);
  });

  it('takes what a tag lacks for empty', async () => {
    ec2?.on(DescribeImagesCommand).resolves({
      Images: [{ ...pending, ImageId: 'ami-1', Tags: [{ Key: 'Name' }, { Value: 'x' }] }],
    });

    expect(await catalogue.findCopies(SOURCE_IMAGE, REGION)).toMatchObject([
      {
        tags: [
          { key: 'Name', value: '' },
          { key: '', value: 'x' },
        ],
      },
    ]);
  });

  it.each(['ImageId', 'OwnerId', 'State'])('names %s where EC2 leaves it out', async (field) => {
    const copy = { ...pending, ImageId: 'ami-1', [field]: undefined };
    ec2?.on(DescribeImagesCommand).resolves({ Images: [copy] });

    await expect(catalogue.findCopies(SOURCE_IMAGE, REGION)).rejects.toThrow(`EC2 answered without ${field}`);
  });

  it('classes a throttle', async () => {
    ec2?.on(DescribeImagesCommand).rejects(ec2Error('RequestLimitExceeded'));

    await expect(catalogue.findCopies(SOURCE_IMAGE, REGION)).rejects.toMatchObject({ name: 'ThrottledError' });
  });
});

describe('findSnapshots', () => {
  it('reads the key that encrypts each snapshot', async () => {
    ec2?.on(DescribeSnapshotsCommand).resolves({
      Snapshots: [{ SnapshotId: 'snap-1', Encrypted: true, KmsKeyId: target.kmsKeyArn }, { SnapshotId: 'snap-2' }],
    });

    expect(await catalogue.findSnapshots(['snap-1', 'snap-2'])).toEqual([
      { snapshotId: 'snap-1', encrypted: true, kmsKeyArn: target.kmsKeyArn },
      { snapshotId: 'snap-2', encrypted: false },
    ]);
    expect(ec2?.commandCalls(DescribeSnapshotsCommand)[0]?.args[0].input).toEqual({
      OwnerIds: ['self'],
      Filters: [{ Name: 'snapshot-id', Values: ['snap-1', 'snap-2'] }],
      MaxResults: 1000,
    });
  });

  it('takes an answer without snapshots for one of none', async () => {
    ec2?.on(DescribeSnapshotsCommand).resolves({});

    expect(await catalogue.findSnapshots(['snap-1'])).toEqual([]);
  });

  it('classes what EC2 refuses', async () => {
    ec2?.on(DescribeSnapshotsCommand).rejects(ec2Error('UnauthorizedOperation'));

    await expect(catalogue.findSnapshots(['snap-1'])).rejects.toMatchObject({ name: 'UncertainError' });
  });
});

describe('startCopy', () => {
  const plan = {
    sourceImageId: SOURCE_IMAGE,
    sourceRegion: OTHER_REGION,
    name: 'name',
    description: 'description',
    kmsKeyArn: target.kmsKeyArn,
    tags: [{ key: 'Name', value: 'a' }],
    clientToken: 'token',
  };

  it('copies, encrypts and tags image and snapshots in one call, in its own Region', async () => {
    ec2?.on(CopyImageCommand).resolves({ ImageId: 'ami-3' });

    expect(await catalogue.startCopy(plan)).toBe('ami-3');
    const Tags = [{ Key: 'Name', Value: 'a' }];
    expect(ec2?.calls().map(({ args }) => args[0].input as unknown)).toEqual([
      {
        SourceImageId: SOURCE_IMAGE,
        SourceRegion: OTHER_REGION,
        Name: 'name',
        Description: 'description',
        Encrypted: true,
        KmsKeyId: target.kmsKeyArn,
        ClientToken: 'token',
        TagSpecifications: [
          { ResourceType: 'image', Tags },
          { ResourceType: 'snapshot', Tags },
        ],
      },
    ]);
  });

  it("leaves an image's shared tags out of the snapshots, which cannot have them", async () => {
    ec2?.on(CopyImageCommand).resolves({ ImageId: 'ami-3' });
    const shared = ['ec2:SharedTag/Name', 'EC2:sharedtag/b'].map((key) => ({ key, value: 'a' }));

    await catalogue.startCopy({ ...plan, tags: [...shared, ...plan.tags, { key: 'ec2:SharedTag', value: 'c' }] });

    const [call] = ec2?.commandCalls(CopyImageCommand) ?? [];
    const [ofImage, ofSnapshots] = call?.args[0].input.TagSpecifications ?? [];
    expect(ofImage?.Tags?.map(({ Key }) => Key)).toEqual([
      'ec2:SharedTag/Name',
      'EC2:sharedtag/b',
      'Name',
      'ec2:SharedTag',
    ]);
    expect(ofSnapshots?.Tags?.map(({ Key }) => Key)).toEqual(['Name', 'ec2:SharedTag']);
  });

  it('asks for a copy within a time', async () => {
    ec2?.on(CopyImageCommand).resolves({ ImageId: 'ami-3' });

    await catalogue.startCopy({ ...plan, withinMinutes: 45 });

    const [call] = ec2?.commandCalls(CopyImageCommand) ?? [];
    expect(call?.args[0].input.SnapshotCopyCompletionDurationMinutes).toBe(45);
  });

  it.each([
    ['ResourceLimitExceeded', 'whatever it says'],
    ['UnsupportedOperation', 'whatever it says'],
    ['SomethingNew', 'The cumulative snapshot copy throughput quota is reached.'],
    ['SomethingNew', 'The completion duration is too short.'],
  ])('tells %s (%s) of the time from what EC2 says of the copy', async (code, message) => {
    ec2?.on(CopyImageCommand).rejects(Object.assign(ec2Error(code), { message, $metadata: { httpStatusCode: 400 } }));

    await expect(catalogue.startCopy({ ...plan, withinMinutes: 15 })).rejects.toMatchObject({
      name: 'PaceRefusedError',
      code,
      message: `${code}: ${message}`,
    });
    await expect(catalogue.startCopy(plan)).rejects.not.toMatchObject({ name: 'PaceRefusedError' });
  });

  it.each(['RequestLimitExceeded', 'UnauthorizedOperation'])('does not blame the time for %s', async (code) => {
    ec2?.on(CopyImageCommand).rejects(ec2Error(code));

    await expect(catalogue.startCopy({ ...plan, withinMinutes: 15 })).rejects.not.toMatchObject({
      name: 'PaceRefusedError',
    });
  });

  it('names the image id where EC2 leaves it out', async () => {
    ec2?.on(CopyImageCommand).resolves({});

    await expect(catalogue.startCopy(plan)).rejects.toThrow('EC2 answered without ImageId');
  });

  it('classes what EC2 refuses', async () => {
    ec2?.on(CopyImageCommand).rejects(ec2Error('TagLimitExceeded'));

    await expect(catalogue.startCopy(plan)).rejects.toMatchObject({ name: 'RejectedError', code: 'TagLimitExceeded' });
  });
});

describe('stateOf', () => {
  const input = { ImageIds: ['ami-1'], IncludeDisabled: true };

  it('tells the state of an image that is listed', async () => {
    ec2?.on(DescribeImagesCommand, input).resolves({ Images: [{ State: 'pending' }] });

    expect(await catalogue.stateOf('ami-1')).toBe('pending');
  });

  it('takes an image for deregistered of which EC2 answers nothing', async () => {
    ec2?.on(DescribeImagesCommand, input).resolves({ Images: [] });

    expect(await catalogue.stateOf('ami-1')).toBe('deregistered');
  });

  it('does not know an image that EC2 does not know', async () => {
    ec2?.on(DescribeImagesCommand, input).rejects(ec2Error('InvalidAMIID.NotFound'));

    expect(await catalogue.stateOf('ami-1')).toBeUndefined();
  });

  it('classes what EC2 refuses', async () => {
    ec2?.on(DescribeImagesCommand).rejects(ec2Error('UnauthorizedOperation'));

    await expect(catalogue.stateOf('ami-1')).rejects.toMatchObject({ name: 'UncertainError' });
  });
});
