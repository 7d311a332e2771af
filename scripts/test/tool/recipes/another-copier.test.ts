import { expect, it } from '@jest/globals';
import { DescribeImagesCommand, DescribeSnapshotsCommand, type Image } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetParameterHistoryCommand } from '@aws-sdk/client-ssm';
import type { Copier } from '../../../tool/common/environment.ts';
import { planRollback } from '../../../tool/recipes/rollback.ts';
import { FakeAws } from '../support/fake-aws.ts';

const SOURCE = 'ami-0aa';
const KEY = 'arn:aws:kms:eu-west-1:222222222222:key/1';

function copyBy(copier: string, ImageId: string): Image {
  const marker = `${copier} announced=2026-11-24T00:00:00.000Z attempt=1 baked=2026-11-23T22:10:00.000Z`;
  return {
    ImageId,
    OwnerId: '222222222222',
    SourceImageId: SOURCE,
    SourceImageRegion: 'eu-west-1',
    State: 'available',
    Tags: [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'CopiedFromAMI', Value: SOURCE },
      { Key: 'ImageCopier', Value: marker },
    ],
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-1' } }],
  };
}

it("takes this copier's copy of a source image, where another copier has one too", async () => {
  const aws = new FakeAws();
  const { ec2, kms, ssm } = aws.in('222222222222');
  const copier: Copier = {
    ...{ accountId: '222222222222', account: 'web', region: 'eu-west-1', labels: {} },
    ...{ name: 'image-copier', parameterPath: '/image-copier', copyTags: [], recipeTag: 'Recipe' },
    ...{ access: {}, chosenBy: [] },
    aws: aws.connect({ roleArn: 'arn:aws:iam::222222222222:role/operator' }),
  };
  ec2.on(DescribeImagesCommand).resolves({ Images: [] });
  ec2
    .on(DescribeImagesCommand, { Filters: [{ Name: 'source-image-id', Values: [SOURCE] }] })
    .resolves({ Images: [copyBy('golden', 'ami-01'), copyBy('image-copier', 'ami-02')] });
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ SnapshotId: 'snap-1', Encrypted: true, KmsKeyId: KEY }] });
  kms.on(DescribeKeyCommand).resolves({ KeyMetadata: { KeyId: '1', Arn: KEY } });
  ssm.on(GetParameterHistoryCommand).resolves({ Parameters: [{ Version: 1, Value: 'ami-03' }] });

  expect(await planRollback(copier, { recipe: 'ubuntu' }, SOURCE)).toEqual({
    parameter: '/image-copier/ubuntu',
    from: 'ami-03',
    to: 'ami-02',
  });
});
