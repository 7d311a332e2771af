import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CopyImageCommand,
  CreateImageCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  RegisterImageCommand,
  RunInstancesCommand,
  waitUntilImageAvailable,
  type CopyImageRequest,
  type Image,
  type Tag,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { emulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { expectedTags, tagsOf } from '../../scripts/dev/inspect-copy.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { ownImages, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { bakeWithBlankVolume, BLANK_DEVICE } from './support/blank-volume.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { ResultsInbox } from './support/results-inbox.ts';
import { imageStateWakeUp, sweepWakeUp, TargetAccount } from './support/target-account.ts';

const source = emulatedAccount(endpoint(), newAccountId(), REGION);
let target: TargetAccount;
let results: ResultsInbox;
let copying: HandlerProcess;
let settling: HandlerProcess;
let bakes = 0;

beforeAll(async () => {
  target = await TargetAccount.create(source.id);
  results = await ResultsInbox.open(target, source);
  copying = await target.startFunction();
  settling = await target.startSettling({ RESULTS_TOPIC_ARN: results.topicArn });
});

afterAll(async () => {
  await Promise.all([target.close(), results.close()]);
  await removeImages(source);
});

function recipeOf(recipe: string) {
  bakes += 1;
  const name = `amigo_${recipe}_${bakes}`;
  return { name, description: `AMI for ${recipe}`, tags: { BuiltBy: 'amigo', Name: name, Recipe: recipe } };
}

async function bake(recipe: string): Promise<BakedImage> {
  const image = await bakeImage(source.ec2, { ...recipeOf(recipe), volumeSizes: [8] });
  await share(source.ec2, image, [target.account.id]);
  return image;
}

const request = async (image: BakedImage) =>
  await target.deliver(copying, JSON.stringify(copyRequestFor(image, REGION, ['*'])));
const settle = async (...imageIds: readonly string[]) => {
  await settling.invoke(...imageIds.map((imageId) => imageStateWakeUp(imageId, 'available')), sweepWakeUp());
};
const lastRequest = () =>
  copying
    .logLines()
    .filter((line) => 'outcome' in line)
    .at(-1);
const markerOf = ({ Tags = [] }: Image) => Tags.find(({ Key }) => Key === 'ImageCopier')?.Value ?? '';
const isMarkedAnnounced = (image: Image) => markerOf(image).startsWith('image-copier announced=');
const linesOf = (imageId: string) => settling.logLines().filter((line) => line['copy'] === imageId);
const ownersTags = (image: Image): Tag[] => (image.Tags ?? []).map(({ Key, Value }) => ({ Key, Value }));

async function available(imageId: string | undefined): Promise<Image> {
  const { ec2 } = target.account;
  await waitUntilImageAvailable(
    { client: ec2, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { ImageIds: [imageId ?? ''] },
  );
  const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId ?? ''] }));
  if (!image) throw new Error(`no image ${imageId ?? ''}`);
  return image;
}

/** The images of the target account that the source was copied to directly. */
const copiesOf = async ({ imageId }: BakedImage) =>
  await ownImages(target.account, [{ Name: 'source-image-id', Values: [imageId] }]);

/** Asks for a copy, and gives the one that there is once it is available. */
async function copyOf(image: BakedImage): Promise<Image> {
  expect(await request(image)).toEqual({ outcome: 'done' });
  const [made] = await copiesOf(image);
  return await available(made?.ImageId);
}

async function settledCopyOf(image: BakedImage): Promise<Image> {
  const { ImageId = '' } = await copyOf(image);
  await settle(ImageId);
  return await available(ImageId);
}

/** What somebody of the account does by hand. */
async function copyByHand(
  from: Pick<CopyImageRequest, 'SourceImageId'>,
  more: Partial<CopyImageRequest>,
): Promise<Image> {
  const copy = new CopyImageCommand({ SourceRegion: REGION, Name: 'by hand', ...from, ...more });
  return await available((await target.account.ec2.send(copy)).ImageId);
}

async function foreignKey(): Promise<string> {
  const { KeyMetadata: { Arn = '' } = {} } = await target.account.kms.send(new CreateKeyCommand({}));
  return Arn;
}

async function parameter(recipe: string): Promise<string | undefined> {
  const { Parameter } = await target.account.ssm.send(new GetParameterCommand({ Name: `/image-copier/${recipe}` }));
  return Parameter?.Value;
}

const announcedOf = async (imageId: string) => {
  const { onTopic } = await results.all();
  return onTopic.filter(({ detail }) => detail.imageId === imageId).map(({ detail }) => detail);
};

