import type { Image, ImageWatermark, Snapshot, Tag as Ec2Tag } from '@aws-sdk/client-ec2';
import type { Watermark } from '../core/approval.ts';
import type { Tag } from '../core/copy-request.ts';
import type { EbsDevice, ImageFacts, SnapshotFacts } from '../core/image-catalogue.ts';

/** An image as the core knows it. */
export function toImageFacts(image: Image): ImageFacts {
  const { SourceImageId, SourceImageRegion, SourceInstanceId } = image;
  const hasSource = SourceImageId !== undefined && SourceImageRegion !== undefined;
  return {
    imageId: required(image.ImageId, 'ImageId'),
    ownerId: required(image.OwnerId, 'OwnerId'),
    state: required(image.State, 'State'),
    ...(hasSource && { source: { imageId: SourceImageId, region: SourceImageRegion } }),
    ...(SourceInstanceId !== undefined && { sourceInstanceId: SourceInstanceId }),
    tags: toTags(image.Tags),
    devices: (image.BlockDeviceMappings ?? []).flatMap(({ DeviceName = '', Ebs }): EbsDevice[] => {
      if (!Ebs) return [];
      const { SnapshotId, Encrypted } = Ebs;
      return [
        {
          name: DeviceName,
          ...(SnapshotId !== undefined && { snapshotId: SnapshotId }),
          ...(Encrypted !== undefined && { encrypted: Encrypted }),
        },
      ];
    }),
  };
}

/** A snapshot as the core knows it. */
export function toSnapshotFacts({ SnapshotId, Encrypted, KmsKeyId }: Snapshot): SnapshotFacts {
  return {
    snapshotId: required(SnapshotId, 'SnapshotId'),
    encrypted: Encrypted === true,
    ...(KmsKeyId !== undefined && { kmsKeyArn: KmsKeyId }),
  };
}

export function fromTags(tags: readonly Tag[]): Ec2Tag[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

export function toTags(tags: readonly Ec2Tag[] = []): Tag[] {
  return tags.map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
}

export function toWatermarks(watermarks: readonly ImageWatermark[] = []): Watermark[] {
  return watermarks.map(({ WatermarkKey = '', SourceImageId = '' }) => ({ key: WatermarkKey, imageId: SourceImageId }));
}

/** EC2 always answers these; the SDK's types only say that it may. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new Error(`EC2 answered without ${field}`);
  return value;
}
