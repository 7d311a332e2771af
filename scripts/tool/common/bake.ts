import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeAvailabilityZonesCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  waitUntilImageAvailable,
  waitUntilSnapshotCompleted,
  waitUntilVolumeAvailable,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { messageOf } from './message-of.ts';
import { WaitError } from './wait-for.ts';

export interface BakedImage {
  readonly imageId: string;
  readonly snapshotIds: readonly string[];
  readonly name: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Recipe {
  readonly name: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** GiB of each volume, the root volume first. */
  readonly volumeSizes: readonly number[];
  /** ARN of the key that its snapshots are encrypted with. */
  readonly keyArn?: string;
}

// EC2 has an empty volume and its snapshot ready within some minutes. The SDK's own waiters would ask ever more rarely.
const WAIT = { maxWaitTime: 15 * 60, minDelay: 3, maxDelay: 3 };

/**
 * Makes an image, unencrypted unless a key is named, with a snapshot for each volume, as a bake does, and waits until it is
 * available.
 * @throws {WaitError} if EC2 fails to make a part of it, or takes too long
 */
export async function bakeImage(
  ec2: EC2Client,
  { name, description, tags, volumeSizes, keyArn }: Recipe,
  signal?: AbortSignal,
): Promise<BakedImage> {
  const snapshotIds = await Promise.all(volumeSizes.map((size) => bakeSnapshot(ec2, size, keyArn, signal)));
  const { ImageId: imageId } = await ec2.send(
    new RegisterImageCommand({
      Name: name,
      Description: description,
      Architecture: 'x86_64',
      VirtualizationType: 'hvm',
      RootDeviceName: deviceName(0),
      BlockDeviceMappings: snapshotIds.map((SnapshotId, index) => ({
        DeviceName: deviceName(index),
        Ebs: { SnapshotId, DeleteOnTermination: true },
      })),
      TagSpecifications: [
        { ResourceType: 'image', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
      ],
    }),
  );
  if (!imageId) throw new Error('RegisterImage answered without an image id');
  await until(`image ${imageId} to be available`, signal, (abort) =>
    waitUntilImageAvailable({ client: ec2, ...WAIT, ...abort }, { ImageIds: [imageId] }),
  );
  return { imageId, snapshotIds, name, description, tags };
}

/** Lets accounts see the image and copy its snapshots: a copy needs both. */
export async function share(ec2: EC2Client, image: BakedImage, accounts: readonly string[]): Promise<void> {
  await shareImage(ec2, image, accounts);
  await shareSnapshots(ec2, image, accounts);
}

/** Lets accounts see the image. That alone is not enough to copy it: see {@link share}. */
export async function shareImage(ec2: EC2Client, image: BakedImage, accounts: readonly string[]): Promise<void> {
  const Add = accounts.map((UserId) => ({ UserId }));
  await ec2.send(new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission: { Add } }));
}

/** Lets accounts copy the image's snapshots (EC2 User Guide, "How Amazon EC2 AMI copy works"). */
export async function shareSnapshots(ec2: EC2Client, image: BakedImage, accounts: readonly string[]): Promise<void> {
  const Add = accounts.map((UserId) => ({ UserId }));
  await Promise.all(
    image.snapshotIds.map((SnapshotId) =>
      ec2.send(
        new ModifySnapshotAttributeCommand({
          SnapshotId,
          Attribute: 'createVolumePermission',
          CreateVolumePermission: { Add },
        }),
      ),
    ),
  );
}

/** The copy request for an image, as guardian/amigo publishes it, and the time within which EC2 is to copy, which only we know. */
export function copyRequestFor(
  image: BakedImage,
  sourceRegion: string,
  targetAccounts: readonly string[],
  withinMinutes?: number,
) {
  const { imageId: sourceAmi, name, description, tags } = image;
  const pace = withinMinutes === undefined ? {} : { withinMinutes };
  return { sourceAmi, sourceRegion, targetAccounts, name, description, tags, ...pace };
}

async function bakeSnapshot(
  ec2: EC2Client,
  sizeGiB: number,
  keyArn: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  // Not every account has a zone "a" in each Region.
  const { AvailabilityZones: [zone] = [] } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
  const { VolumeId } = await ec2.send(
    new CreateVolumeCommand({
      AvailabilityZone: zone?.ZoneName,
      Size: sizeGiB,
      Encrypted: keyArn !== undefined,
      KmsKeyId: keyArn,
    }),
  );
  if (!VolumeId) throw new Error('CreateVolume answered without a volume id');
  await until(`volume ${VolumeId} to be available`, signal, (abort) =>
    waitUntilVolumeAvailable({ client: ec2, ...WAIT, ...abort }, { VolumeIds: [VolumeId] }),
  );
  const { SnapshotId } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
  if (!SnapshotId) throw new Error('CreateSnapshot answered without a snapshot id');
  await until(`snapshot ${SnapshotId} to be completed`, signal, (abort) =>
    waitUntilSnapshotCompleted({ client: ec2, ...WAIT, ...abort }, { SnapshotIds: [SnapshotId] }),
  );
  await ec2.send(new DeleteVolumeCommand({ VolumeId }));
  return SnapshotId;
}

/** Waits as the SDK does. Its errors list what EC2 answered; they lack what was waited for, and why it was stopped. */
async function until(
  what: string,
  signal: AbortSignal | undefined,
  wait: (abort: { abortSignal?: AbortSignal }) => Promise<unknown>,
): Promise<void> {
  try {
    await wait(signal ? { abortSignal: signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw new WaitError(`Waited in vain for ${what}: ${messageOf(error)}`, { cause: error });
  }
}

function deviceName(index: number): string {
  return `/dev/sd${String.fromCharCode('a'.charCodeAt(0) + index)}${index === 0 ? '1' : ''}`;
}
