import {
  CreateTagsCommand,
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  paginateDescribeImages,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import type { Tag } from '../core/copy-request.ts';
import type { SourceImages, TaggedImage } from '../core/publish-image.ts';
import { inCalls, TARGETS_TAG, type Permissions, type Sharing } from '../core/source-image.ts';
import { classifyEc2Error } from './ec2-errors.ts';
import { PAGE_SIZE } from './ec2-image-catalogue.ts';
import { fromTags, required, toTags } from './ec2-image-facts.ts';

/** The images of the account that bakes them, in one Region. Each method throws what {@link classifyEc2Error} makes of EC2's answer. */
export class Ec2SourceImages implements SourceImages {
  readonly #ec2: EC2Client;

  constructor(ec2: EC2Client) {
    this.#ec2 = ec2;
  }

  async findTagged(imageIds?: readonly string[]): Promise<TaggedImage[]> {
    // By filters: one that is gone is not shown, and no error.
    const Filters = [
      { Name: 'tag-key', Values: [TARGETS_TAG] },
      { Name: 'state', Values: ['available'] },
      ...(imageIds ? [{ Name: 'image-id', Values: [...imageIds] }] : []),
    ];
    const pages = paginateDescribeImages({ client: this.#ec2, pageSize: PAGE_SIZE }, { Owners: ['self'], Filters });
    return await classified(async () => {
      const images: TaggedImage[] = [];
      for await (const { Images = [] } of pages) images.push(...Images.map(toTaggedImage));
      return images;
    });
  }

  async sharingOf({ imageId, ownerId, snapshotIds }: TaggedImage): Promise<Sharing> {
    return await classified(async () => ({ ownerId, ...(await readSharing(this.#ec2, imageId, snapshotIds)) }));
  }

  async allow(imageId: string, { launch, snapshots }: Permissions): Promise<void> {
    await this.#change('Add', imageId, { launch, snapshots });
  }

  async withdraw(imageId: string, permissions: Permissions): Promise<void> {
    await this.#change('Remove', imageId, permissions);
  }

  async tag(imageId: string, tags: readonly Tag[]): Promise<void> {
    await classified(async () => {
      await this.#ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags: fromTags(tags) }));
    });
  }

  async #change(change: Change, imageId: string, { launch, snapshots }: Permissions): Promise<void> {
    await classified(async () => {
      for (const accounts of inCalls(launch)) await this.#ec2.send(changeLaunch(imageId, change, accounts));
      for (const [snapshotId, users] of snapshots) {
        for (const accounts of inCalls(users)) await this.#ec2.send(changeVolumes(snapshotId, change, accounts));
      }
    });
  }
}

type Change = 'Add' | 'Remove';

/** The call that gives accounts launch permission on an image, or takes it from them. */
export function changeLaunch(
  ImageId: string,
  change: Change,
  accounts: readonly string[],
): ModifyImageAttributeCommand {
  return new ModifyImageAttributeCommand({
    ImageId,
    LaunchPermission: { [change]: accounts.map((UserId) => ({ UserId })) },
  });
}

/** The call that lets accounts make volumes of a snapshot, and so copy it, or lets them no longer. */
export function changeVolumes(
  SnapshotId: string,
  change: Change,
  accounts: readonly string[],
): ModifySnapshotAttributeCommand {
  return new ModifySnapshotAttributeCommand({
    SnapshotId,
    Attribute: 'createVolumePermission',
    CreateVolumePermission: { [change]: accounts.map((UserId) => ({ UserId })) },
  });
}

/** Reads who may use an image and each of its snapshots. */
export async function readSharing(
  ec2: EC2Client,
  ImageId: string,
  snapshotIds: readonly string[],
): Promise<Omit<Sharing, 'ownerId'>> {
  const [{ LaunchPermissions = [] }, users] = await Promise.all([
    ec2.send(new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' })),
    Promise.all(snapshotIds.map((snapshotId) => usersOf(ec2, snapshotId))),
  ]);
  return {
    launchers: LaunchPermissions.flatMap(({ UserId }) => UserId ?? []),
    isPublic: LaunchPermissions.some(({ Group }) => Group === 'all'),
    organizations: LaunchPermissions.flatMap(
      ({ OrganizationArn, OrganizationalUnitArn }) => OrganizationArn ?? OrganizationalUnitArn ?? [],
    ),
    snapshotUsers: new Map(snapshotIds.map((snapshotId, index) => [snapshotId, users[index] ?? []])),
  };
}

async function usersOf(ec2: EC2Client, SnapshotId: string): Promise<string[]> {
  const { CreateVolumePermissions = [] } = await ec2.send(
    new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' }),
  );
  return CreateVolumePermissions.flatMap(({ UserId, Group }) => UserId ?? Group ?? []);
}

/** What an image needs to be copied by others, as far as EC2 shows it with the image. */
export function copyableParts({ BlockDeviceMappings = [], ProductCodes = [] }: Image) {
  return {
    snapshotIds: BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
    productCodes: ProductCodes.flatMap(({ ProductCodeId }) => ProductCodeId ?? []),
  };
}

function toTaggedImage(image: Image): TaggedImage {
  return {
    imageId: required(image.ImageId, 'ImageId'),
    ownerId: required(image.OwnerId, 'OwnerId'),
    createdAt: required(image.CreationDate, 'CreationDate'),
    name: image.Name ?? '',
    description: image.Description ?? '',
    tags: toTags(image.Tags),
    ...copyableParts(image),
  };
}

async function classified<T>(calls: () => Promise<T>): Promise<T> {
  try {
    return await calls();
  } catch (error) {
    throw classifyEc2Error(error);
  }
}
