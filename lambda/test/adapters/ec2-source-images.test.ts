import { describe, expect, it } from '@jest/globals';
import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  EC2Client,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { Ec2SourceImages } from '../../src/adapters/ec2-source-images.ts';
import { RetryableError } from '../../src/core/errors.ts';
import { bakedImage } from '../publisher.ts';

const ONE = '222222222222';

function load() {
  const ec2 = mockClient(EC2Client);
  return { ec2, images: new Ec2SourceImages(new EC2Client({ region: 'eu-west-1' })) };
}

describe('Ec2SourceImages', () => {
  it('reads all pages of the tagged images, with product codes', async () => {
    const { ec2, images } = load();
    const common = { OwnerId: '111111111111', CreationDate: '2026-11-23T22:10:00.000Z' };
    ec2
      .on(DescribeImagesCommand)
      .resolvesOnce({ Images: [{ ...common, ImageId: 'ami-1' }], NextToken: 'next' })
      .resolves({ Images: [{ ...common, ImageId: 'ami-2', ProductCodes: [{ ProductCodeId: 'abc' }] }] });

    expect(await images.findTagged()).toMatchObject([
      { imageId: 'ami-1', productCodes: [], snapshotIds: [], tags: [] },
      { imageId: 'ami-2', productCodes: ['abc'] },
    ]);
  });

  it.each([
    [[{ UserId: ONE }], { isPublic: false, organizations: [] }],
    [[{ UserId: ONE }, { Group: 'all' as const }], { isPublic: true, organizations: [] }],
    [
      [{ UserId: ONE }, { OrganizationArn: 'arn:aws:organizations::1:organization/o-1' }],
      { isPublic: false, organizations: ['arn:aws:organizations::1:organization/o-1'] },
    ],
    [
      [{ UserId: ONE }, { OrganizationalUnitArn: 'arn:aws:organizations::1:ou/o-1/ou-1' }],
      { isPublic: false, organizations: ['arn:aws:organizations::1:ou/o-1/ou-1'] },
    ],
  ])('reads who may use an image: %j', async (LaunchPermissions, many) => {
    const { ec2, images } = load();
    ec2.on(DescribeImageAttributeCommand).resolves({ LaunchPermissions });
    ec2.on(DescribeSnapshotAttributeCommand, { SnapshotId: 'snap-1' }).resolves({
      CreateVolumePermissions: [{ UserId: ONE }, { Group: 'all' }],
    });
    ec2.on(DescribeSnapshotAttributeCommand, { SnapshotId: 'snap-2' }).resolves({});

    expect(await images.sharingOf(bakedImage())).toEqual({
      ownerId: '111111111111',
      launchers: [ONE],
      ...many,
      snapshotUsers: new Map([
        ['snap-1', [ONE, 'all']],
        ['snap-2', []],
      ]),
    });
  });

  it('changes permissions of 500 accounts a call', async () => {
    const { ec2, images } = load();
    const accounts = Array.from({ length: 501 }, (_, index) => String(100_000_000_000 + index));

    await images.withdraw('ami-1', { launch: accounts, snapshots: new Map([['snap-1', accounts]]) });

    const counts = [
      ...ec2
        .commandCalls(ModifyImageAttributeCommand)
        .map(({ args }) => args[0].input.LaunchPermission?.Remove?.length),
      ...ec2
        .commandCalls(ModifySnapshotAttributeCommand)
        .map(({ args }) => args[0].input.CreateVolumePermission?.Remove?.length),
    ];
    expect(counts).toEqual([500, 1, 500, 1]);
  });

  it('classes what EC2 answers', async () => {
    const { ec2, images } = load();
    ec2.rejects(Object.assign(new Error('Later.'), { name: 'RequestLimitExceeded', $metadata: {} }));

    await expect(images.findTagged()).rejects.toThrow(RetryableError);
    await expect(images.sharingOf(bakedImage())).rejects.toThrow(RetryableError);
    await expect(images.tag('ami-1', [])).rejects.toThrow(RetryableError);
    await expect(images.allow('ami-1', { launch: [ONE], snapshots: new Map() })).rejects.toThrow(RetryableError);
  });
});
