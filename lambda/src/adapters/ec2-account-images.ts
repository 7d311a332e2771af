import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  EnableImageCommand,
  paginateDescribeImages,
  paginateDescribeSnapshots,
  type EC2Client,
  type Filter,
  type Image,
} from '@aws-sdk/client-ec2';
import {
  FOREIGN_MARK,
  formatForeignMark,
  type AccountImage,
  type AccountImages,
  type ForeignMark,
  type SnapshotDeletion,
} from '../core/account-images.ts';
import type { CopySnapshot } from '../core/copy-inventory.ts';
import { formatMarker, MARKER, markerPatterns, type CopyMarker } from '../core/copy-marker.ts';
import { deleteSnapshot, disableImage } from './ec2-copy-inventory.ts';
import { isImageGone, isTagLimit } from './ec2-errors.ts';
import { MAX_FILTER_VALUES, PAGE_SIZE } from './ec2-image-catalogue.ts';
import { required, toImageFacts, toSnapshotFacts, toTags } from './ec2-image-facts.ts';

export class Ec2AccountImages implements AccountImages {
  readonly #ec2: EC2Client;
  readonly #copier: string;

  constructor(ec2: EC2Client, copier: string) {
    this.#ec2 = ec2;
    this.#copier = copier;
  }

  async list(): Promise<AccountImage[]> {
    const own = { Owners: ['self'], IncludeDisabled: true, IncludeDeprecated: true };
    const images: AccountImage[] = [];
    for await (const { Images = [] } of paginateDescribeImages({ client: this.#ec2, pageSize: PAGE_SIZE }, own)) {
      images.push(...Images.map(toAccountImage));
    }
    return images;
  }

  async snapshotsOf(snapshotIds: readonly string[]): Promise<CopySnapshot[]> {
    const found: CopySnapshot[] = [];
    for (let start = 0; start < snapshotIds.length; start += MAX_FILTER_VALUES) {
      const Values = snapshotIds.slice(start, start + MAX_FILTER_VALUES);
      // By a filter: one that is gone is not shown, and no error.
      found.push(...(await this.#snapshots({ Name: 'snapshot-id', Values })));
    }
    return found;
  }

  async mark(imageId: string, snapshotIds: readonly string[], marker: CopyMarker): Promise<void> {
    const Tags = [{ Key: MARKER, Value: formatMarker(marker) }];
    await this.#ec2.send(new CreateTagsCommand({ Resources: [imageId, ...snapshotIds], Tags }));
  }

  async markForeign(imageId: string, mark: ForeignMark | undefined): Promise<boolean> {
    const Resources = [imageId];
    if (!mark) {
      await this.#ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: FOREIGN_MARK }] }));
      return true;
    }
    try {
      const Tags = [{ Key: FOREIGN_MARK, Value: formatForeignMark(this.#copier, mark) }];
      await this.#ec2.send(new CreateTagsCommand({ Resources, Tags }));
      return true;
    } catch (error) {
      if (isTagLimit(error)) return false;
      throw error;
    }
  }

  async disable(imageId: string): Promise<void> {
    await disableImage(this.#ec2, imageId);
  }

  async enable(imageId: string): Promise<void> {
    await this.#ec2.send(new EnableImageCommand({ ImageId: imageId }));
  }

  async deregister(imageId: string): Promise<SnapshotDeletion[]> {
    try {
      const { DeleteSnapshotResults = [] } = await this.#ec2.send(
        new DeregisterImageCommand({ ImageId: imageId, DeleteAssociatedSnapshots: true }),
      );
      return DeleteSnapshotResults.map(({ SnapshotId, ReturnCode }) => ({
        snapshotId: required(SnapshotId, 'SnapshotId'),
        code: required(ReturnCode, 'ReturnCode'),
      }));
    } catch (error) {
      if (isImageGone(error)) return [];
      throw error;
    }
  }

  async retiredSnapshots(): Promise<string[]> {
    const marked = await this.#snapshots({ Name: `tag:${MARKER}`, Values: markerPatterns(this.#copier, 'retired') });
    return marked.map(({ snapshotId }) => snapshotId);
  }

  async deleteSnapshot(snapshotId: string): Promise<boolean> {
    return (await deleteSnapshot(this.#ec2, snapshotId)) !== 'in use';
  }

  async #snapshots(filter: Filter): Promise<CopySnapshot[]> {
    const found: CopySnapshot[] = [];
    const input = { OwnerIds: ['self'], Filters: [filter] };
    for await (const { Snapshots = [] } of paginateDescribeSnapshots(
      { client: this.#ec2, pageSize: PAGE_SIZE },
      input,
    )) {
      found.push(...Snapshots.map((snapshot) => ({ ...toSnapshotFacts(snapshot), tags: toTags(snapshot.Tags) })));
    }
    return found;
  }
}

/** An image of this account as EC2 shows it. */
export function toAccountImage(image: Image): AccountImage {
  const { DeregistrationProtection, LastLaunchedTime } = image;
  return {
    ...toImageFacts(image),
    name: image.Name ?? '',
    createdAt: required(image.CreationDate, 'CreationDate'),
    // A string: `disabled`, `enabled-with-cooldown` and the like (EC2 API Reference, Image; EC2 User Guide, "Protect an AMI from deregistration").
    isProtected: DeregistrationProtection !== undefined && DeregistrationProtection !== 'disabled',
    ...(LastLaunchedTime !== undefined && { lastLaunchedAt: LastLaunchedTime }),
  };
}
