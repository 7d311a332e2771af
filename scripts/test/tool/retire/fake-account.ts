import { DescribeAutoScalingGroupsCommand, DescribeLaunchConfigurationsCommand } from '@aws-sdk/client-auto-scaling';
import {
  DescribeFleetsCommand,
  DescribeImageReferencesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeSpotFleetRequestsCommand,
  DescribeSpotInstanceRequestsCommand,
  type Filter,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { DescribeParametersCommand, GetParameterCommand, GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { formatMarker, type CopyEnd } from '../../../../lambda/src/core/copy-marker.ts';
import type { FakeServices } from '../support/fake-aws.ts';

export const NOW = '2026-11-30T09:00:00.000Z';
const GIB = 1024 ** 3;

/** An account with copies of a recipe, and the copier's function for the end of images. */
export class FakeAccount {
  readonly id: string;
  readonly images: Image[] = [];
  readonly snapshots: Snapshot[] = [];
  /** Images that an instance runs. */
  readonly inUse = new Set<string>();
  /** What was sent to the function, which does with it what the test says. */
  readonly messages: unknown[] = [];
  onMessage: (message: Message) => void = () => undefined;
  retention: object | undefined;
  /** By source image, what is noted of its end. */
  readonly ended = new Map<string, object>();
  /** What the recipe's parameter points to. */
  current = '';

  constructor({ autoScaling, ec2, lambda, sqs, ssm }: FakeServices, id: string) {
    this.id = id;
    autoScaling.on(DescribeAutoScalingGroupsCommand).resolves({ AutoScalingGroups: [] });
    autoScaling.on(DescribeLaunchConfigurationsCommand).resolves({ LaunchConfigurations: [] });
    ec2.on(DescribeImagesCommand).callsFake(() => ({ Images: structuredClone(this.images) }));
    ec2.on(DescribeSnapshotsCommand).callsFake(({ Filters: [filter] = [] }: { Filters?: Filter[] }) => ({
      Snapshots: this.snapshots.filter(({ SnapshotId = '' }) => filter?.Values?.includes(SnapshotId)),
    }));
    ec2.on(DescribeInstancesCommand).callsFake(({ Filters = [] }: { Filters?: Filter[] }) => {
      const asked = Filters.find(({ Name }) => Name === 'image-id')?.Values ?? [];
      const running = asked.filter((imageId) => this.inUse.has(imageId));
      return { Reservations: [{ Instances: running.map((ImageId) => ({ ImageId, InstanceId: `i-of-${ImageId}` })) }] };
    });
    ec2.on(DescribeImageReferencesCommand).resolves({ ImageReferences: [] });
    ec2.on(DescribeFleetsCommand).resolves({ Fleets: [] });
    ec2.on(DescribeSpotFleetRequestsCommand).resolves({ SpotFleetRequestConfigs: [] });
    ec2.on(DescribeSpotInstanceRequestsCommand).resolves({ SpotInstanceRequests: [] });
    lambda.on(GetFunctionCommand, { FunctionName: 'image-copier-retire-image' }).callsFake(() => ({
      Configuration: { Environment: { Variables: this.#variables() } },
    }));
    sqs.on(GetQueueUrlCommand, { QueueName: 'image-copier-retirements' }).resolves({ QueueUrl: 'https://retirements' });
    sqs
      .on(SendMessageCommand, { QueueUrl: 'https://retirements' })
      .callsFake(({ MessageBody }: { MessageBody: string }) => {
        const message = JSON.parse(MessageBody) as Message;
        this.messages.push(message);
        this.onMessage(message);
        return {};
      });
    ssm.on(DescribeParametersCommand).resolves({ Parameters: [] });
    ssm
      .on(GetParametersByPathCommand)
      .callsFake(() => ({ Parameters: [{ Name: '/image-copier/ubuntu', Value: this.current }] }));
    ssm.on(GetParameterCommand).callsFake(({ Name }: { Name: string }) => {
      const end = this.ended.get(Name.split('/').at(-1) ?? '');
      if (!end) throw Object.assign(new Error('no parameter'), { name: 'ParameterNotFound' });
      return { Parameter: { Value: JSON.stringify(end) } };
    });
  }

  /** Adds ami-c01, an announced copy of ami-a01, for 1. The higher the number, the newer it is. */
  addCopy(number: number, { end, fullGib }: { readonly end?: CopyEnd; readonly fullGib?: number } = {}): void {
    const SnapshotId = `snap-${number}`;
    const settledAt = `2026-10-0${number}T00:00:00.000Z`;
    this.snapshots.push({
      SnapshotId,
      Encrypted: true,
      KmsKeyId: `arn:aws:kms:eu-west-1:${this.id}:key/1`,
      VolumeSize: 8,
      ...(fullGib !== undefined && { FullSnapshotSizeInBytes: fullGib * GIB }),
    });
    this.images.push({
      ImageId: copyId(number),
      OwnerId: this.id,
      Name: `ubuntu-${number}`,
      CreationDate: settledAt,
      SourceImageId: sourceId(number),
      SourceImageRegion: 'eu-west-1',
      State: end?.state === 'retired' || end?.state === 'revoked' ? 'disabled' : 'available',
      BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId, Encrypted: true } }],
      Tags: [{ Key: 'Recipe', Value: 'ubuntu' }],
    });
    this.mark(number, end);
  }

  /** Notes the end of a copy on it, as the function does. */
  mark(number: number, end: CopyEnd | undefined): void {
    const image = this.images.find(({ ImageId }) => ImageId === copyId(number));
    if (!image) throw new Error(`no copy ${number}`);
    const settledAt = image.CreationDate ?? '';
    const Value = formatMarker({
      copier: 'image-copier',
      attempt: 1,
      bakedAt: settledAt,
      announcement: { state: 'announced', settledAt },
      ...(end && { end }),
    });
    image.Tags = [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'ImageCopier', Value },
    ];
    image.State = end?.state === 'retired' || end?.state === 'revoked' ? 'disabled' : 'available';
  }

  remove(number: number): void {
    this.images.splice(0, this.images.length, ...this.images.filter(({ ImageId }) => ImageId !== copyId(number)));
  }

  #variables(): Record<string, string> {
    return {
      COPIER_NAME: 'image-copier',
      KMS_KEY_ARN: `arn:aws:kms:eu-west-1:${this.id}:key/1`,
      QUEUE_URL: 'https://retirements',
      DEAD_LETTER_QUEUE_URL: 'https://dead-letters',
      RETRY_SECONDS: '21600',
      PARAMETER_PATH: '/image-copier',
      RECIPE_TAG: 'Recipe',
      ROLLBACK_DEPTH: '1',
      TRUSTED_OWNERS: '111111111111',
      ...(this.retention && { RETENTION: JSON.stringify(this.retention) }),
    };
  }
}

export interface Message {
  readonly retire?: { readonly images: readonly string[]; readonly quarantineDays: number };
  readonly restore?: { readonly images: readonly string[] };
}

export function copyId(number: number): string {
  return `ami-c0${number}`;
}

export function sourceId(number: number): string {
  return `ami-a0${number}`;
}
