import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  EC2Client,
  EC2ServiceException,
  EnableImageDeprecationCommand,
  GetEbsEncryptionByDefaultCommand,
  type Image,
  type SnapshotReturnCodes,
} from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { Ec2CopyInventory } from '../../src/adapters/ec2-copy-inventory.ts';
import { settledPatterns } from '../../src/core/copy-marker.ts';
import {
  ACCOUNT,
  answerPages,
  BAKED_AT,
  COPIER,
  COPY,
  copyMarker,
  copyTags,
  ownCopy,
  REGION,
  requestJson,
  SNAPSHOTS,
  SOURCE_IMAGE,
  target,
} from '../factories.ts';

const client = new EC2Client({ region: REGION });
const ec2 = mockClient(client);
const inventory = new Ec2CopyInventory(client, { copier: COPIER, account: ACCOUNT });
const Tags = copyTags().map(({ key, value }) => ({ Key: key, Value: value }));
const MARKER = `image-copier attempt=1 baked=${BAKED_AT}`;

/** A copy as EC2 answers it. */
function image(changes: Partial<Image> = {}): Image {
  return {
    ImageId: COPY,
    OwnerId: ACCOUNT,
    State: 'available',
    Name: requestJson.name,
    Description: requestJson.description,
    CreationDate: ownCopy().createdAt,
    SourceImageId: SOURCE_IMAGE,
    SourceImageRegion: REGION,
    Tags,
    BlockDeviceMappings: SNAPSHOTS.map((SnapshotId) => ({ Ebs: { SnapshotId } })),
    ...changes,
  };
}

const SOME_DAY = '2028-11-23T22:10:00.000Z';

function ec2Error(name: string): EC2ServiceException {
  return new EC2ServiceException({ name, message: '', $fault: 'client', $metadata: { httpStatusCode: 400 } });
}

const inputs = () => ec2.calls().map(({ args }) => args[0].input as unknown);

beforeEach(() => {
  ec2.reset();
});

describe('findById', () => {
  it("reads those of the images that are this copier's", async () => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [image()] });

    expect(await inventory.findById([COPY, 'ami-0ff'])).toEqual([ownCopy()]);
    expect(inputs()).toEqual([
      {
        Owners: ['self'],
        IncludeDisabled: true,
        Filters: [{ Name: 'image-id', Values: [COPY, 'ami-0ff'] }],
        MaxResults: 1000,
      },
    ]);
  });

  it('reads when a copy is deprecated', async () => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [image({ DeprecationTime: SOME_DAY })] });

    expect(await inventory.findById([COPY])).toEqual([ownCopy({ deprecatesAt: SOME_DAY })]);
  });

  it('asks for at most 200 at a time, and for none not at all', async () => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [] });
    await inventory.findById([]);
    expect(ec2.calls()).toHaveLength(0);

    const ids = Array.from({ length: 401 }, (_, index) => `ami-${index}`);
    await inventory.findById(ids);

    const values = ec2.commandCalls(DescribeImagesCommand).map(({ args }) => args[0].input.Filters?.[0]?.Values ?? []);
    expect(values.map(({ length }) => length)).toEqual([200, 200, 1]);
    expect(values.flat()).toEqual(ids);
  });

  it('reads what EC2 says of a failed copy, and of one that is not finished', async () => {
    const Images = [
      image({ State: 'failed', StateReason: { Code: 'Client.InternalError', Message: 'the key is disabled' } }),
      image({
        State: 'pending',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: {} }, { VirtualName: 'ephemeral0' }],
      }),
    ];
    delete Images[1]?.Description;
    ec2.on(DescribeImagesCommand).resolves({ Images });

    expect(await inventory.findById([COPY])).toEqual([
      ownCopy({ state: 'failed', stateReason: 'the key is disabled' }),
      ownCopy({ state: 'pending', snapshotIds: [], unencryptedBlanks: ['/dev/xvda'], description: '' }),
    ]);
  });

  it.each(['ImageId', 'OwnerId', 'State', 'Name', 'CreationDate'])(
    'names %s where EC2 leaves it out',
    async (field) => {
      ec2.on(DescribeImagesCommand).resolves({ Images: [image({ [field]: undefined })] });

      await expect(inventory.findById([COPY])).rejects.toThrow(`EC2 answered without ${field}`);
    },
  );

  it('tells empty volumes, which need no snapshot, from those that EC2 encrypts in any case', async () => {
    const BlockDeviceMappings = [
      ...SNAPSHOTS.map((SnapshotId) => ({ Ebs: { SnapshotId } })),
      { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 22 } },
      { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 22, Encrypted: false } },
      { DeviceName: '/dev/sdh', Ebs: { VolumeSize: 22, Encrypted: true } },
      { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
      { DeviceName: '/dev/sdc', NoDevice: '' },
    ];
    ec2.on(DescribeImagesCommand).resolves({ Images: [image({ BlockDeviceMappings })] });

    expect(await inventory.findById([COPY])).toEqual([ownCopy({ unencryptedBlanks: ['/dev/sdf', '/dev/sdg'] })]);
  });

  it('takes an answer without images for one of none', async () => {
    ec2.on(DescribeImagesCommand).resolves({});

    expect(await inventory.findById([COPY])).toEqual([]);
    expect(await inventory.findLaunchable([COPY])).toEqual([]);
  });

  it('reads the marker', async () => {
    const announced = `image-copier announced=2026-11-24T00:00:00.000Z attempt=2 baked=${BAKED_AT}`;
    ec2.on(DescribeImagesCommand).resolves({ Images: [image({ Tags: [{ Key: 'ImageCopier', Value: announced }] })] });

    const [copy] = await inventory.findById([COPY]);
    expect(copy?.marker).toEqual(
      copyMarker({ attempt: 2, announcement: { state: 'announced', settledAt: '2026-11-24T00:00:00.000Z' } }),
    );
  });

  it.each<[string, Partial<Image>]>([
    ['without tags', { Tags: [] }],
    ['without a marker', { Tags: [{ Key: 'CopiedFromAMI', Value: SOURCE_IMAGE }] }],
    ['of another copier', { Tags: [{ Key: 'ImageCopier', Value: MARKER.replace('image-copier', 'golden') }] }],
    ['with a marker that somebody changed', { Tags: [{ Key: 'ImageCopier', Value: 'image-copier' }] }],
    ['with a tag of a similar name', { Tags: [{ Key: 'imagecopier', Value: MARKER }] }],
  ])('leaves out an image %s', async (_what, changes) => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [image(changes)] });

    expect(await inventory.findById([COPY])).toEqual([]);
  });

  it.each(['SourceImageId', 'SourceImageRegion'])('leaves out an image that is no copy: no %s', async (field) => {
    const registered = Object.fromEntries(Object.entries(image()).filter(([name]) => name !== field));
    ec2.on(DescribeImagesCommand).resolves({ Images: [registered] });

    expect(await inventory.findById([COPY])).toEqual([]);
  });
});

