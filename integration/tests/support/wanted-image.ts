import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { sharedTagsOf } from '../../../lambda/src/core/shared-tags.ts';
import type { BakedImage } from '../../../scripts/tool/common/bake.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { REGION } from './emulator.ts';

/** Tags an image as one of which copies are wanted, as the publisher in the source account does. */
export async function tagAsWanted(
  { ec2 }: Pick<EmulatedAccount, 'ec2'>,
  { imageId, tags }: Pick<BakedImage, 'imageId' | 'tags'>,
  regions: readonly string[] = [REGION],
): Promise<void> {
  const shared = sharedTagsOf(
    Object.entries(tags).map(([key, value]) => ({ key, value })),
    regions,
  );
  const Tags = shared.map(({ key, value }) => ({ Key: key, Value: value }));
  await ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags }));
}
