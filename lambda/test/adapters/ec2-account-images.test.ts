import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  EC2Client,
  EC2ServiceException,
  EnableImageCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { Ec2AccountImages } from '../../src/adapters/ec2-account-images.ts';
import {
  ACCOUNT,
  answerPages,
  BAKED_AT,
  COPIER,
  COPY,
  copyMarker,
  REGION,
  SNAPSHOTS,
  SOURCE_IMAGE,
  target,
} from '../factories.ts';

const client = new EC2Client({ region: REGION });
const ec2 = mockClient(client);
const account = new Ec2AccountImages(client, COPIER);

/** An image as EC2 answers it. */
function image(changes: Partial<Image> = {}): Image {
  return {
    ImageId: COPY,
    OwnerId: ACCOUNT,
    State: 'available',
    Name: 'ubuntu_12',
    CreationDate: BAKED_AT,
    SourceImageId: SOURCE_IMAGE,
    SourceImageRegion: REGION,
    Tags: [{ Key: 'Recipe', Value: 'ubuntu' }],
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-1', Encrypted: true } }],
    ...changes,
  };
}

/** The same image as the core knows it. */
const known = {
  imageId: COPY,
  ownerId: ACCOUNT,
  state: 'available',
  name: 'ubuntu_12',
  createdAt: BAKED_AT,
  source: { imageId: SOURCE_IMAGE, region: REGION },
  tags: [{ key: 'Recipe', value: 'ubuntu' }],
  devices: [{ name: '/dev/xvda', snapshotId: 'snap-1', encrypted: true }],
  isProtected: false,
};

function ec2Error(name: string): EC2ServiceException {
  return new EC2ServiceException({ name, message: name, $fault: 'client', $metadata: { httpStatusCode: 400 } });
}

const inputs = () => ec2.calls().map(({ args }) => args[0].input as unknown);

beforeEach(() => {
  ec2.reset();
  ec2.onAnyCommand().resolves({});
});

describe('list', () => {
  it('reads all images of the account, disabled and deprecated ones too', async () => {
    const pages = answerPages(
      ec2.on(DescribeImagesCommand),
      { Images: [image()], NextToken: 'more' },
      { NextToken: 'most' },
      { Images: [image({ ImageId: 'ami-2', State: 'disabled' })] },
    );

    expect(await account.list()).toStrictEqual([known, { ...known, imageId: 'ami-2', state: 'disabled' }]);
    const page = { Owners: ['self'], IncludeDisabled: true, IncludeDeprecated: true, MaxResults: 1000 };
    expect(pages).toEqual([page, { ...page, NextToken: 'more' }, { ...page, NextToken: 'most' }]);
  });

  it.each([
    ['disabled', false],
    [undefined, false],
    ['enabled', true],
    ['enabled-with-cooldown', true],
  ])('takes an image whose protection is %s for protected: %s', async (protection, isProtected) => {
    ec2.on(DescribeImagesCommand).resolves({
      Images: [image(protection === undefined ? {} : { DeregistrationProtection: protection })],
    });

    expect(await account.list()).toStrictEqual([{ ...known, isProtected }]);
  });

  it('reads when an image was launched the last time, and does without a name', async () => {
    const nameless = image({ LastLaunchedTime: '2026-11-23T00:00:00Z' });
    delete nameless.Name;
    ec2.on(DescribeImagesCommand).resolves({ Images: [nameless] });

    expect(await account.list()).toStrictEqual([{ ...known, name: '', lastLaunchedAt: '2026-11-23T00:00:00Z' }]);
  });

  it.each(['ImageId', 'OwnerId', 'State', 'CreationDate'])('names %s where EC2 leaves it out', async (field) => {
    ec2.on(DescribeImagesCommand).resolves({ Images: [image({ [field]: undefined })] });

    await expect(account.list()).rejects.toThrow(`EC2 answered without ${field}`);
  });
});

