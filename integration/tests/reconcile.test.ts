import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DeregisterImageCommand, type Image } from '@aws-sdk/client-ec2';
import { DeleteMessageCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { bakeImage, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies } from '../../scripts/tool/common/copies.ts';
import { expectedTags, tagsOf } from '../../scripts/dev/inspect-copy.ts';
import { emulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { sweepWakeUp, TargetAccount } from './support/target-account.ts';
import { tagAsWanted } from './support/wanted-image.ts';

/** Accounts to which no message ever comes: what they copy, they ask for by what they see. */
const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const RECIPES = ['ubuntu', 'centos'] as const;
const OLDER_BAKES = 4;
/** An account that is there from the beginning, and one that is added after ten bakes. */
const laterId = newAccountId();
let first: Stage;
let later: Stage;
const newest = new Map<string, BakedImage>();
let bakes = 0;

interface Stage {
  readonly target: TargetAccount;
  readonly copying: HandlerProcess;
  readonly settling: HandlerProcess;
}

async function openStage(accountId?: string): Promise<Stage> {
  const target = await TargetAccount.create(source.id, [], accountId);
  const [copying, settling] = await Promise.all([target.startFunction(), target.startSettling()]);
  return { target, copying, settling };
}

async function bakeFor(accounts: readonly string[], recipe: string): Promise<BakedImage> {
  bakes += 1;
  const name = `${recipe}_${bakes}`;
  const tags = { Recipe: recipe, Name: name };
  const image = await bakeImage(source.ec2, { name, description: `bake ${bakes}`, tags, volumeSizes: [8, 20] });
  await share(source.ec2, image, accounts);
  await tagAsWanted(source, image);
  return image;
}

/** EC2 tells the time of an image in seconds. */
async function untilNextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000);
  await waitFor('the next second', () => Promise.resolve(Math.floor(Date.now() / 1000) > second ? true : undefined));
}

const asked = ({ settling }: Stage) =>
  settling
    .logLines()
    .filter(({ message }) => message === 'sweep done')
    .at(-1)?.['asked'];
const sweep = async (stage: Stage) => {
  await stage.settling.invoke(sweepWakeUp());
  return asked(stage);
};
const newestIds = () => RECIPES.map((recipe) => newest.get(recipe)?.imageId).sort();

/** Delivers what is in the queue, as the event source mapping does. */
async function deliver({ target, copying }: Stage): Promise<void> {
  for (const record of await target.receive()) {
    expect((await copying.invoke(record)).batchItemFailures).toEqual([]);
    const { receiptHandle: ReceiptHandle } = record;
    await target.account.sqs.send(new DeleteMessageCommand({ QueueUrl: target.queueUrl, ReceiptHandle }));
  }
}

async function waiting({ target }: Stage): Promise<string | undefined> {
  const { Attributes } = await target.account.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: target.queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  return Attributes?.['ApproximateNumberOfMessages'];
}

async function endedCopies({ target }: Stage, { imageId }: BakedImage): Promise<Image[]> {
  return await waitFor(`the copy of ${imageId} to end`, async () => {
    const found = await findCopies(target.account, imageId);
    return found.length > 0 && found.every(({ State }) => State !== 'pending') ? found : undefined;
  });
}

async function ubuntu(): Promise<BakedImage> {
  await untilNextSecond();
  return await bakeFor([first.target.account.id, laterId], 'ubuntu');
}

beforeAll(async () => {
  first = await openStage();
  const accounts = [first.target.account.id, laterId];
  await Promise.all(
    Array.from({ length: OLDER_BAKES }, () => RECIPES.map((recipe) => bakeFor(accounts, recipe))).flat(),
  );
  await untilNextSecond();
  for (const recipe of RECIPES) newest.set(recipe, await bakeFor(accounts, recipe));
  later = await openStage(laterId);
});

afterAll(async () => {
  await Promise.all([first, later].map(({ target }) => target.close()));
  await removeImages(source);
});

