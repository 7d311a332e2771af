import { beforeEach, describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, EC2Client, type Image } from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { Ec2SharedImages } from '../../src/adapters/ec2-shared-images.ts';
import { answerPages, BAKED_AT, REGION, SOURCE_ACCOUNT } from '../factories.ts';

const client = new EC2Client({ region: REGION });
const ec2 = mockClient(client);
const asked: string[] = [];
const sharedIn = (...regions: string[]) =>
  new Ec2SharedImages([SOURCE_ACCOUNT, '444444444444'], regions, (region) => {
    asked.push(region);
    return client;
  });
const image = (ImageId: string): Image => ({
  ImageId,
  OwnerId: SOURCE_ACCOUNT,
  State: 'available',
  CreationDate: BAKED_AT,
  Name: 'bake',
  Description: 'a bake',
  Tags: [{ Key: 'ec2:SharedTag/Recipe', Value: 'ubuntu' }],
});

beforeEach(() => {
  ec2.reset();
  asked.splice(0);
});

describe('the shared images', () => {
  it('are all that trusted accounts share with this one, deprecated ones too', async () => {
    const inputs = answerPages(
      ec2.on(DescribeImagesCommand),
      { Images: [image('ami-1')], NextToken: '2' },
      {
        Images: [image('ami-2')],
      },
    );

    const images = await sharedIn(REGION).list();
    expect(images.map(({ imageId }) => imageId)).toEqual(['ami-1', 'ami-2']);
    expect(images[0]).toEqual({
      imageId: 'ami-1',
      region: REGION,
      ownerId: SOURCE_ACCOUNT,
      state: 'available',
      createdAt: BAKED_AT,
      name: 'bake',
      description: 'a bake',
      tags: [{ key: 'ec2:SharedTag/Recipe', value: 'ubuntu' }],
    });
    const input = {
      Owners: [SOURCE_ACCOUNT, '444444444444'],
      ExecutableUsers: ['self'],
      IncludeDeprecated: true,
      Filters: [{ Name: 'state', Values: ['available'] }],
      MaxResults: 1000,
    };
    expect(inputs).toEqual([expect.objectContaining(input), expect.objectContaining({ ...input, NextToken: '2' })]);
  });

  it('are those of each Region', async () => {
    answerPages(ec2.on(DescribeImagesCommand), { Images: [image('ami-1')] }, { Images: [image('ami-2')] });

    const images = await sharedIn(REGION, 'us-east-1').list();
    expect(images.map(({ imageId, region }) => [imageId, region])).toEqual([
      ['ami-1', REGION],
      ['ami-2', 'us-east-1'],
    ]);
    expect(asked).toEqual([REGION, 'us-east-1']);
  });

  it('may have neither a name nor a description nor tags', async () => {
    const { ImageId, OwnerId, State, CreationDate } = image('ami-1');
    answerPages(ec2.on(DescribeImagesCommand), { Images: [{ ImageId, OwnerId, State, CreationDate }] }, {});
    expect(await sharedIn(REGION, 'us-east-1').list()).toMatchObject([{ name: '', description: '', tags: [] }]);
  });

  it('are not known where one Region does not answer', async () => {
    ec2
      .on(DescribeImagesCommand)
      .resolvesOnce({ Images: [image('ami-1')] })
      .rejects(new Error('socket hang up'));
    await expect(sharedIn(REGION, 'us-east-1').list()).rejects.toThrow('socket hang up');
  });
});
