import {
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  EnableImageDeprecationCommand,
  GetEbsEncryptionByDefaultCommand,
  paginateDescribeImages,
  paginateDescribeSnapshots,
  type DescribeImagesCommandInput,
  type EC2Client,
  type Filter,
  type Image,
} from '@aws-sdk/client-ec2';
import type { CopyInventory, CopySnapshot, OwnCopy } from '../core/copy-inventory.ts';
import { formatMarker, MARKER, markerPatterns, settledPatterns, type CopyMarker } from '../core/copy-marker.ts';
import type { Tag } from '../core/copy-request.ts';
import { COPIED_FROM } from '../core/copy-tags.ts';
import type { ImageFacts } from '../core/image-catalogue.ts';
import { ownershipOf, snapshotIdsOf, unencryptedBlanksOf, type Copyist } from '../core/ownership.ts';
import { classifyEc2Error, isImageGone, isImageUnavailable, isSnapshotGone, isSnapshotInUse } from './ec2-errors.ts';
import { MAX_FILTER_VALUES, PAGE_SIZE } from './ec2-image-catalogue.ts';
import { fromTags, required, toImageFacts, toSnapshotFacts, toTags, toWatermarks } from './ec2-image-facts.ts';

export class Ec2CopyInventory implements CopyInventory {
  readonly #ec2: EC2Client;
  readonly #copyist: Copyist;

  constructor(ec2: EC2Client, copyist: Copyist) {
    this.#ec2 = ec2;
    this.#copyist = copyist;
  }