describe('a copy with an empty volume', () => {
  it('is verified, announced, and done: a repeat makes no other', async () => {
    const image = await bakeWithBlankVolume(source, recipeOf('bottlerocket'), { sharedWith: target.account.id });
    const copy = await settledCopyOf(image);
    const imageId = copy.ImageId ?? '';

    const snapshots = await snapshotsOf(target.account, copy);
    expect(snapshots).toMatchObject([{ Encrypted: true, KmsKeyId: target.keyArn }]);
    expect(await announcedOf(imageId)).toMatchObject([
      {
        sourceAmi: image.imageId,
        reason: null,
        snapshotIds: snapshots.map(({ SnapshotId }) => SnapshotId),
        unencryptedDevices: [BLANK_DEVICE],
      },
    ]);
    expect(await parameter('bottlerocket')).toBe(imageId);
    expect(linesOf(imageId)).toMatchObject([{ outcome: 'settled', unencryptedDevices: [BLANK_DEVICE] }]);

    await settle();
    expect(linesOf(imageId)).toHaveLength(1);
    expect(await request(image)).toEqual({ outcome: 'done' });
    expect(lastRequest()).toMatchObject({ outcome: 'reused', copy: imageId });
    expect(await copiesOf(image)).toHaveLength(1);
  });

  it.each([
    ['the mapping says so', true],
    ['the account encrypts by default', undefined],
  ] as const)('names no device where %s', async (_what, encrypted) => {
    const sharedWith = target.account.id;
    const image = await bakeWithBlankVolume(source, recipeOf('bottlerocket'), {
      sharedWith,
      ...(encrypted && { encrypted }),
    });
    if (!encrypted) await target.account.ec2.send(new EnableEbsEncryptionByDefaultCommand({}));
    try {
      const { ImageId = '' } = await settledCopyOf(image);

      expect(await announcedOf(ImageId)).toMatchObject([{ reason: null, unencryptedDevices: [] }]);
    } finally {
      await target.account.ec2.send(new DisableEbsEncryptionByDefaultCommand({}));
    }
  });

  it('is not announced where nothing of it has a snapshot', async () => {
    const recipe = recipeOf('blank');
    const { ImageId: imageId = '' } = await source.ec2.send(
      new RegisterImageCommand({
        Name: recipe.name,
        BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { VolumeSize: 4, Encrypted: true } }],
      }),
    );
    const image: BakedImage = { ...recipe, imageId, snapshotIds: [] };
    await share(source.ec2, image, [target.account.id]);
    const { ImageId = '' } = await settledCopyOf(image);

    expect(linesOf(ImageId).at(-1)).toMatchObject({ outcome: 'unverified', reason: 'EC2 shows no snapshot of it.' });
    expect(await announcedOf(ImageId)).toEqual([]);
    await target.account.ec2.send(new DeregisterImageCommand({ ImageId }));
  });
});

