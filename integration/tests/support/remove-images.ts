import { DeregisterImageCommand, paginateDescribeImages } from '@aws-sdk/client-ec2';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';

/** Deregisters all images of the account and deletes their snapshots. */
export async function removeImages({ ec2 }: EmulatedAccount): Promise<void> {
  for await (const { Images = [] } of paginateDescribeImages(
    { client: ec2 },
    { Owners: ['self'], IncludeDisabled: true },
  )) {
    for (const { ImageId } of Images) {
      await ec2.send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));
    }
  }
}
