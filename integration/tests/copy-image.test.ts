import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AttachImageWatermarkCommand,
  CopyImageCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
} from '@aws-sdk/client-ec2';
import { ReceiveMessageCommand, type Message } from '@aws-sdk/client-sqs';
import {
  bakeImage,
  copyRequestFor,
  share,
  shareImage,
  shareSnapshots,
  type BakedImage,
} from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { expectedTags, tagsOf } from '../../scripts/dev/inspect-copy.ts';
import { COPY_IMAGE_ACTIONS } from '../../scripts/tool/doctor/called-actions.ts';
import { emulatedAccount, type EmulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { endCopies, endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import { CallRecorder } from './support/function-calls.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { TargetAccount } from './support/target-account.ts';

const OTHER_REGION = 'us-east-1';
const sourceId = newAccountId();
const source = emulatedAccount(endpoint(), sourceId, REGION);
const opened: TargetAccount[] = [];
const sources = [source];
let bakes = 0;

/** A target account of the test's own, with its function running. */
async function openTarget(): Promise<{ target: TargetAccount; handler: HandlerProcess }> {
  const target = await TargetAccount.create(sourceId);
  opened.push(target);
  return { target, handler: await target.startFunction() };
}

function bake(account: EmulatedAccount = source): Promise<BakedImage> {
  bakes += 1;
  return bakeImage(account.ec2, {
    name: `amigo_ubuntu_${bakes}_2026/11/23_22-10-00`,
    description: `AMI for ubuntu built by Amigo: #${bakes}`,
    tags: { BuiltBy: 'amigo', AmigoStage: 'PROD', Name: `amigo_ubuntu_${bakes}`, Recipe: 'ubuntu' },
    volumeSizes: [8, 20],
  });
}

async function bakeFor(target: TargetAccount, account: EmulatedAccount = source): Promise<BakedImage> {
  const image = await bake(account);
  await share(account.ec2, image, [target.account.id]);
  return image;
}

function requestFor(image: BakedImage, targetAccounts: readonly string[], changes: object = {}): string {
  return JSON.stringify({ ...copyRequestFor(image, REGION, targetAccounts), ...changes });
}

async function settledCopies(account: EmulatedAccount, image: BakedImage) {
  return await waitFor(`copies of ${image.imageId} to end`, async () => {
    const copies = await findCopies(account, image.imageId);
    return copies.length > 0 && copies.every(({ State }) => State !== 'pending') ? copies : undefined;
  });
}

/** As guardian/amigo's copier does it: the copy first, its tags in a second call. */
async function copyAsAmigo({ account, keyArn }: TargetAccount, image: BakedImage): Promise<string> {
  const { ImageId = '' } = await account.ec2.send(
    new CopyImageCommand({
      SourceImageId: image.imageId,
      SourceRegion: REGION,
      Name: image.name,
      Encrypted: true,
      KmsKeyId: keyArn,
    }),
  );
  return ImageId;
}

async function tagAsAmigo({ account }: TargetAccount, image: BakedImage, imageId: string): Promise<void> {
  const Tags = Object.entries(expectedTags(image)).map(([Key, Value]) => ({ Key, Value }));
  await account.ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags }));
}

const reasonOf = (message: Message | undefined) => message?.MessageAttributes?.['Reason']?.StringValue;

afterAll(async () => {
  await Promise.all(opened.map((target) => target.close()));
  await Promise.all(sources.map(removeImages));
});

describe('a copy', () => {
  let target: TargetAccount;
  let image: BakedImage;

  beforeAll(async () => {
    const open = await openTarget();
    target = open.target;
    image = await bakeFor(target);
    await source.ec2.send(new AttachImageWatermarkCommand({ ImageId: image.imageId, WatermarkName: 'prod-baseline' }));
    await target.deliver(open.handler, requestFor(image, ['999999999999', target.account.id]));
  });

  it('is one available image, encrypted under the key of this account', async () => {
    const [copy, ...others] = await settledCopies(target.account, image);
    const snapshots = await snapshotsOf(target.account, copy ?? {});

    expect(others).toEqual([]);
    expect(copy).toMatchObject({ State: 'available', OwnerId: target.account.id, SourceImageId: image.imageId });
    expect(snapshots.map(({ VolumeSize }) => VolumeSize).sort()).toEqual([20, 8]);
    for (const snapshot of snapshots) {
      expect(snapshot).toMatchObject({ Encrypted: true, KmsKeyId: target.keyArn, OwnerId: target.account.id });
    }
  });

  it('has the name and the description of its source', async () => {
    const [copy] = await settledCopies(target.account, image);

    expect(copy).toMatchObject({ Name: image.name, Description: image.description });
  });

  it('carries the watermark of its source', async () => {
    const [copy] = await settledCopies(target.account, image);
    const { Images } = await source.ec2.send(new DescribeImagesCommand({ ImageIds: [image.imageId] }));

    expect(copy?.ImageWatermarks).toEqual(Images?.[0]?.ImageWatermarks);
    expect(copy?.ImageWatermarks).toMatchObject([
      { WatermarkKey: `${sourceId}:prod-baseline`, SourceImageRegion: REGION },
    ]);
  });

  it('has all tags on the image and on each snapshot', async () => {
    const [copy] = await settledCopies(target.account, image);
    const snapshots = await snapshotsOf(target.account, copy ?? {});

    expect(tagsOf(copy ?? {})).toEqual(expectedTags(image));
    expect(snapshots.map(tagsOf)).toEqual([expectedTags(image), expectedTags(image)]);
  });
});

