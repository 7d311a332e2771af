import { RegisterImageCommand } from '@aws-sdk/client-ec2';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { bakeImage, share, type BakedImage, type Recipe } from '../../../scripts/tool/common/bake.ts';

export const BLANK_DEVICE = '/dev/xvdcz';

/** An image with a root snapshot and a data disk that EC2 makes empty, as Bottlerocket's users have it, with other devices without a snapshot. */
export async function bakeWithBlankVolume(
  { ec2 }: EmulatedAccount,
  recipe: Omit<Recipe, 'volumeSizes'>,
  { sharedWith, encrypted }: { readonly sharedWith: string; readonly encrypted?: true },
): Promise<BakedImage> {
  const { name, description, tags } = recipe;
  const plain = await bakeImage(ec2, { ...recipe, name: `${name}-plain`, volumeSizes: [8] });
  const [SnapshotId] = plain.snapshotIds;
  const { ImageId: imageId = '' } = await ec2.send(
    new RegisterImageCommand({
      Name: name,
      Description: description,
      Architecture: 'x86_64',
      VirtualizationType: 'hvm',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { SnapshotId } },
        { DeviceName: BLANK_DEVICE, Ebs: { VolumeSize: 22, ...(encrypted && { Encrypted: encrypted }) } },
        { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
        { DeviceName: '/dev/sdc', NoDevice: '' },
      ],
      TagSpecifications: [
        { ResourceType: 'image', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
      ],
    }),
  );
  const image = { ...plain, imageId, name };
  await share(ec2, image, [sharedWith]);
  return image;
}
