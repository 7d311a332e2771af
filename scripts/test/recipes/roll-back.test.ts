import { expect, it } from '@jest/globals';
import { DescribeImagesCommand, DescribeSnapshotsCommand, EC2Client, type Image } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetParameterHistoryCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import type { Place } from '../../cli/places.ts';
import { planRollback } from '../../recipes/roll-back.ts';

const SOURCE = 'ami-0aa';
const KEY = 'arn:aws:kms:eu-west-1:222222222222:key/1';
const place: Place = {
  accountId: '222222222222',
  account: 'web',
  region: 'eu-west-1',
  labels: {},
  copier: { name: 'image-copier', parameterPath: '/image-copier', recipeTag: 'Recipe' },
  settings: { region: 'eu-west-1', credentials: () => Promise.reject(new Error('No call leaves this test.')) },
};

function copyBy(copier: string, ImageId: string): Image {
  const marker = `${copier} announced=2026-11-24T00:00:00.000Z attempt=1 baked=2026-11-23T22:10:00.000Z`;
  return {
    ImageId,
    State: 'available',
    Tags: [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'ImageCopier', Value: marker },
    ],
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-1' } }],
  };
}

it("takes this copier's copy of a source image, where another copier has one too", async () => {
  const ec2 = mockClient(EC2Client);
  ec2.on(DescribeImagesCommand).resolves({ Images: [] });
  ec2
    .on(DescribeImagesCommand, { Filters: [{ Name: 'source-image-id', Values: [SOURCE] }] })
    .resolves({ Images: [copyBy('golden', 'ami-01'), copyBy('image-copier', 'ami-02')] });
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ SnapshotId: 'snap-1', Encrypted: true, KmsKeyId: KEY }] });
  mockClient(KMSClient)
    .on(DescribeKeyCommand)
    .resolves({ KeyMetadata: { KeyId: '1', Arn: KEY } });
  mockClient(SSMClient)
    .on(GetParameterHistoryCommand)
    .resolves({ Parameters: [{ Version: 1, Value: 'ami-03' }] });

  expect(await planRollback(place, 'ubuntu', SOURCE)).toEqual({
    parameter: '/image-copier/ubuntu',
    from: 'ami-03',
    to: 'ami-02',
  });
});