describe('a request', () => {
  it('for every account is copied', async () => {
    const { target, handler } = await openTarget();
    const image = await bakeFor(target);

    expect(await target.deliver(handler, requestFor(image, ['*']))).toEqual({ outcome: 'done' });
    expect(await findCopies(target.account, image.imageId)).toHaveLength(1);
  });

  it('for other accounts is ignored', async () => {
    const { target, handler } = await openTarget();
    const image = await bakeFor(target);

    expect(await target.deliver(handler, requestFor(image, ['999999999999']))).toEqual({ outcome: 'done' });
    expect(await findCopies(target.account, image.imageId)).toEqual([]);
    expect(await target.takeDeadLetters()).toEqual([]);
    expect(handler.logLines()).toContainEqual(expect.objectContaining({ outcome: 'ignored' }));
  });

  it('for an image of another Region is copied from there', async () => {
    const { target, handler } = await openTarget();
    const elsewhere = emulatedAccount(endpoint(), sourceId, OTHER_REGION);
    sources.push(elsewhere);
    const image = await bakeFor(target, elsewhere);

    await target.deliver(handler, requestFor(image, ['*'], { sourceRegion: OTHER_REGION }));

    const [copy] = await settledCopies(target.account, image);
    expect(copy).toMatchObject({ State: 'available', SourceImageRegion: OTHER_REGION });
  });

  it('that comes many times, also at the same time, makes one copy', async () => {
    const { target, handler } = await openTarget();
    const others = await Promise.all([target.startFunction(), target.startFunction()]);
    const image = await bakeFor(target);
    const body = requestFor(image, ['*']);
    const records = await target.receive(...Array.from({ length: 6 }, () => body));

    const answers = await Promise.all(
      records.map((record, index) => ([handler, ...others][index % 3] ?? handler).invoke(record)),
    );
    await target.deliver(handler, body);

    expect(answers).toEqual(records.map(() => ({ batchItemFailures: [] })));
    expect(await settledCopies(target.account, image)).toHaveLength(1);
    expect(handler.logLines()).toContainEqual(expect.objectContaining({ outcome: 'reused' }));
  });

  it('that comes with other tags at the same time makes no second copy', async () => {
    const { target, handler } = await openTarget();
    const other = await target.startFunction();
    const image = await bakeFor(target);
    const bodies = [requestFor(image, ['*']), requestFor(image, ['*'], { tags: { Recipe: 'other' } })];
    const [one, two] = await target.receive(...bodies);
    if (!one || !two) throw new Error('no messages');

    await Promise.all([handler.invoke(one), other.invoke(two)]);
    const afterwards = [];
    for (const body of bodies) afterwards.push(await target.deliver(handler, body));

    expect(afterwards).toEqual([{ outcome: 'done' }, { outcome: 'done' }]);
    expect(await settledCopies(target.account, image)).toHaveLength(1);
    expect(await target.takeDeadLetters()).toEqual([]);
  });

  it("waits for the end of a copy that AMIgo's copier started: it may fail", async () => {
    const { target, handler } = await openTarget();
    const image = await bakeFor(target);
    const finish = await injectFault({ kind: 'slow-copy', account: target.account.id, seconds: 600 });
    const imageId = await copyAsAmigo(target, image);
    const body = requestFor(image, ['*']);
    const beforeItIsTagged = await target.deliver(handler, body);
    await tagAsAmigo(target, image, imageId);
    const afterwards = await target.deliver(handler, body);

    await finish();

    expect([beforeItIsTagged, afterwards]).toEqual([{ outcome: 'kept' }, { outcome: 'kept' }]);
    expect(await findCopies(target.account, image.imageId)).toHaveLength(1);
  });

  it("takes a copy that AMIgo's copier made for done once it is available", async () => {
    const { target, handler } = await openTarget();
    const image = await bakeFor(target);
    await tagAsAmigo(target, image, await copyAsAmigo(target, image));
    await settledCopies(target.account, image);

    expect(await target.deliver(handler, requestFor(image, ['*']))).toEqual({ outcome: 'done' });
    expect(await findCopies(target.account, image.imageId)).toHaveLength(1);
  });

  it('that comes before the image and its snapshots are shared is kept until they are', async () => {
    const { target, handler } = await openTarget();
    const image = await bake();
    const body = requestFor(image, ['*']);

    const unshared = await target.deliver(handler, body);
    await shareImage(source.ec2, image, [target.account.id]);
    const imageShared = await target.deliver(handler, body);
    await shareSnapshots(source.ec2, image, [target.account.id]);
    const allShared = await target.deliver(handler, body);

    expect([unshared, imageShared, allShared]).toEqual([{ outcome: 'kept' }, { outcome: 'kept' }, { outcome: 'done' }]);
    const codes = handler.logLines().flatMap(({ reason }) => (reason as { code?: string } | undefined)?.code ?? []);
    expect(codes).toEqual(['SourceNotVisible', 'InvalidRequest']);
    expect(await settledCopies(target.account, image)).toHaveLength(1);
  });

  it('that is kept is hidden from the queue for its back-off', async () => {
    const { target, handler } = await openTarget();
    const image = await bake();
    await target.deliver(handler, requestFor(image, ['*']));

    const [line] = handler.logLines().filter(({ outcome }) => outcome === 'retried');
    expect(line?.['retryInSeconds']).toBeGreaterThanOrEqual(30);
    expect(line?.['retryInSeconds']).toBeLessThanOrEqual(60);
    const { Messages = [] } = await target.account.sqs.send(new ReceiveMessageCommand({ QueueUrl: target.queueUrl }));
    expect(Messages).toEqual([]);
  });

  it('for an image of an account that is not trusted is rejected, whatever it says', async () => {
    const { target, handler } = await openTarget();
    const stranger = emulatedAccount(endpoint(), newAccountId(), REGION);
    sources.push(stranger);
    const image = await bakeFor(target, stranger);

    const delivered = await target.deliver(handler, requestFor(image, ['*'], { ownerId: sourceId }));

    expect(delivered).toEqual({ outcome: 'done' });
    expect(await findCopies(target.account, image.imageId)).toEqual([]);
    const [letter] = await target.takeDeadLetters();
    expect(reasonOf(letter)).toContain(`belongs to account ${stranger.id}, which is not trusted`);
  });

  it.each([
    ['is no JSON', () => 'copy this please', 'The message is not JSON'],
    ['has no sourceAmi', requestWithout('sourceAmi'), 'sourceAmi must be'],
    ['has a number for an account', requestWith({ targetAccounts: [1] }), 'targetAccounts[0] must be'],
    ['has a bad Region', requestWith({ sourceRegion: 'mars' }), 'sourceRegion must be'],
    ['has a name that EC2 does not take', requestWith({ name: '#' }), 'name must be'],
    ['has too many tags', requestWith({ tags: manyTags(48) }), 'the copy would have 51 tags'],
  ])('that %s is in the dead-letter queue with its reason, unchanged', async (_what, body, reason) => {
    const { target, handler } = await openTarget();

    expect(await target.deliver(handler, body())).toEqual({ outcome: 'done' });
    const [letter] = await target.takeDeadLetters();
    expect(letter?.Body).toBe(body());
    expect(reasonOf(letter)).toContain(reason);
  });

  it('that EC2 refuses is in the dead-letter queue with what EC2 said', async () => {
    const { target, handler } = await openTarget();
    const image = await bakeFor(target);
    const message = "The tag policy does not allow the specified value for the following tag key: 'Recipe'.";
    const fix = await injectFault({
      kind: 'error',
      operation: 'CopyImage',
      account: target.account.id,
      code: 'TagPolicyViolation',
      message,
      status: 400,
    });

    expect(await target.deliver(handler, requestFor(image, ['*']))).toEqual({ outcome: 'done' });
    await fix();

    const [letter] = await target.takeDeadLetters();
    expect(reasonOf(letter)).toBe(`TagPolicyViolation: ${message}`);
    expect(letter?.MessageAttributes).toMatchObject({ ErrorCode: { StringValue: 'TagPolicyViolation' } });
  });

  it('that is older than the time for trying again is in the dead-letter queue with its last reason', async () => {
    const { target } = await openTarget();
    const handler = await target.startFunction({ RETRY_SECONDS: '1' });
    const image = await bake();
    const [record] = await target.receive(requestFor(image, ['*']));
    if (!record) throw new Error('no message');
    record.attributes.SentTimestamp = String(Date.now() - 2000);

    expect(await handler.invoke(record)).toEqual({ batchItemFailures: [] });
    const [letter] = await target.takeDeadLetters();
    expect(reasonOf(letter)).toMatch(/^Gave up: tried 1 times for over 1 s\. ami-\w+ is not visible/);
  });

  it.each([
    ['throttles', { kind: 'throttle', operation: 'CopyImage', burst: 0, refillPerSecond: 0 }, 'RequestLimitExceeded'],
    ['has too many copies in progress', { kind: 'limit', concurrentCopies: 0 }, 'ResourceLimitExceeded'],
    [
      'has a fault of its own',
      { kind: 'error', operation: 'CopyImage', code: 'InternalError', message: 'try later', status: 500 },
      'InternalError',
    ],
  ] as const)('is kept while EC2 %s, and copied afterwards', async (_what, fault, code) => {
    const { target } = await openTarget();
    // Time for two calls, and none for waiting until EC2 takes calls again.
    const handler = await target.startFunction({ REMAINING_MS: '20000' });
    const image = await bakeFor(target);
    const body = requestFor(image, ['*']);

    const fix = await injectFault({ ...fault, account: target.account.id });
    const meanwhile = await target.deliver(handler, body);
    await fix();
    const afterwards = await target.deliver(handler, body);

    expect([meanwhile, afterwards]).toEqual([{ outcome: 'kept' }, { outcome: 'done' }]);
    expect(handler.logLines()).toContainEqual(
      expect.objectContaining({ outcome: 'retried', reason: expect.objectContaining({ code }) as unknown }),
    );
    expect(await settledCopies(target.account, image)).toHaveLength(1);
  });

  it('waits for EC2 to take calls again while there is time', async () => {
    const { target, handler } = await openTarget();
    const image = await bakeFor(target);
    const throttled = { code: 'RequestLimitExceeded', message: 'Request limit exceeded.', status: 503, times: 5 };

    await injectFault({ kind: 'error', operation: 'CopyImage', account: target.account.id, ...throttled });
    const delivered = await target.deliver(handler, requestFor(image, ['*']));

    expect(delivered).toEqual({ outcome: 'done' });
    expect(await settledCopies(target.account, image)).toHaveLength(1);
  });

  it('that fails does not hold up the others of its batch', async () => {
    const { target, handler } = await openTarget();
    const good = await bakeFor(target);
    const unshared = await bake();
    const records = await target.receive('rubbish', requestFor(unshared, ['*']), requestFor(good, ['*']));

    const { batchItemFailures } = await handler.invoke(...records);

    const kept = records.filter(({ messageId }) => batchItemFailures.some((item) => item.itemIdentifier === messageId));
    expect(kept.map(({ body }) => body)).toEqual([requestFor(unshared, ['*'])]);
    expect(await findCopies(target.account, good.imageId)).toHaveLength(1);
    expect(await target.takeDeadLetters()).toHaveLength(1);
  });
});

