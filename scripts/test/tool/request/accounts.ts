import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import {
  CreateTagsCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  type Filter,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import { PublishCommand, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  type Message,
} from '@aws-sdk/client-sqs';
import { GetParametersCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { FakeAws, FakeServices } from '../support/fake-aws.ts';
import { logsOf, type FunctionLogs } from '../support/function-logs.ts';

export const SOURCE = '111111111111';
export const PAYMENTS = '222222222222';
export const WEB = '333333333333';
export const TOPIC = 'amigo-TEST-notify';
export const TOPIC_ARN = `arn:aws:sns:eu-west-1:${SOURCE}:${TOPIC}`;
export const IMAGE = 'ami-0123456789abcdef0';
const BAKED_AT = '2026-11-23T22:10:00.000Z';

const folder = mkdtempSync(join(tmpdir(), 'image-copier-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A file for the command to read; gives its path. */
export function fileWith(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** An accounts file, which as JSON is YAML too; gives its path. */
export function accountsFile(
  accounts: readonly object[] = [
    { id: PAYMENTS, name: 'payments' },
    { id: WEB, name: 'web' },
  ],
): string {
  return fileWith('accounts.yaml', {
    source: { id: SOURCE },
    topic: TOPIC,
    defaults: { regions: ['eu-west-1'], roleName: 'operator' },
    accounts,
  });
}

/** An image of the source account, and who may use it. */
export interface Baked {
  readonly image: Image;
  /** Accounts with launch permission. */
  readonly launchers?: readonly string[];
  /** The key that its snapshots are encrypted with. */
  readonly keyArn?: string;
  /** Of the key; by default it admits everybody. */
  readonly keyPolicy?: object;
  /** Organizations, or units of them, with launch permission, by their ARNs. */
  readonly organizations?: readonly string[];
  /** Accounts with permission on each snapshot. */
  readonly snapshotUsers?: readonly string[];
}

export function baked(imageId = IMAGE, changes: Partial<Image> = {}): Image {
  return {
    ImageId: imageId,
    Name: 'amigo_ubuntu_12',
    Description: 'AMI for ubuntu',
    State: 'available',
    CreationDate: BAKED_AT,
    BlockDeviceMappings: [{ Ebs: { SnapshotId: `snap-of-${imageId}` } }, { VirtualName: 'ephemeral0' }],
    Tags: [{ Key: 'Recipe', Value: 'ubuntu' }],
    ...changes,
  };
}

/** Answers for the source account as AWS does. */
export function sourceAccount(aws: FakeAws, images: readonly Baked[], region = 'eu-west-1'): FakeServices {
  const services = aws.in(SOURCE, region);
  const { ec2, kms, sns, sts } = services;
  sts.on(GetCallerIdentityCommand).resolves({ Account: SOURCE });
  ec2.on(DescribeImagesCommand).callsFake(({ Filters }: { Filters: { Name: string; Values: string[] }[] }) => ({
    Images: images.flatMap(({ image }) => (matches(image, Filters) ? [image] : [])),
  }));
  for (const { image, launchers = [], organizations = [], snapshotUsers = [] } of images) {
    const { ImageId, BlockDeviceMappings = [] } = image;
    ec2.on(DescribeImageAttributeCommand, { ImageId, Attribute: 'launchPermission' }).resolves({
      LaunchPermissions: [
        ...launchers.map((UserId) => ({ UserId })),
        ...organizations.map((arn) =>
          arn.includes(':ou/') ? { OrganizationalUnitArn: arn } : { OrganizationArn: arn },
        ),
      ],
    });
    for (const { Ebs } of BlockDeviceMappings) {
      if (!Ebs) continue;
      ec2
        .on(DescribeSnapshotAttributeCommand, { SnapshotId: Ebs.SnapshotId, Attribute: 'createVolumePermission' })
        .resolves({ CreateVolumePermissions: snapshotUsers.map((UserId) => ({ UserId })) });
    }
  }
  ec2.on(DescribeSnapshotsCommand).callsFake(({ Filters: [filter] = [] }: { Filters?: { Values: string[] }[] }) => ({
    Snapshots: images.flatMap(({ image: { BlockDeviceMappings = [] }, keyArn: KmsKeyId }) =>
      BlockDeviceMappings.flatMap(({ Ebs: { SnapshotId = '' } = {} }) =>
        filter?.Values.includes(SnapshotId) ? [{ SnapshotId, KmsKeyId }] : [],
      ),
    ),
  }));
  kms.on(DescribeKeyCommand).callsFake(({ KeyId }: { KeyId: string }) => ({
    KeyMetadata: { KeyId, KeyManager: KeyId.endsWith('of-aws') ? 'AWS' : 'CUSTOMER' },
  }));
  kms.on(GetKeyPolicyCommand).callsFake(({ KeyId }: { KeyId: string }) => ({
    Policy: JSON.stringify(images.find(({ keyArn }) => keyArn === KeyId)?.keyPolicy ?? keyFor('*')),
  }));
  for (const id of [PAYMENTS, WEB]) hasEnded(aws, id, {}, region);
  ec2.on(ModifyImageAttributeCommand).resolves({});
  ec2.on(ModifySnapshotAttributeCommand).resolves({});
  ec2.on(CreateTagsCommand).resolves({});
  sns.on(PublishCommand).resolves({});
  return services;
}

/** A key policy that lets some principals do all. */
export function keyFor(...AWS: string[]): object {
  return { Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'kms:*', Resource: '*' }] };
}

/** What is noted in a target account of the ends of source images, by their ids; without it nothing is. */
export function hasEnded(aws: FakeAws, id: string, ends: Readonly<Record<string, object>>, region = 'eu-west-1'): void {
  const { ssm } = aws.in(id, region);
  ssm.on(GetParametersCommand).callsFake(({ Names }: { Names: string[] }) => ({
    Parameters: Names.flatMap((Name) => {
      const end = ends[Name.replace('/image-copier-ended/image-copier/', '')];
      return end ? [{ Name, Value: JSON.stringify(end) }] : [];
    }),
  }));
}

function matches({ ImageId = '', Tags = [] }: Image, filters: { Name: string; Values: string[] }[]): boolean {
  return filters.every(({ Name, Values }) => {
    if (Name === 'image-id') return Values.includes(ImageId);
    if (Name === 'tag-key') return Tags.some(({ Key = '' }) => Values.includes(Key));
    throw new Error(`The test knows no filter ${Name}.`);
  });
}

/** Lets the source account have a queue on the results topic, which gets so many bodies at each second. */
export function resultsQueue({ sns, sqs }: FakeServices, ...bySecond: readonly (readonly string[])[]): void {
  const bodies = bySecond.values();
  sqs.on(CreateQueueCommand).resolves({ QueueUrl: 'https://queue' });
  sqs.on(GetQueueAttributesCommand).resolves({ Attributes: {} });
  sqs.on(ReceiveMessageCommand).callsFake(async () => {
    // Long polling.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const arrived = bodies.next().value ?? [];
    return { Messages: arrived.map((Body, index) => ({ Body, ReceiptHandle: `handle-${index}` })) };
  });
  sqs.on(DeleteMessageBatchCommand).resolves({ Successful: [], Failed: [] });
  sqs.on(DeleteQueueCommand).resolves({});
  sns.on(SubscribeCommand).resolves({ SubscriptionArn: 'arn:subscription' });
  sns.on(UnsubscribeCommand).resolves({});
}

/** A message on the results topic. */
export function result(account: string, imageId: string, reason: string | null = null, changes: object = {}): string {
  return JSON.stringify({
    source: 'image-copier',
    'detail-type': reason === null ? 'Image Copied' : 'Image Copy Failed',
    detail: { account, region: 'eu-west-1', sourceAmi: IMAGE, imageId, reason, ...changes },
  });
}

/** What a target account has. */
export interface Standing {
  readonly copies?: readonly Image[];
  readonly letters?: readonly Message[];
  readonly logs?: FunctionLogs;
}

/** Answers for a target account with a copier as AWS does: what stands in it at this moment. */
export function targetAccount(aws: FakeAws, id: string, standing: () => Standing, region = 'eu-west-1'): FakeServices {
  const services = logsOf(aws, id, () => standing().logs ?? {}, region);
  const { ec2, sqs } = services;
  ec2.on(DescribeImagesCommand).callsFake(() => ({
    Images: (standing().copies ?? []).map((image): Image => ({ OwnerId: id, ...image })),
  }));
  ec2.on(DescribeSnapshotsCommand).callsFake(({ Filters: [filter] = [] }: { Filters?: Filter[] }) => ({
    Snapshots: filter?.Name === 'snapshot-id' ? filter.Values?.flatMap(shown) : [],
  }));
  sqs.on(GetQueueUrlCommand, { QueueName: 'image-copier-dead-letters' }).resolves({ QueueUrl: 'https://letters' });
  sqs.on(GetQueueAttributesCommand).callsFake(() => ({
    Attributes: { ApproximateNumberOfMessages: String(standing().letters?.length ?? 0) },
  }));
  // A letter that was received is hidden until it is given back.
  const hidden = new Set<string>();
  sqs.on(ReceiveMessageCommand).callsFake(() => {
    const seen = (standing().letters ?? []).filter(({ MessageId = '' }) => !hidden.has(MessageId));
    for (const { MessageId = '' } of seen) hidden.add(MessageId);
    return { Messages: seen };
  });
  sqs.on(ChangeMessageVisibilityBatchCommand).callsFake(() => {
    hidden.clear();
    return {};
  });
  return services;
}

/** A snapshot in a target account, unless EC2 hides it: encrypted unless its name says otherwise. */
function shown(SnapshotId: string): Snapshot[] {
  return SnapshotId === 'snap-hidden' ? [] : [{ SnapshotId, Encrypted: SnapshotId !== 'snap-plain' }];
}

/** A copy in a target account, as far as its marker says. */
export function copy(ImageId: string, marker: string, changes: Partial<Image> = {}): Image {
  const Value = `${marker} attempt=1 baked=${BAKED_AT}`;
  const { SourceImageId = IMAGE } = changes;
  const Tags = [
    { Key: 'ImageCopier', Value },
    { Key: 'CopiedFromAMI', Value: SourceImageId },
    { Key: 'Recipe', Value: 'ubuntu' },
  ];
  return {
    ImageId,
    SourceImageId,
    SourceImageRegion: 'eu-west-1',
    State: 'available',
    CreationDate: BAKED_AT,
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: `snap-of-${ImageId}`, Encrypted: true } }],
    Tags,
    ...changes,
  };
}

export function letter(reason: string | undefined, requestedAt: Date, imageId = IMAGE): Message {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  return {
    MessageId: `of ${imageId}, ${requestedAt.toISOString()}`,
    ReceiptHandle: 'handle',
    Body: JSON.stringify({ sourceAmi: imageId }),
    MessageAttributes: {
      RequestedAt: text(requestedAt.toISOString()),
      ...(reason !== undefined && { Reason: text(reason) }),
    },
  };
}