describe('findOpen', () => {
  it("reads all pages of this copier's images that are not announced or not approved, in any state", async () => {
    const inputs = answerPages(
      ec2.on(DescribeImagesCommand),
      { Images: [image()], NextToken: 'more' },
      { Images: [image({ ImageId: 'ami-2', State: 'pending' }), image({ Tags: [] })] },
    );

    expect(await inventory.findOpen()).toEqual([ownCopy(), ownCopy({ imageId: 'ami-2', state: 'pending' })]);
    const page = {
      Owners: ['self'],
      IncludeDisabled: true,
      Filters: [
        {
          Name: 'tag:ImageCopier',
          Values: ['image-copier attempt=*', 'image-copier announcing=*', 'image-copier announced=* unapproved'],
        },
      ],
      MaxResults: 1000,
    };
    expect(inputs).toEqual([page, { ...page, NextToken: 'more' }]);
  });
});

describe('findSettled', () => {
  it('reads the available copies of recipes whose end is decided', async () => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [image()] });

    expect(await inventory.findSettled('Recipe', ['ubuntu', 'windows'], '2026-11-23T22:10:59.000Z')).toEqual([
      ownCopy(),
    ]);
    expect(inputs()).toEqual([
      {
        Owners: ['self'],
        IncludeDisabled: true,
        Filters: [
          { Name: 'tag:ImageCopier', Values: settledPatterns(COPIER, '2026-11-23T22:10:59.000Z') },
          { Name: 'tag:Recipe', Values: ['ubuntu', 'windows'] },
          { Name: 'state', Values: ['available'] },
        ],
        MaxResults: 1000,
      },
    ]);
  });
});

describe('snapshotsOf', () => {
  it('reads the key that encrypts each snapshot, and its tags', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({
      Snapshots: [
        { SnapshotId: 'snap-1', Encrypted: true, KmsKeyId: target.kmsKeyArn, Tags },
        { SnapshotId: 'snap-2', Encrypted: false },
        { SnapshotId: 'snap-3' },
      ],
    });

    expect(await inventory.snapshotsOf(['snap-1', 'snap-2', 'snap-3'])).toStrictEqual([
      { snapshotId: 'snap-1', encrypted: true, kmsKeyArn: target.kmsKeyArn, tags: copyTags() },
      { snapshotId: 'snap-2', encrypted: false, tags: [] },
      { snapshotId: 'snap-3', encrypted: false, tags: [] },
    ]);
    const Filters = [{ Name: 'snapshot-id', Values: ['snap-1', 'snap-2', 'snap-3'] }];
    expect(inputs()).toEqual([{ OwnerIds: ['self'], Filters, MaxResults: 1000 }]);
  });

  it('takes an answer without snapshots for one of none', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({});

    expect(await inventory.snapshotsOf(['snap-1'])).toEqual([]);
  });

  it('names the id where EC2 leaves it out', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ Encrypted: true }] });

    await expect(inventory.snapshotsOf(['snap-1'])).rejects.toThrow('EC2 answered without SnapshotId');
  });

  it('asks for nothing where there is nothing to ask for: EC2 would answer all snapshots', async () => {
    expect(await inventory.snapshotsOf([])).toEqual([]);
    expect(ec2.calls()).toHaveLength(0);
  });
});

