import { describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, EC2Client, GetEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2';
import { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { lineOf } from '../../../tool/doctor/commands.ts';
import { checkOwnImages, readOwnImages, type OwnImagesFacts } from '../../../tool/doctor/own-images.ts';
import { ACCOUNT, codes, COPIER } from './facts.ts';

const [OWN, PENDING, OTHERS, GONE] = ['ami-own', 'ami-pending', 'ami-others', 'ami-gone'] as const;

function check(changes: Partial<OwnImagesFacts>) {
  return checkOwnImages(
    { images: 100, copying: 3, parameters: [], impostors: [], unencrypted: [], ...changes },
    COPIER,
  );
}

describe('checkOwnImages', () => {
  it('finds nothing far from the quotas', () => {
    expect(check({ images: 44_999, copying: 269 })).toEqual([]);
    expect(check({ parameters: [{ name: '/image-copier/ubuntu', imageId: OWN, imageState: 'available' }] })).toEqual(
      [],
    );
  });

  it('warns near the quotas', () => {
    expect(codes(check({ copying: 270 }))).toEqual(['CopiesNearQuota']);
    expect(codes(check({ images: 45_000 }))).toEqual(['ImagesNearQuota']);
  });

  it('finds parameters whose image cannot be launched', () => {
    const parameters = [
      { name: '/image-copier/gone', imageId: GONE },
      { name: '/image-copier/disabled', imageId: OWN, imageState: 'disabled' },
    ];

    expect(check({ parameters })).toMatchObject([
      { code: 'ParameterDangles', subject: '/image-copier/gone', what: 'It names ami-gone, which does not exist.' },
      { code: 'ParameterDangles', subject: '/image-copier/disabled', what: 'It names ami-own, which is disabled.' },
    ]);
  });

  it('says how a channel goes back', () => {
    const parameters = [{ name: '/image-copier/ubuntu/channels/prod', imageId: GONE }];

    const [finding] = check({ parameters });

    expect(finding?.commands.map(lineOf)).toEqual([
      expect.stringMatching(/^image-copier rollback ubuntu --channel prod --yes /) as unknown,
    ]);
  });

  it('names images that only look like copies of this copier', () => {
    expect(check({ impostors: [{ imageId: OWN, reason: 'It was made of the instance i-1.' }] })).toMatchObject([
      {
        code: 'NotOurCopy',
        severity: 'warning',
        subject: OWN,
        what: 'It has the tag ImageCopier of this copier and is no copy of it. It was made of the instance i-1.',
      },
    ]);
  });

  it('names the devices of copies whose volumes are not encrypted', () => {
    expect(check({ unencrypted: [{ imageId: OWN, devices: ['/dev/sdf', '/dev/sdg'] }] })).toMatchObject([
      {
        code: 'EmptyVolumesUnencrypted',
        severity: 'warning',
        subject: OWN,
        what: 'It has no snapshot for /dev/sdf and /dev/sdg, and says nothing of encryption there.',
      },
    ]);
  });
});

describe('readOwnImages', () => {
  it("counts the account's images and copies, and looks up images of others that parameters name", async () => {
    const [ec2, ssm] = [mockClient(EC2Client), mockClient(SSMClient)];
    const source = { SourceImageId: OTHERS, SourceImageRegion: 'eu-west-1' };
    ec2.on(DescribeImagesCommand, { Owners: ['self'] }).resolves({
      Images: [
        { ImageId: OWN, OwnerId: ACCOUNT, State: 'available' },
        { ImageId: PENDING, OwnerId: ACCOUNT, State: 'pending', ...source },
        { ImageId: 'ami-created', OwnerId: ACCOUNT, State: 'pending', ...source, SourceInstanceId: 'i-1' },
      ],
    });
    ec2.on(DescribeImagesCommand, { Filters: [{ Name: 'image-id', Values: [OTHERS, GONE] }] }).resolves({
      Images: [{ ImageId: OTHERS, State: 'available' }],
    });
    const parameter = (Name: string, Value: string, DataType = 'aws:ec2:image') => ({ Name, Value, DataType });
    ssm
      .on(GetParametersByPathCommand, { Path: '/image-copier' })
      .resolvesOnce({ Parameters: [parameter('/own', OWN), parameter('/others', OTHERS)], NextToken: 'more' })
      .resolves({ Parameters: [parameter('/gone', GONE), parameter('/text', 'hello', 'text')] });

    const region = 'eu-west-1';
    const read = await readOwnImages(new EC2Client({ region }), new SSMClient({ region }), '/image-copier', COPIER);
    expect(read).toEqual({
      images: 3,
      copying: 1,
      parameters: [
        { name: '/own', imageId: OWN, imageState: 'available' },
        { name: '/others', imageId: OTHERS, imageState: 'available' },
        { name: '/gone', imageId: GONE },
      ],
      impostors: [],
      unencrypted: [],
    });
  });

  it.each([
    [false, [{ imageId: OWN, devices: ['/dev/sdf'] }]],
    [true, []],
  ])(
    'finds impostors, and empty volumes where encryption by default is %s',
    async (EbsEncryptionByDefault, unencrypted) => {
      const [ec2, ssm] = [mockClient(EC2Client), mockClient(SSMClient)];
      const Tags = [
        { Key: 'CopiedFromAMI', Value: OTHERS },
        { Key: 'ImageCopier', Value: 'image-copier attempt=1 baked=2026-11-23T22:10:00.000Z' },
      ];
      const copy = {
        ImageId: OWN,
        OwnerId: ACCOUNT,
        State: 'available',
        Tags,
        SourceImageRegion: 'eu-west-1',
      } as const;
      const BlockDeviceMappings = [
        { DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-1' } },
        { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 22, Encrypted: false } },
        { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 22, Encrypted: true } },
      ];
      ec2.on(DescribeImagesCommand).resolves({
        Images: [
          { ...copy, SourceImageId: OTHERS, BlockDeviceMappings },
          { ...copy, SourceImageId: OWN, ImageId: 'ami-again', BlockDeviceMappings },
        ],
      });
      ec2.on(GetEbsEncryptionByDefaultCommand).resolves({ EbsEncryptionByDefault });
      ssm.on(GetParametersByPathCommand).resolves({});

      const region = 'eu-west-1';
      const read = await readOwnImages(new EC2Client({ region }), new SSMClient({ region }), '/image-copier', COPIER);
      expect(read.impostors).toEqual([
        {
          imageId: 'ami-again',
          reason: `EC2 says that it was copied from ${OWN}, its tag CopiedFromAMI names ${OTHERS}.`,
        },
      ]);
      expect(read.unencrypted).toEqual(unencrypted);
    },
  );
});
