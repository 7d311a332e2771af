import {
  CopyImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  paginateDescribeImages,
  type EC2Client,
  type Filter,
  type Image,
} from '@aws-sdk/client-ec2';
import type { SourceMarks, SourcesSeen } from '../core/approval.ts';
import { COPIED_FROM, snapshotTags } from '../core/copy-tags.ts';
import type {
  CopyPlan,
  ImageCatalogue,
  ImageFacts,
  ImageState,
  SnapshotFacts,
  SourceImage,
  SourceImages,
} from '../core/image-catalogue.ts';
import { classifyEc2Error, isImageUnknown, mayRefusePace, paceRefused } from './ec2-errors.ts';
import { fromTags, required, toImageFacts, toSnapshotFacts, toTags, toWatermarks } from './ec2-image-facts.ts';

// EC2 API Reference, DescribeImages: unpaginated calls are prone to throttling and time-outs; a page has at most 1,000.
export const PAGE_SIZE = 1000;
// EC2 User Guide, "List and filter using the CLI and API".
export const MAX_FILTER_VALUES = 200;

/** Gives the client of a Region; the same Region may give the same client. */
export type Ec2InRegion = (region: string) => EC2Client;

export class Ec2ImageCatalogue implements ImageCatalogue, SourceImages, SourcesSeen {
  readonly #ownRegion: string;
  readonly #ec2In: Ec2InRegion;

  constructor(ownRegion: string, ec2In: Ec2InRegion) {
    this.#ownRegion = ownRegion;
    this.#ec2In = ec2In;
  }

  async findSource(imageId: string, region: string): Promise<SourceImage | undefined> {
    const [source] = (await this.findSources([imageId], region)).values();
    return source;
  }

  async findSources(imageIds: readonly string[], region: string): Promise<Map<string, SourceImage>> {
    // Deprecated images are hidden from all but their owner unless asked for, and can still be copied.
    const describe = new DescribeImagesCommand({ ImageIds: [...imageIds], IncludeDeprecated: true });
    try {
      const { Images = [] } = await this.#ec2In(region).send(describe);
      return new Map(Images.map((image) => [required(image.ImageId, 'ImageId'), toSourceImage(image)]));
    } catch (error) {
      if (!isImageUnknown(error)) throw classifyEc2Error(error, region === this.#ownRegion ? undefined : region);
    }
    // One that EC2 does not know is an error for all of them.
    const found: (readonly [string, SourceImage])[] = [];
    if (imageIds.length > 1) for (const id of imageIds) found.push(...(await this.findSources([id], region)));
    return new Map(found);
  }

  async findMarks(imageIds: readonly string[], region: string, ownerIds: readonly string[]): Promise<SourceMarks[]> {
    const marks: SourceMarks[] = [];
    try {
      for (let start = 0; start < imageIds.length; start += MAX_FILTER_VALUES) {
        // By a filter: one that is gone or hidden is not shown, and no error for the others.
        const Filters = [{ Name: 'image-id', Values: imageIds.slice(start, start + MAX_FILTER_VALUES) }];
        const input = { Owners: [...ownerIds], IncludeDeprecated: true, Filters };
        const pages = paginateDescribeImages({ client: this.#ec2In(region), pageSize: PAGE_SIZE }, input);
        for await (const { Images = [] } of pages) marks.push(...Images.map(toMarks));
      }
      return marks;
    } catch (error) {
      throw classifyEc2Error(error, region === this.#ownRegion ? undefined : region);
    }
  }

  async findCopies(sourceImageId: string, sourceRegion: string): Promise<ImageFacts[]> {
    // EC2 keeps the source of a copy even when the source is gone or hidden (EC2 User Guide, "Use AMI ancestry"), but has none of
    // some older images. Filters are joined by "and", so that takes two calls. They are made at the same time.
    const found = await Promise.all([
      this.#ownImages([
        { Name: 'source-image-id', Values: [sourceImageId] },
        { Name: 'source-image-region', Values: [sourceRegion] },
      ]),
      this.#ownImages([{ Name: `tag:${COPIED_FROM}`, Values: [sourceImageId] }]),
    ]);
    return [...new Map(found.flat().map((image) => [image.imageId, image])).values()];
  }

  async #ownImages(filters: Filter[]): Promise<ImageFacts[]> {
    const input = { Owners: ['self'], IncludeDisabled: true, Filters: filters };
    const pages = paginateDescribeImages({ client: this.#ec2In(this.#ownRegion), pageSize: PAGE_SIZE }, input);
    try {
      const images: ImageFacts[] = [];
      for await (const { Images = [] } of pages) images.push(...Images.map(toImageFacts));
      return images;
    } catch (error) {
      throw classifyEc2Error(error);
    }
  }

  async findSnapshots(snapshotIds: readonly string[]): Promise<SnapshotFacts[]> {
    // By a filter: one that is gone is not shown, and no error.
    const Filters = [{ Name: 'snapshot-id', Values: [...snapshotIds] }];
    const describe = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters, MaxResults: PAGE_SIZE });
    try {
      const { Snapshots = [] } = await this.#ec2In(this.#ownRegion).send(describe);
      return Snapshots.map(toSnapshotFacts);
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

function toSourceImage({ OwnerId, State, CreationDate, DeprecationTime }: Image): SourceImage {
  return {
    ownerId: required(OwnerId, 'OwnerId'),
    state: required(State, 'State'),
    createdAt: required(CreationDate, 'CreationDate'),
    ...(DeprecationTime !== undefined && { deprecatesAt: DeprecationTime }),
  };
}

function toMarks({ ImageId, OwnerId, ImageWatermarks, Tags }: Image): SourceMarks {
  return {
    imageId: required(ImageId, 'ImageId'),
    ownerId: required(OwnerId, 'OwnerId'),
    watermarks: toWatermarks(ImageWatermarks),
    tags: toTags(Tags),
  };
}
