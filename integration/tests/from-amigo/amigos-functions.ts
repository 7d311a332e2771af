// What AMIgo's two functions in a target account do with a message, as Lambda calls them.
import {
  CopyImageCommand,
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import type { SNSEvent } from 'aws-lambda';
import type { CopyRequest } from '../../../lambda/src/core/copy-request.ts';
import type { Unused } from './amigo.ts';

const ec2 = new EC2Client({});
const { ACCOUNT_ID = '', KMS_KEY_ARN } = process.env;

/** Copies without a look at what is there, and tags the image in a second call. A failure is logged, and lost. */
export async function copy({ Records }: SNSEvent): Promise<void> {
  for (const { Sns } of Records) {
    const request = JSON.parse(Sns.Message) as Omit<CopyRequest, 'tags'> & { tags: Record<string, string> };
    if (!request.targetAccounts.includes(ACCOUNT_ID)) continue;
    const { ImageId = '' } = await ec2.send(
      new CopyImageCommand({
        SourceImageId: request.sourceAmi,
        SourceRegion: request.sourceRegion,
        Name: request.name,
        Description: request.description,
        Encrypted: true,
        KmsKeyId: KMS_KEY_ARN,
      }),
    );
    const tags = { ...request.tags, Encrypted: 'true', CopiedFromAMI: request.sourceAmi };
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await ec2.send(new CreateTagsCommand({ Resources: [ImageId], Tags }));
  }
}

/** Removes the images of this account that the message lists; what cannot be removed is logged. */
export async function housekeep({ Records }: SNSEvent): Promise<void> {
  for (const { Sns } of Records) {
    const { amis } = JSON.parse(Sns.Message) as { amis: Unused[] };
    const ImageIds = amis.filter(({ account }) => account === ACCOUNT_ID).map(({ id }) => id);
    if (ImageIds.length === 0) continue;
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds }));
    const snapshots = Images.flatMap(({ BlockDeviceMappings = [] }) =>
      BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
    );
    for (const { ImageId } of Images) await orLog(ec2.send(new DeregisterImageCommand({ ImageId })));
    for (const SnapshotId of snapshots) await orLog(ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
  }
}

async function orLog(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    console.log(String(error));
  });
}