describe('snapshots', () => {
  it('are asked for by a filter, at most 200 at a time, and read page by page', async () => {
    const ids = Array.from({ length: 201 }, (_, index) => `snap-${index}`);
    const Tags = [{ Key: 'ImageCopier', Value: 'image-copier' }];
    const pages = answerPages(
      ec2.on(DescribeSnapshotsCommand),
      { Snapshots: [{ SnapshotId: 'snap-1', Encrypted: true, KmsKeyId: target.kmsKeyArn, Tags }], NextToken: 'more' },
      { Snapshots: [{ SnapshotId: 'snap-2' }] },
      {},
    );

    expect(await account.snapshotsOf(ids)).toStrictEqual([
      {
        snapshotId: 'snap-1',
        encrypted: true,
        kmsKeyArn: target.kmsKeyArn,
        tags: [{ key: 'ImageCopier', value: 'image-copier' }],
      },
      { snapshotId: 'snap-2', encrypted: false, tags: [] },
    ]);
    const page = (Values: string[]) => ({
      OwnerIds: ['self'],
      Filters: [{ Name: 'snapshot-id', Values }],
      MaxResults: 1000,
    });
    expect(pages).toEqual([
      page(ids.slice(0, 200)),
      { ...page(ids.slice(0, 200)), NextToken: 'more' },
      page(ids.slice(200)),
    ]);
  });

  it('are none of no image: EC2 would answer all of them', async () => {
    expect(await account.snapshotsOf([])).toEqual([]);
    expect(ec2.calls()).toEqual([]);
  });

  it('are found by the mark of a retired image', async () => {
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ SnapshotId: 'snap-1' }, { SnapshotId: 'snap-2' }] });

    expect(await account.retiredSnapshots()).toEqual(['snap-1', 'snap-2']);
    const Filters = [{ Name: 'tag:ImageCopier', Values: ['image-copier retired=*'] }];
    expect(inputs()).toEqual([{ OwnerIds: ['self'], Filters, MaxResults: 1000 }]);
  });

  it.each([
    [undefined, true],
    ['InvalidSnapshot.NotFound', true],
    ['InvalidSnapshot.InUse', false],
  ])('are gone after %s: %s', async (code, isGone) => {
    if (code) ec2.on(DeleteSnapshotCommand).rejects(ec2Error(code));

    expect(await account.deleteSnapshot('snap-1')).toBe(isGone);
    expect(inputs()).toEqual([{ SnapshotId: 'snap-1' }]);
  });

  it('are not gone where EC2 refuses', async () => {
    ec2.on(DeleteSnapshotCommand).rejects(ec2Error('UnauthorizedOperation'));

    await expect(account.deleteSnapshot('snap-1')).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

describe('mark', () => {
  it('writes the marker of a copy and of its snapshots in one call', async () => {
    const end = { state: 'retired', at: BAKED_AT, quarantineDays: 7 } as const;
    await account.mark(COPY, SNAPSHOTS, copyMarker({ end }));

    const Value = `image-copier retired=${BAKED_AT} attempt=1 baked=${BAKED_AT} quarantine=7`;
    expect(ec2.commandCalls(CreateTagsCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ Resources: [COPY, ...SNAPSHOTS], Tags: [{ Key: 'ImageCopier', Value }] }]);
  });
});

describe('markForeign', () => {
  const mark = { state: 'revoked', at: BAKED_AT, source: SOURCE_IMAGE } as const;

  it('writes the mark of an image that is no copy', async () => {
    expect(await account.markForeign(COPY, mark)).toBe(true);

    const Value = `image-copier revoked=${BAKED_AT} source=${SOURCE_IMAGE}`;
    expect(ec2.commandCalls(CreateTagsCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ Resources: [COPY], Tags: [{ Key: 'ImageCopierEnd', Value }] }]);
  });

  it('takes the mark away, whatever it says', async () => {
    expect(await account.markForeign(COPY, undefined)).toBe(true);

    expect(ec2.commandCalls(DeleteTagsCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ Resources: [COPY], Tags: [{ Key: 'ImageCopierEnd' }] }]);
  });

  it('says that there is no room for it', async () => {
    ec2.on(CreateTagsCommand).rejects(ec2Error('TagLimitExceeded'));

    expect(await account.markForeign(COPY, mark)).toBe(false);
  });

  it('says what else EC2 refuses', async () => {
    ec2.on(CreateTagsCommand).rejects(ec2Error('UnauthorizedOperation'));

    await expect(account.markForeign(COPY, mark)).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

describe('disable and enable', () => {
  it('takes an image for disabled that somebody else has disabled meanwhile, and no other', async () => {
    ec2.on(DisableImageCommand).rejects(ec2Error('InvalidAMIID.Unavailable'));

    ec2.on(DescribeImagesCommand).resolves({ Images: [image({ State: 'disabled' })] });
    await account.disable(COPY);
    expect(inputs().at(-1)).toEqual({ ImageIds: [COPY], IncludeDisabled: true });

    ec2.on(DescribeImagesCommand).resolves({ Images: [image({ State: 'pending' })] });
    await expect(account.disable(COPY)).rejects.toThrow('InvalidAMIID.Unavailable');

    ec2.on(DisableImageCommand).rejects(ec2Error('UnauthorizedOperation'));
    await expect(account.disable(COPY)).rejects.toThrow('UnauthorizedOperation');
  });

  it('change an image', async () => {
    await account.disable(COPY);
    await account.enable(COPY);

    expect(ec2.commandCalls(DisableImageCommand)).toHaveLength(1);
    expect(ec2.commandCalls(EnableImageCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ ImageId: COPY }, { ImageId: COPY }]);
  });
});

describe('deregister', () => {
  it('says what became of each snapshot', async () => {
    ec2.on(DeregisterImageCommand).resolves({
      DeleteSnapshotResults: [
        { SnapshotId: 'snap-1', ReturnCode: 'success' },
        { SnapshotId: 'snap-2', ReturnCode: 'missing-permissions' },
      ],
    });

    expect(await account.deregister(COPY)).toEqual([
      { snapshotId: 'snap-1', code: 'success' },
      { snapshotId: 'snap-2', code: 'missing-permissions' },
    ]);
    expect(inputs()).toEqual([{ ImageId: COPY, DeleteAssociatedSnapshots: true }]);
  });

  it('takes an answer without snapshots for one of none', async () => {
    expect(await account.deregister(COPY)).toEqual([]);
  });

  it.each(['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'])('takes %s for done', async (code) => {
    ec2.on(DeregisterImageCommand).rejects(ec2Error(code));

    expect(await account.deregister(COPY)).toEqual([]);
  });

  it('says what else EC2 refuses', async () => {
    ec2.on(DeregisterImageCommand).rejects(ec2Error('OperationNotPermitted'));

    await expect(account.deregister(COPY)).rejects.toMatchObject({ name: 'OperationNotPermitted' });
  });

  it.each(['SnapshotId', 'ReturnCode'])('names %s where EC2 leaves it out', async (field) => {
    const result = { SnapshotId: 'snap-1', ReturnCode: 'success' as const, [field]: undefined };
    ec2.on(DeregisterImageCommand).resolves({ DeleteSnapshotResults: [result] });

    await expect(account.deregister(COPY)).rejects.toThrow(`EC2 answered without ${field}`);
  });
});
