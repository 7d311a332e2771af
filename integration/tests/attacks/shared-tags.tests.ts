import { randomUUID } from 'node:crypto';
import { ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { DeleteParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { logLines } from '../support/log-lines.ts';
import { tagAsWanted } from '../support/wanted-image.ts';
import { InVain, testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import { accounts, administrator, bake, queueUrl, sourceAdministrator, stranger } from './cast.ts';
import type { Identity } from './identity.ts';

const LOG_GROUP = '/aws/lambda/image-copier-settle-copy';
let recipes = 0;

/** What each sweep of the target account asked for so far, one list a sweep. */
async function askedBySweeps(): Promise<string[][]> {
  const lines = await logLines(accounts.canary, LOG_GROUP);
  return lines.flatMap((line) => {
    if (!line.includes('"sweep done"')) return [];
    return [(JSON.parse(line) as { asked: string[] }).asked];
  });
}

/** Has the target account sweep, and sees whether it asks for the image. */
async function sweepFor({ imageId }: BakedImage): Promise<void> {
  const before = (await askedBySweeps()).length;
  // The queue drops a message that it has had within five minutes.
  const event = { id: randomUUID(), source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };
  await calls.send(queueUrl(administrator, 'settle.fifo'), JSON.stringify(event))(administrator);
  const asked = await waitFor('a sweep', async () => {
    const sweeps = await askedBySweeps();
    return sweeps.length > before ? sweeps.slice(before).flat() : undefined;
  });
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
