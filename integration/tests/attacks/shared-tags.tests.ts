import { ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { DeleteParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { tagAsWanted } from '../support/wanted-image.ts';
import { InVain, testAttacks } from './attack.ts';
import { administrator, bake, sourceAdministrator, stranger } from './cast.ts';
import type { Identity } from './identity.ts';
import { sweep } from './sweep.ts';

let recipes = 0;

/** Has the target account sweep, and sees whether it asks for the image. */
async function sweepFor({ imageId }: BakedImage): Promise<void> {
  const asked = await sweep();
  if (!asked.includes(imageId)) throw new InVain('not asked for');
}

/** An image of somebody's own, of a recipe of its own, that says of itself that copies of it are wanted. */
async function bakeWanted(by: Identity, change?: (image: BakedImage) => Promise<unknown>): Promise<BakedImage> {
  recipes += 1;
  const image = await bake(by);
  await tagAsWanted(by, { ...image, tags: { Recipe: `wanted-${recipes}` } });
  await (change ?? ((each) => share(by.ec2, each, [administrator.account])))(image);
  return image;
}

async function shareWanted(by: Identity): Promise<void> {
  await sweepFor(await bakeWanted(by));
}

/** The account has noted that the image was taken away: as retire-image notes it. */
async function shareRevoked(by: Identity): Promise<void> {
  const image = await bakeWanted(by);
  const Name = `/image-copier-ended/image-copier/${image.imageId}`;
  const Value = JSON.stringify({ kind: 'revoked', at: new Date().toISOString(), reason: 'It is bad.' });
  await administrator.ssm.send(new PutParameterCommand({ Name, Value, Type: 'String' }));
  try {
    await sweepFor(image);
  } finally {
    await administrator.ssm.send(new DeleteParameterCommand({ Name }));
  }
}

function makePublic({ ec2 }: Identity) {
  return ({ imageId: ImageId }: BakedImage) =>
    ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add: [{ Group: 'all' }] } }));
}

testAttacks('an image that asks for copies', [
  {
    name: 'shares an image of its own that says that copies are wanted',
    by: stranger,
    call: shareWanted,
    answer: 'not asked for',
    passes: sourceAdministrator,
  },
  {
    name: 'makes such an image public',
    by: stranger,
    call: async (by) => {
      await sweepFor(await bakeWanted(by, makePublic(by)));
    },
    answer: 'not asked for',
    passes: () => shareWanted(sourceAdministrator),
  },
  {
    name: 'shares such an image again once it is revoked',
    by: sourceAdministrator,
    call: shareRevoked,
    answer: 'not asked for',
    passes: () => shareWanted(sourceAdministrator),
  },
]);