describe('encryptsByDefault', () => {
  it.each([true, false])('says %s as EC2 does', async (EbsEncryptionByDefault) => {
    ec2.on(GetEbsEncryptionByDefaultCommand).resolves({ EbsEncryptionByDefault });

    expect(await inventory.encryptsByDefault()).toBe(EbsEncryptionByDefault);
  });
});

describe('tagging', () => {
  it('sets tags on snapshots in one call', async () => {
    await inventory.tagSnapshots(SNAPSHOTS, [{ key: 'Recipe', value: 'ubuntu' }]);

    expect(inputs()).toEqual([{ Resources: SNAPSHOTS, Tags: [{ Key: 'Recipe', Value: 'ubuntu' }] }]);
    expect(ec2.commandCalls(CreateTagsCommand)).toHaveLength(1);
  });

  it('marks an image', async () => {
    await inventory.mark(COPY, copyMarker({ announcement: { state: 'announcing', settledAt: BAKED_AT } }));

    const value = `image-copier announcing=${BAKED_AT} attempt=1 baked=${BAKED_AT}`;
    expect(inputs()).toEqual([{ Resources: [COPY], Tags: [{ Key: 'ImageCopier', Value: value }] }]);
  });
});

describe('disable', () => {
  it('disables an image', async () => {
    ec2.on(DisableImageCommand).resolves({ Return: true });
    await inventory.disable(COPY);

    expect(ec2.commandCalls(DisableImageCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ ImageId: COPY }]);
  });
});

describe('remove', () => {
  const answer = (...codes: SnapshotReturnCodes[]) => {
    ec2.on(DeregisterImageCommand).resolves({
      DeleteSnapshotResults: codes.map((ReturnCode, index) => ({ SnapshotId: `snap-${index}`, ReturnCode })),
    });
  };
  const deleted = () => ec2.commandCalls(DeleteSnapshotCommand).map(({ args }) => args[0].input);

  it('deregisters the image with its snapshots', async () => {
    answer('success');
    await inventory.remove(COPY);

    expect(inputs()).toEqual([{ ImageId: COPY, DeleteAssociatedSnapshots: true }]);
  });

  it('leaves snapshots that another image uses', async () => {
    answer('skipped', 'success');
    await inventory.remove(COPY);

    expect(deleted()).toEqual([]);
  });

  it.each<SnapshotReturnCodes>(['missing-permissions', 'internal-error', 'client-error'])(
    'deletes a snapshot by itself where EC2 answers %s for it',
    async (code) => {
      answer('success', code);
      await inventory.remove(COPY);

      expect(deleted()).toEqual([{ SnapshotId: 'snap-1' }]);
    },
  );

  it.each(['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'])('takes %s for done', async (code) => {
    ec2.on(DeregisterImageCommand).rejects(ec2Error(code));

    expect(await inventory.remove(COPY)).toEqual([]);
    expect(deleted()).toEqual([]);
  });

  it('says what else EC2 refuses', async () => {
    ec2.on(DeregisterImageCommand).rejects(ec2Error('UnauthorizedOperation'));
    await expect(inventory.remove(COPY)).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });

  it('names the id of a snapshot where EC2 leaves it out', async () => {
    ec2.on(DeregisterImageCommand).resolves({ DeleteSnapshotResults: [{ ReturnCode: 'client-error' }] });

    await expect(inventory.remove(COPY)).rejects.toThrow('EC2 answered without SnapshotId');
  });

  it('says which snapshots stay', async () => {
    answer('client-error', 'missing-permissions', 'success');
    ec2.on(DeleteSnapshotCommand, { SnapshotId: 'snap-1' }).rejects(ec2Error('UnauthorizedOperation'));

    expect(await inventory.remove(COPY)).toEqual(['snap-1']);
  });
});

