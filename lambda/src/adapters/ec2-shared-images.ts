import { paginateDescribeImages, type DescribeImagesCommandInput, type Image } from '@aws-sdk/client-ec2';
import type { SharedImage, SharedImages } from '../core/shared-images.ts';
import { PAGE_SIZE, type Ec2InRegion } from './ec2-image-catalogue.ts';
import { required, toTags } from './ec2-image-facts.ts';

export class Ec2SharedImages implements SharedImages {
  readonly #owners: readonly string[];
  readonly #regions: readonly string[];
  readonly #ec2In: Ec2InRegion;

  constructor(owners: readonly string[], regions: readonly string[], ec2In: Ec2InRegion) {
    this.#owners = owners;
    this.#regions = regions;
    this.#ec2In = ec2In;
  }

  async list(): Promise<SharedImage[]> {
    const found: SharedImage[] = [];
    for (const region of this.#regions) found.push(...(await this.#inRegion(region)));
    return found;
  }

  async #inRegion(region: string): Promise<SharedImage[]> {
    // EC2 API Reference, DescribeImages: `self` means what is shared with this account, also by way of its organization, and no
    // public image; deprecated ones are hidden from all but their owner unless asked for. No document says whether a filter by tag
    // sees tags that others share, so there is none.
    const input: DescribeImagesCommandInput = {
      Owners: [...this.#owners],
      ExecutableUsers: ['self'],
      IncludeDeprecated: true,
      Filters: [{ Name: 'state', Values: ['available'] }],
    };
    const pages = paginateDescribeImages({ client: this.#ec2In(region), pageSize: PAGE_SIZE }, input);
    const found: SharedImage[] = [];
    for await (const { Images = [] } of pages) found.push(...Images.map((image) => toSharedImage(image, region)));
    return found;
  }
}

function toSharedImage(image: Image, region: string): SharedImage {
  return {
    imageId: required(image.ImageId, 'ImageId'),
    region,
    ownerId: required(image.OwnerId, 'OwnerId'),
    state: required(image.State, 'State'),
    createdAt: required(image.CreationDate, 'CreationDate'),
    name: image.Name ?? '',
    description: image.Description ?? '',
    tags: toTags(image.Tags),
  };
}
