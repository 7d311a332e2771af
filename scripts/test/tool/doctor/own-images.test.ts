import { describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { checkOwnImages, readOwnImages, type OwnImagesFacts } from '../../../tool/doctor/own-images.ts';
import { codes, COPIER } from './facts.ts';

const [OWN, PENDING, OTHERS, GONE] = ['ami-own', 'ami-pending', 'ami-others', 'ami-gone'] as const;

function check(changes: Partial<OwnImagesFacts>) {
  return checkOwnImages({ images: 100, copying: 3, parameters: [], ...changes }, COPIER);
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
});

describe('readOwnImages', () => {
  it("counts the account's images and copies, and looks up images of others that parameters name", async () => {
    const [ec2, ssm] = [mockClient(EC2Client), mockClient(SSMClient)];
    ec2.on(DescribeImagesCommand, { Owners: ['self'] }).resolves({
      Images: [
        { ImageId: OWN, State: 'available' },
        { ImageId: PENDING, State: 'pending', SourceImageId: OTHERS },
        { ImageId: 'ami-created', State: 'pending' },
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
    expect(await readOwnImages(new EC2Client({ region }), new SSMClient({ region }), '/image-copier')).toEqual({
      images: 3,
      copying: 1,
      parameters: [
        { name: '/own', imageId: OWN, imageState: 'available' },
        { name: '/others', imageId: OTHERS, imageState: 'available' },
        { name: '/gone', imageId: GONE },
      ],
    });
  });
});