  async findById(imageIds: readonly string[]): Promise<OwnCopy[]> {
    // By a filter: asked for by parameter, one id that is gone would be an error for all of them.
    return (await this.#byId(imageIds)).flatMap((image) => toOwnCopy(image, this.#copyist) ?? []);
  }

  async findOpen(): Promise<OwnCopy[]> {
    return await this.#copies([this.#markerFilter('attempt', 'announcing', 'unapproved')]);
  }

  async findSettled(key: string, values: readonly string[], bakedSince: string): Promise<OwnCopy[]> {
    return await this.#copies([
      { Name: `tag:${MARKER}`, Values: settledPatterns(this.#copyist.copier, bakedSince) },
      { Name: `tag:${key}`, Values: [...values] },
      { Name: 'state', Values: ['available'] },
    ]);
  }

  async snapshotsOf(snapshotIds: readonly string[]): Promise<CopySnapshot[]> {
    const found: CopySnapshot[] = [];
    for (let start = 0; start < snapshotIds.length; start += MAX_FILTER_VALUES) {
      // By a filter: one that is gone is not shown, and no error.
      const Filters = [{ Name: 'snapshot-id', Values: snapshotIds.slice(start, start + MAX_FILTER_VALUES) }];
      const describe = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters, MaxResults: PAGE_SIZE });
      const { Snapshots = [] } = await this.#ec2.send(describe);
      found.push(...Snapshots.map((snapshot) => ({ ...toSnapshotFacts(snapshot), tags: toTags(snapshot.Tags) })));
    }
    return found;
  }

  async encryptsByDefault(): Promise<boolean> {
    const { EbsEncryptionByDefault } = await this.#ec2.send(new GetEbsEncryptionByDefaultCommand({}));
    return required(EbsEncryptionByDefault, 'EbsEncryptionByDefault');
  }

  async tagSnapshots(snapshotIds: readonly string[], tags: readonly Tag[]): Promise<void> {
    await this.#tag(snapshotIds, tags);
  }

  async mark(imageId: string, marker: CopyMarker): Promise<void> {
    await this.#tag([imageId], [{ key: MARKER, value: formatMarker(marker) }]);
  }

  async deprecate(imageId: string, at: string): Promise<void> {
    try {
      await this.#ec2.send(new EnableImageDeprecationCommand({ ImageId: imageId, DeprecateAt: new Date(at) }));
    } catch (error) {
      throw classifyEc2Error(error);
    }
  }

  async disable(imageId: string): Promise<void> {
    await disableImage(this.#ec2, imageId);
  }

  async remove(imageId: string): Promise<string[]> {
    const deregister = new DeregisterImageCommand({ ImageId: imageId, DeleteAssociatedSnapshots: true });
    const { DeleteSnapshotResults = [] } = await this.#ec2.send(deregister).catch(unlessGone);
    // The image goes even where snapshots stay (EC2 API Reference, DeregisterImage). "skipped" are those in use elsewhere.
    const undeleted = DeleteSnapshotResults.filter(
      ({ ReturnCode }) => ReturnCode !== 'success' && ReturnCode !== 'skipped',
    );
    const stay: string[] = [];
    for (const { SnapshotId } of undeleted) {
      const snapshotId = required(SnapshotId, 'SnapshotId');
      // The image is gone: an error now would hide what became of it, and no later call comes back to its snapshots.
      await deleteSnapshot(this.#ec2, snapshotId).catch(() => stay.push(snapshotId));
    }
    return stay;
  }

  async removeFailedSnapshots(): Promise<string[]> {
    const filters = [this.#markerFilter(), { Name: 'status', Values: ['error'] }];
    const pages = paginateDescribeSnapshots(
      { client: this.#ec2, pageSize: PAGE_SIZE },
      { OwnerIds: ['self'], Filters: filters },
    );
    const removed: string[] = [];
    for await (const { Snapshots = [] } of pages) {
      for (const { SnapshotId } of Snapshots) {
        const snapshotId = required(SnapshotId, 'SnapshotId');
        if ((await deleteSnapshot(this.#ec2, snapshotId)) === 'deleted') removed.push(snapshotId);
      }
    }
    return removed;
  }

  async findLaunchable(imageIds: readonly string[]): Promise<ImageFacts[]> {
    const images = await this.#byId(imageIds);
    return images.filter(({ State }) => State === 'available').map(toImageFacts);
  }

  async listCopies(): Promise<ImageFacts[]> {
    return (await this.#images([{ Name: 'tag-key', Values: [MARKER, COPIED_FROM] }])).map(toImageFacts);
  }

  async #byId(imageIds: readonly string[]): Promise<Image[]> {
    const images: Image[] = [];
    for (let start = 0; start < imageIds.length; start += MAX_FILTER_VALUES) {
      const Values = imageIds.slice(start, start + MAX_FILTER_VALUES);
      images.push(...(await this.#images([{ Name: 'image-id', Values }])));
    }
    return images;
  }

  async #copies(filters: Filter[]): Promise<OwnCopy[]> {
    return (await this.#images(filters)).flatMap((image) => toOwnCopy(image, this.#copyist) ?? []);
  }

  async #images(filters: Filter[]): Promise<Image[]> {
    const own: DescribeImagesCommandInput = { Owners: ['self'], IncludeDisabled: true, Filters: filters };
    const images: Image[] = [];
    for await (const { Images = [] } of paginateDescribeImages({ client: this.#ec2, pageSize: PAGE_SIZE }, own)) {
      images.push(...Images);
    }
    return images;
  }

  #markerFilter(...states: Parameters<typeof markerPatterns>[1][]): Filter {
    return { Name: `tag:${MARKER}`, Values: markerPatterns(this.#copyist.copier, ...states) };
  }

  async #tag(resources: readonly string[], tags: readonly Tag[]): Promise<void> {
    await this.#ec2.send(new CreateTagsCommand({ Resources: [...resources], Tags: fromTags(tags) }));
  }
}

/**
 * Disables an image. What EC2 answers for one that is disabled already is not documented: an error is none where that is so, for
 * two deliveries of a message may meet at it.
 */
export async function disableImage(ec2: EC2Client, imageId: string): Promise<void> {
  try {
    await ec2.send(new DisableImageCommand({ ImageId: imageId }));
  } catch (error) {
    if (!isImageUnavailable(error)) throw error;
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId], IncludeDisabled: true }));
    if (!Images.some(({ State }) => State === 'disabled')) throw error;
  }
}

/** Deletes a snapshot, and says what became of it; one that an image uses stays. */
export async function deleteSnapshot(ec2: EC2Client, snapshotId: string): Promise<'deleted' | 'gone' | 'in use'> {
  try {
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }));
    return 'deleted';
  } catch (error) {
    if (isSnapshotInUse(error)) return 'in use';
    if (isSnapshotGone(error)) return 'gone';
    throw error;
  }
}

function unlessGone(error: unknown): { DeleteSnapshotResults?: never } {
  if (isImageGone(error)) return {};
  throw error;
}

/** Undefined for an image that is not ours. */
function toOwnCopy(image: Image, copyist: Copyist): OwnCopy | undefined {
  const facts = toImageFacts(image);
  const ownership = ownershipOf(facts, copyist);
  if (ownership.kind !== 'ours') return undefined;
  const { imageId, state, tags } = facts;
  const { sourceImageId, sourceRegion, marker } = ownership;
  const { StateReason, DeprecationTime } = image;
  return {
    imageId,
    state,
    ...(StateReason?.Message !== undefined && { stateReason: StateReason.Message }),
    name: required(image.Name, 'Name'),
    description: image.Description ?? '',
    createdAt: required(image.CreationDate, 'CreationDate'),
    sourceImageId,
    sourceRegion,
    tags,
    watermarks: toWatermarks(image.ImageWatermarks),
    marker,
    snapshotIds: snapshotIdsOf(facts),
    unencryptedBlanks: unencryptedBlanksOf(facts),
    ...(DeprecationTime !== undefined && { deprecatesAt: DeprecationTime }),
  };
}
