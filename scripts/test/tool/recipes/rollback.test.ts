import { expect, it } from '@jest/globals';
import { DescribeImagesCommand, DescribeSnapshotsCommand, type Image } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetParameterHistoryCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';

const ACCOUNT = '222222222222';
const SOURCE = 'ami-0aa';
const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/1`;

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

it("rolls back to this copier's copy of a source image, where another copier has one too", async () => {
  const aws = new FakeAws({ ownAccount: ACCOUNT });
  const { ec2, kms, ssm, sts } = aws.in(ACCOUNT);
  sts.on(GetCallerIdentityCommand).resolves({ Account: ACCOUNT });
  ec2.on(DescribeImagesCommand).resolves({ Images: [] });
  ec2
    .on(DescribeImagesCommand, { Filters: [{ Name: 'source-image-id', Values: [SOURCE] }] })
    .resolves({ Images: [copyBy('golden', 'ami-01'), copyBy('image-copier', 'ami-02')] });
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ SnapshotId: 'snap-1', Encrypted: true, KmsKeyId: KEY }] });
  kms.on(DescribeKeyCommand).resolves({ KeyMetadata: { KeyId: '1', Arn: KEY } });
  ssm.on(GetParameterHistoryCommand).resolves({ Parameters: [{ Version: 1, Value: 'ami-03' }] });

  const { code, out, err } = await run(['rollback', 'ubuntu', '--to', SOURCE, '--dry-run', '--json'], { aws });

  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(JSON.parse(out)).toEqual([
    {
      account: ACCOUNT,
      accountId: ACCOUNT,
      region: 'eu-west-1',
      parameter: '/image-copier/ubuntu',
      from: 'ami-03',
      to: 'ami-02',
      outcome: 'planned',
    },
  ]);
});