describe('the function', () => {
  it('makes no other AWS calls than those its role allows', async () => {
    const { target } = await openTarget();
    const recorder = await CallRecorder.start();
    // SQS clients call the host of the queue's URL.
    const handler = await target.startFunction({
      AWS_ENDPOINT_URL: recorder.url,
      QUEUE_URL: target.queueUrl.replace(endpoint(), recorder.url),
      DEAD_LETTER_QUEUE_URL: target.deadLetterQueueUrl.replace(endpoint(), recorder.url),
    });
    const image = await bakeFor(target);
    const unshared = await bake();

    await target.deliver(handler, requestFor(image, ['*']));
    await endCopies(target.account.id);
    await target.deliver(handler, requestFor(image, ['*']));
    await target.deliver(handler, requestFor(unshared, ['*']));
    await target.deliver(handler, 'rubbish');
    const tags = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag${index}`, '']));
    await target.deliver(handler, requestFor({ ...image, tags }, ['*']));
    await handler.stop();
    await recorder.stop();

    expect([...recorder.actions].sort()).toEqual(COPY_IMAGE_ACTIONS);
  });
});

function requestWith(changes: object): () => string {
  const request = {
    sourceAmi: 'ami-0123456789abcdef0',
    sourceRegion: REGION,
    targetAccounts: ['*'],
    name: 'image',
    description: '',
    tags: {},
  };
  return () => JSON.stringify({ ...request, ...changes });
}

function requestWithout(field: string): () => string {
  return requestWith({ [field]: undefined });
}

function manyTags(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, '']));
}
