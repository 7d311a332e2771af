import {
  CopyImageCommand,
  DescribeImagesCommand,
  paginateDescribeImages,
  type EC2Client,
  type Image,
  type Tag as Ec2Tag,
} from '@aws-sdk/client-ec2';
import type { Tag } from '../core/copy-request.ts';
import { snapshotTags } from '../core/copy-tags.ts';
import type { CopyPlan, ImageCatalogue, ImageCopy, ImageState, SourceImage } from '../core/image-catalogue.ts';
import { classifyEc2Error, isImageUnknown, mayRefusePace, paceRefused } from './ec2-errors.ts';

// EC2 API Reference, DescribeImages: unpaginated calls are prone to throttling and time-outs; a page has at most 1,000.
export const PAGE_SIZE = 1000;

/** Gives the client of a Region; the same Region may give the same client. */
export type Ec2InRegion = (region: string) => EC2Client;

export class Ec2ImageCatalogue implements ImageCatalogue {
  readonly #ownRegion: string;
  readonly #ec2In: Ec2InRegion;

  constructor(ownRegion: string, ec2In: Ec2InRegion) {
    this.#ownRegion = ownRegion;
    this.#ec2In = ec2In;
  }

  async findSource(imageId: string, region: string): Promise<SourceImage | undefined> {
    // Deprecated images are hidden from all but their owner unless asked for, and can still be copied.
    const describe = new DescribeImagesCommand({ ImageIds: [imageId], IncludeDeprecated: true });
    try {
      const { Images = [] } = await this.#ec2In(region).send(describe);
      const [image] = Images;
      if (!image) return undefined;
      return {
        ownerId: required(image.OwnerId, 'OwnerId'),
        state: required(image.State, 'State'),
        createdAt: required(image.CreationDate, 'CreationDate'),
      };
    } catch (error) {
      if (isImageUnknown(error)) return undefined;
      throw classifyEc2Error(error, region === this.#ownRegion ? undefined : region);
    }
  }

  async findCopies(sourceImageId: string, sourceRegion: string): Promise<ImageCopy[]> {
    // EC2 keeps the source of a copy even when the source is gone or hidden (EC2 User Guide, "AMI ancestry").
    const filters = {
      Owners: ['self'],
      IncludeDisabled: true,
      Filters: [
        { Name: 'source-image-id', Values: [sourceImageId] },
        { Name: 'source-image-region', Values: [sourceRegion] },
      ],
    };
    const pages = paginateDescribeImages({ client: this.#ec2In(this.#ownRegion), pageSize: PAGE_SIZE }, filters);
    try {
      const copies: ImageCopy[] = [];
      for await (const { Images = [] } of pages) copies.push(...Images.map(toCopy));
      return copies;
    } catch (error) {
      throw classifyEc2Error(error);
    }
  }

  async startCopy(plan: CopyPlan): Promise<string> {
    const copy = new CopyImageCommand({
      SourceImageId: plan.sourceImageId,
      SourceRegion: plan.sourceRegion,
      Name: plan.name,
      Description: plan.description,
      Encrypted: true,
      KmsKeyId: plan.kmsKeyArn,
      ClientToken: plan.clientToken,
      SnapshotCopyCompletionDurationMinutes: plan.withinMinutes,
      // With the copy, not after it: if EC2 cannot set a tag it makes no copy (EC2 User Guide, "Tag your resources").
      TagSpecifications: [
        { ResourceType: 'image', Tags: fromTags(plan.tags) },
        { ResourceType: 'snapshot', Tags: fromTags(snapshotTags(plan.tags)) },
      ],
    });
    try {
      const { ImageId } = await this.#ec2In(this.#ownRegion).send(copy);
      return required(ImageId, 'ImageId');
    } catch (error) {
      if (plan.withinMinutes !== undefined && mayRefusePace(error)) throw paceRefused(error);
      throw classifyEc2Error(error);
    }
  }

  async stateOf(imageId: string): Promise<ImageState | undefined> {
    const describe = new DescribeImagesCommand({ ImageIds: [imageId], IncludeDisabled: true });
    try {
      const { Images = [] } = await this.#ec2In(this.#ownRegion).send(describe);
      // EC2 API Reference, DescribeImages: of an image that was deregistered lately the results are empty.
      return Images[0]?.State ?? 'deregistered';
    } catch (error) {
      if (isImageUnknown(error)) return undefined;
      throw classifyEc2Error(error);
    }
  }
}

function toCopy(image: Image): ImageCopy {
  return {
    imageId: required(image.ImageId, 'ImageId'),
    state: required(image.State, 'State'),
    tags: toTags(image.Tags),
    encrypted: (image.BlockDeviceMappings ?? []).every(({ Ebs }) => Ebs?.Encrypted !== false),
  };
}

export function fromTags(tags: readonly Tag[]): Ec2Tag[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

export function toTags(tags: readonly Ec2Tag[] = []): Tag[] {
  return tags.map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
}

/** EC2 always answers these; the SDK's types only say that it may. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new Error(`EC2 answered without ${field}`);
  return value;
}