describe('without any message', () => {
  it.each([
    ['that was there before', () => first],
    ['that is deployed after ten bakes', () => later],
  ])('an account %s has its newest copies by one sweep', async (_what, stageOf) => {
    const stage = stageOf();
    expect([...((await sweep(stage)) as string[])].sort()).toEqual(newestIds());
    await deliver(stage);

    for (const image of newest.values()) {
      const [copy, ...others] = await endedCopies(stage, image);
      expect(others).toEqual([]);
      expect(copy).toMatchObject({ State: 'available', Name: image.name, Description: image.description });
      expect(tagsOf(copy ?? {})).toMatchObject(expectedTags(image));
    }
  });

  it('nothing is asked for twice, whether the copies are announced or not', async () => {
    expect(await sweep(first)).toEqual([]);
    expect(await sweep(first)).toEqual([]);
    expect(await waiting(first)).toBe('0');
    expect(first.settling.logLines().filter(({ outcome }) => outcome === 'settled')).toHaveLength(RECIPES.length);
  });

  it('the next bake is copied by the next sweep', async () => {
    const image = await ubuntu();
    expect(await sweep(first)).toEqual([image.imageId]);
    expect(await sweep(first)).toEqual([]);
    await deliver(first);
    expect(await endedCopies(first, image)).toMatchObject([{ State: 'available' }]);
  });

  it('an image of another Region is copied into this one, where the account looks there', async () => {
    const elsewhere = emulatedAccount(endpoint(), source.id, 'eu-central-1');
    const tags = { Recipe: 'debian', Name: 'debian' };
    const image = await bakeImage(elsewhere.ec2, { name: 'debian', description: '', tags, volumeSizes: [8] });
    await share(elsewhere.ec2, image, [first.target.account.id]);
    await tagAsWanted(elsewhere, image, [REGION]);
    expect(await sweep(first)).toEqual([]);

    const settling = await first.target.startSettling({ RECONCILE_REGIONS: `${REGION},eu-central-1` });
    expect(await sweep({ ...first, settling })).toEqual([image.imageId]);
    await deliver(first);
    expect(await endedCopies(first, image)).toMatchObject([{ State: 'available', SourceImageRegion: 'eu-central-1' }]);
    await removeImages(elsewhere);
  });

  it('what was retired stays away, though it is shared and the newest', async () => {
    const image = await ubuntu();
    const end = { kind: 'retired', at: new Date().toISOString(), reason: 'It was retired.' };
    const Name = `/image-copier-ended/image-copier/${image.imageId}`;
    await later.target.account.ssm.send(new PutParameterCommand({ Name, Value: JSON.stringify(end), Type: 'String' }));
    expect(await sweep(later)).toEqual([]);
    expect(await sweep(first)).toEqual([image.imageId]);
    await deliver(first);
    await source.ec2.send(new DeregisterImageCommand({ ImageId: image.imageId }));
  });

  it('what is refused is a dead letter once, and is not asked for again in the same words', async () => {
    const stage = later;
    const copying = await stage.target.startFunction({ COPY_TAGS: JSON.stringify(manyTags()) });
    const image = await ubuntu();
    expect(await sweep(stage)).toEqual([image.imageId]);
    await deliver({ ...stage, copying });
    expect(await stage.target.takeDeadLetters()).toHaveLength(1);

    const settling = await stage.target.startSettling({ RETRY_SECONDS: '1' });
    await untilNextSecond();
    await untilNextSecond();
    expect(await sweep({ ...stage, settling })).toEqual([]);

    await tagAsWanted(source, { ...image, tags: { ...image.tags, Name: 'in other words' } });
    expect(await sweep({ ...stage, settling })).toEqual([image.imageId]);
  });
});

/** So many that no request has room beside them. */
function manyTags(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 47 }, (_, index) => [`tag${index}`, '']));
}