describe('an image that only looks like a copy', () => {
  let image: BakedImage;
  let copy: Image;

  beforeAll(async () => {
    image = await bake('ubuntu');
    copy = await settledCopyOf(image);
  });

  /** Has the parameter looked at again, by an older image that is copied late. */
  async function expectNothingMoved(impostor: Image): Promise<void> {
    const imageId = impostor.ImageId ?? '';
    await settle(imageId);
    expect(linesOf(imageId)).toEqual([]);
    expect(await announcedOf(imageId)).toEqual([]);
    expect(await parameter('ubuntu')).toBe(copy.ImageId);
    expect(await available(imageId)).toEqual(impostor);
  }

  it.each(['our key', 'a foreign key'])(
    'is none of ours as a copy of our copy with its tags, under %s',
    async (key) => {
      const KmsKeyId = key === 'our key' ? target.keyArn : await foreignKey();
      const again = await copyByHand(
        { SourceImageId: copy.ImageId },
        { CopyImageTags: true, Encrypted: true, KmsKeyId },
      );
      expect(tagsOf(again)).toEqual(expectedTags(image));
      expect(markerOf(again)).toBe(markerOf(copy));

      await expectNothingMoved(again);
    },
  );

  it('is none of ours as a copy of our copy that it was made of before it was announced', async () => {
    const unsettled = await copyOf(await bake('ubuntu-2'));
    const again = await copyByHand(
      { SourceImageId: unsettled.ImageId },
      { CopyImageTags: true, Encrypted: true, KmsKeyId: target.keyArn },
    );
    expect(markerOf(again)).toMatch(/^image-copier attempt=1 /);
    await settle(unsettled.ImageId ?? '');

    await expectNothingMoved(again);
    expect(await parameter('ubuntu-2')).toBe(unsettled.ImageId);
  });

  it('is none of ours as an image of an instance of our copy that was given its tags', async () => {
    const { Instances: [instance] = [] } = await target.account.ec2.send(
      new RunInstancesCommand({ ImageId: copy.ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
    );
    const create = new CreateImageCommand({ InstanceId: instance?.InstanceId, Name: 'of an instance' });
    const { ImageId } = await target.account.ec2.send(create);
    await available(ImageId);
    await target.account.ec2.send(new CreateTagsCommand({ Resources: [ImageId ?? ''], Tags: ownersTags(copy) }));

    await expectNothingMoved(await available(ImageId));
  });

  it('does not count as the copy of its source, once ours is gone', async () => {
    const lost = await bake('ubuntu-3');
    const first = await settledCopyOf(lost);
    await copyByHand(
      { SourceImageId: first.ImageId },
      { CopyImageTags: true, Encrypted: true, KmsKeyId: target.keyArn },
    );
    await target.account.ec2.send(
      new DeregisterImageCommand({ ImageId: first.ImageId, DeleteAssociatedSnapshots: true }),
    );

    expect(await request(lost)).toEqual({ outcome: 'done' });
    expect(await copiesOf(lost)).toHaveLength(1);
  });

  it('is not what the parameter moves to where its marker was set by hand, under a foreign key', async () => {
    const older = await copyOf(await bake('forged'));
    const newer = await bake('forged');
    const KmsKeyId = await foreignKey();
    const forged = await copyByHand({ SourceImageId: newer.imageId }, { Encrypted: true, KmsKeyId });
    const marker = markerOf(older).replace(
      / attempt=1 baked=\S+/,
      ` announced=2026-11-24T00:00:00.000Z attempt=1 baked=${new Date(Date.now() + 60_000).toISOString()}`,
    );
    const Tags = Object.entries({ ...expectedTags(newer), ImageCopier: marker }).map(([Key, Value]) => ({
      Key,
      Value,
    }));
    await target.account.ec2.send(new CreateTagsCommand({ Resources: [forged.ImageId ?? ''], Tags }));

    await settle(older.ImageId ?? '');
    expect(await parameter('forged')).toBe(older.ImageId);

    expect(await request(newer)).toEqual({ outcome: 'done' });
    expect(await copiesOf(newer)).toHaveLength(2);
  });
});

describe('a copy of ours', () => {
  it.each([['CopiedFromAMI'], ['Encrypted'], ['Name']])(
    'stays ours where its owner has removed the tag %s',
    async (Key) => {
      const image = await bake('edited');
      const { ImageId = '' } = await copyOf(image);
      await target.account.ec2.send(new DeleteTagsCommand({ Resources: [ImageId], Tags: [{ Key }] }));

      await settle(ImageId);

      expect(isMarkedAnnounced(await available(ImageId))).toBe(true);
      expect(await request(image)).toEqual({ outcome: 'done' });
      expect(await copiesOf(image)).toHaveLength(1);
    },
  );
});

describe('a copy of which EC2 notes no source', () => {
  /** What an older AMI of the account looks like: EC2 shows snapshots and tags, and no source. */
  async function olderAmi({ imageId, name }: BakedImage, Encrypted: boolean): Promise<Image> {
    const copied = await copyByHand(
      { SourceImageId: imageId },
      Encrypted ? { Encrypted, KmsKeyId: target.keyArn } : {},
    );
    const [snapshot] = await snapshotsOf(target.account, copied);
    const { ImageId } = await target.account.ec2.send(
      new RegisterImageCommand({
        Name: `${name} of before`,
        BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId: snapshot?.SnapshotId } }],
        TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'CopiedFromAMI', Value: imageId }] }],
      }),
    );
    await target.account.ec2.send(new DeregisterImageCommand({ ImageId: copied.ImageId }));
    return await available(ImageId);
  }

  it('counts as that copy by its tag', async () => {
    const image = await bake('old');
    const old = await olderAmi(image, true);
    expect(old).not.toHaveProperty('SourceImageId');

    expect(await request(image)).toEqual({ outcome: 'done' });
    expect(lastRequest()).toMatchObject({ outcome: 'reused', copy: old.ImageId });
    expect(await copiesOf(image)).toEqual([]);
  });

  it('does not count where it is not encrypted', async () => {
    const image = await bake('old');
    await olderAmi(image, false);

    expect(await request(image)).toEqual({ outcome: 'done' });
    await waitFor('a copy', async () => ((await copiesOf(image)).length === 1 ? true : undefined));
  });
});