describe('removeFailedSnapshots', () => {
  const found = (...ids: string[]) => ({ Snapshots: ids.map((SnapshotId) => ({ SnapshotId })) });

  it("deletes all of this copier's snapshots that failed", async () => {
    const inputs = answerPages(
      ec2.on(DescribeSnapshotsCommand),
      { ...found('snap-1', 'snap-2'), NextToken: 'more' },
      found('snap-3'),
    );

    expect(await inventory.removeFailedSnapshots()).toEqual(['snap-1', 'snap-2', 'snap-3']);
    const page = {
      OwnerIds: ['self'],
      Filters: [
        { Name: 'tag:ImageCopier', Values: ['image-copier *'] },
        { Name: 'status', Values: ['error'] },
      ],
      MaxResults: 1000,
    };
    expect(inputs).toEqual([page, { ...page, NextToken: 'more' }]);
  });

  it('takes an answer without snapshots for one of none', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({});

    expect(await inventory.removeFailedSnapshots()).toEqual([]);
  });

  it('names the id where EC2 leaves it out', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{}] });

    await expect(inventory.removeFailedSnapshots()).rejects.toThrow('EC2 answered without SnapshotId');
  });

  it.each(['InvalidSnapshot.InUse', 'InvalidSnapshot.NotFound'])('passes over a snapshot with %s', async (code) => {
    ec2.on(DescribeSnapshotsCommand).resolves(found('snap-1', 'snap-2'));
    ec2.on(DeleteSnapshotCommand, { SnapshotId: 'snap-1' }).rejects(ec2Error(code));

    expect(await inventory.removeFailedSnapshots()).toEqual(['snap-2']);
  });

  it('says what else EC2 refuses', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves(found('snap-1'));
    ec2.on(DeleteSnapshotCommand).rejects(ec2Error('UnauthorizedOperation'));

    await expect(inventory.removeFailedSnapshots()).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

describe('findLaunchable', () => {
  it('names the id where EC2 leaves it out', async () => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [{ State: 'available' }] });

    await expect(inventory.findLaunchable(['ami-1'])).rejects.toThrow('EC2 answered without ImageId');
  });

  it('names the available ones, whoever made them', async () => {
    ec2.on(DescribeImagesCommand).resolves({
      Images: [
        { ImageId: 'ami-1', OwnerId: '222222222222', State: 'available' },
        { ImageId: 'ami-2', OwnerId: '222222222222', State: 'disabled' },
      ],
    });

    const found = await inventory.findLaunchable(['ami-1', 'ami-2', 'ami-3']);
    expect(found.map(({ imageId }) => imageId)).toEqual(['ami-1']);
    expect(inputs()).toEqual([
      {
        Owners: ['self'],
        IncludeDisabled: true,
        Filters: [{ Name: 'image-id', Values: ['ami-1', 'ami-2', 'ami-3'] }],
        MaxResults: 1000,
      },
    ]);
  });
});

describe('listCopies', () => {
  it('lists whatever is tagged as a copy, in any state', async () => {
    ec2.on(DescribeImagesCommand).resolves({
      Images: [{ ImageId: 'ami-1', OwnerId: '222222222222', State: 'disabled', Tags: [] }],
    });

    expect(await inventory.listCopies()).toEqual([
      { imageId: 'ami-1', ownerId: '222222222222', state: 'disabled', tags: [], devices: [] },
    ]);
    expect(inputs()).toEqual([
      {
        Owners: ['self'],
        IncludeDisabled: true,
        Filters: [{ Name: 'tag-key', Values: ['ImageCopier', 'CopiedFromAMI'] }],
        MaxResults: 1000,
      },
    ]);
  });
});

describe('snapshotsOf', () => {
  it('asks for as many at once as EC2 takes', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ SnapshotId: 'snap-1' }] });
    const ids = Array.from({ length: 201 }, (_, index) => `snap-${index}`);

    expect(await inventory.snapshotsOf(ids)).toHaveLength(2);
    expect(inputs()).toMatchObject([
      { Filters: [{ Name: 'snapshot-id', Values: ids.slice(0, 200) }] },
      { Filters: [{ Name: 'snapshot-id', Values: ['snap-200'] }] },
    ]);
  });
});

describe('deprecate', () => {
  it('has the image deprecated from then on', async () => {
    ec2.on(EnableImageDeprecationCommand).resolves({ Return: true });
    await inventory.deprecate(COPY, SOME_DAY);

    expect(inputs()).toEqual([{ ImageId: COPY, DeprecateAt: new Date(SOME_DAY) }]);
  });

  it.each([
    ['RequestLimitExceeded', 'ThrottledError'],
    ['UnauthorizedOperation', 'UncertainError'],
    ['InvalidParameterValue', 'RejectedError'],
  ])('takes %s for a %s', async (code, name) => {
    ec2.on(EnableImageDeprecationCommand).rejects(ec2Error(code));

    await expect(inventory.deprecate(COPY, SOME_DAY)).rejects.toMatchObject({ name, code });
  });
});
