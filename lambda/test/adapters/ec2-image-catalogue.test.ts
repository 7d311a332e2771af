import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CopyImageCommand,
  DescribeImagesCommand,
  EC2Client,
  EC2ServiceException,
  type DescribeImagesResult,
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

describe('findSource', () => {
  it('asks the Region of the image for its owner and state, deprecated or not', async () => {
    otherEc2?.on(DescribeImagesCommand).resolves({
      Images: [{ OwnerId: SOURCE_ACCOUNT, State: 'available', CreationDate: BAKED_AT }],
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

  it('takes an image that is not there for not visible', async () => {
    ec2?.on(DescribeImagesCommand).resolvesOnce({ Images: [] }).rejectsOnce(ec2Error('InvalidAMIID.NotFound'));

    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toBeUndefined();
    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toBeUndefined();
  });

  it('takes an answer without images for one of none', async () => {
    ec2?.on(DescribeImagesCommand).resolves({});

    expect(await catalogue.findSource(SOURCE_IMAGE, REGION)).toBeUndefined();
  });

  it.each(['OwnerId', 'State', 'CreationDate'])('names %s where EC2 leaves it out', async (field) => {
    const source = { OwnerId: SOURCE_ACCOUNT, State: 'available', CreationDate: BAKED_AT, [field]: undefined };
    ec2?.on(DescribeImagesCommand).resolves({ Images: [source as Image] });

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

describe('findCopies', () => {
  it("reads all pages of this account's images that were copied from the source", async () => {
    const image = { OwnerId: ACCOUNT, State: 'pending' } as const;
    const pages: DescribeImagesResult[] = [
      { Images: [{ ...image, ImageId: 'ami-1', Tags: [{ Key: 'Name', Value: 'a' }] }], NextToken: 'more' },
      { Images: [{ ...image, ImageId: 'ami-2' }] },
    ];
    ec2
      ?.on(DescribeImagesCommand)
      .resolvesOnce(pages[0] ?? {})
      .resolvesOnce(pages[1] ?? {});

    expect(await catalogue.findCopies(SOURCE_IMAGE, OTHER_REGION)).toEqual([
      { imageId: 'ami-1', state: 'pending', tags: [{ key: 'Name', value: 'a' }], encrypted: true },
      { imageId: 'ami-2', state: 'pending', tags: [], encrypted: true },
    ]);
    expect(ec2?.commandCalls(DescribeImagesCommand)[0]?.args[0].input).toMatchObject({
      Owners: ['self'],
      IncludeDisabled: true,
      Filters: [
        { Name: 'source-image-id', Values: [SOURCE_IMAGE] },
        { Name: 'source-image-region', Values: [OTHER_REGION] },
      ],
    });
  });

  it.each([
    [true, [{ Ebs: { Encrypted: true } }, { VirtualName: 'ephemeral0' }]],
    [false, [{ Ebs: { Encrypted: true } }, { Ebs: { Encrypted: false } }]],
  ])('says %s to encrypted by the devices', async (encrypted, BlockDeviceMappings) => {
    ec2?.on(DescribeImagesCommand).resolves({
      Images: [{ ImageId: 'ami-1', State: 'available', BlockDeviceMappings }],
    });

    expect(await catalogue.findCopies(SOURCE_IMAGE, REGION)).toMatchObject([{ encrypted }]);
  });

  it('takes an answer without images for one of none', async () => {
    ec2?.on(DescribeImagesCommand).resolves({});

    expect(await catalogue.findCopies(SOURCE_IMAGE, REGION)).toEqual([]);
  });

  it('takes what a tag lacks for empty', async () => {
    ec2?.on(DescribeImagesCommand).resolves({
      Images: [{ ImageId: 'ami-1', State: 'available', Tags: [{ Key: 'Name' }, { Value: 'x' }] }],
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

  it.each(['ImageId', 'State'])('names %s where EC2 leaves it out', async (field) => {
    const copy = { ImageId: 'ami-1', State: 'available', [field]: undefined };
    ec2?.on(DescribeImagesCommand).resolves({ Images: [copy as Image] });

    await expect(catalogue.findCopies(SOURCE_IMAGE, REGION)).rejects.toThrow(`EC2 answered without ${field}`);
  });

  it('classes a throttle', async () => {
    ec2?.on(DescribeImagesCommand).rejects(ec2Error('RequestLimitExceeded'));

    await expect(catalogue.findCopies(SOURCE_IMAGE, REGION)).rejects.toMatchObject({ name: 'ThrottledError' });
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
