import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AttachImageWatermarkCommand,
  CopyImageCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import {
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  type Parameter,
} from '@aws-sdk/client-ssm';
import { keyIdOf } from '../../lambda/src/core/copy-marker.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { expectedTags, tagsOf } from '../../scripts/dev/inspect-copy.ts';
import { SETTLE_COPY_ACTIONS } from '../../scripts/tool/doctor/called-actions.ts';
import { emulatedAccount, emulatedEnvironment } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeWithBlankVolume } from './support/blank-volume.ts';
import { endCopies, endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import { CallRecorder } from './support/function-calls.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { ResultsInbox } from './support/results-inbox.ts';
import { imageStateWakeUp, sweepWakeUp, TargetAccount } from './support/target-account.ts';

const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const stages: Stage[] = [];
let bakes = 0;

/** A target account with both functions, and with somebody who listens to its results. */
interface Stage {
  readonly target: TargetAccount;
  readonly results: ResultsInbox;
  readonly copying: HandlerProcess;
  readonly settling: HandlerProcess;
}

async function openStage(changes: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const target = await TargetAccount.create(source.id);
  const results = await ResultsInbox.open(target, source);
  const [copying, settling] = await Promise.all([
    target.startFunction(),
    target.startSettling({ RESULTS_TOPIC_ARN: results.topicArn, ...changes }),
  ]);
  const stage = { target, results, copying, settling };
  stages.push(stage);
  return stage;
}

async function bakeFor({ target }: Stage, recipe = 'ubuntu'): Promise<BakedImage> {
  bakes += 1;
  const image = await bakeImage(source.ec2, {
    name: `amigo_${recipe}_${bakes}`,
    description: `AMI for ${recipe} built by Amigo: #${bakes}`,
    tags: { BuiltBy: 'amigo', Name: `amigo_${recipe}_${bakes}`, Recipe: recipe },
    volumeSizes: [8, 20],
  });
  await share(source.ec2, image, [target.account.id]);
  return image;
}

/** Bakes when the clock shows another second than for the image before: EC2 tells the time of an image in seconds. */
async function bakeLater(stage: Stage, { imageId }: BakedImage, recipe?: string): Promise<BakedImage> {
  const { Images = [] } = await source.ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  const nextSecond = Date.parse(Images[0]?.CreationDate ?? '') + 1000;
  await waitFor('the next second', () => Promise.resolve(Date.now() >= nextSecond ? true : undefined));
  return await bakeFor(stage, recipe);
}

const requestFor = (image: BakedImage) => JSON.stringify(copyRequestFor(image, REGION, ['*']));

/** Asks for a copy and waits until EC2 has ended it. */
async function copy({ target, copying }: Stage, image: BakedImage, body = requestFor(image)): Promise<Image> {
  expect(await target.deliver(copying, body)).toEqual({ outcome: 'done' });
  return await endedCopy(target, image);
}

async function endedCopy(target: TargetAccount, image: BakedImage): Promise<Image> {
  return await waitFor(`the copy of ${image.imageId} to end`, async () => {
    const [found] = await findCopies(target.account, image.imageId);
    return found && found.State !== 'pending' ? found : undefined;
  });
}

const idOf = ({ ImageId = '' }: Image) => ImageId;
const wakeUpFor = (image: Image) => imageStateWakeUp(idOf(image), image.State ?? '');
const markerOf = ({ Tags = [] }: Pick<Image, 'Tags'>) => Tags.find(({ Key }) => Key === 'ImageCopier')?.Value;

async function imageOf({ target }: Stage, imageId: string): Promise<Image | undefined> {
  const { Images = [] } = await target.account.ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  return Images[0];
}

async function ownSnapshotIds({ target }: Stage): Promise<string[]> {
  const { Snapshots = [] } = await target.account.ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  return Snapshots.map(({ SnapshotId = '' }) => SnapshotId);
}

async function parameterOf({ target }: Stage, recipe = 'ubuntu'): Promise<Parameter | undefined> {
  try {
    const { Parameter: found } = await target.account.ssm.send(
      new GetParameterCommand({ Name: `/image-copier/${recipe}` }),
    );
    return found;
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
    throw error;
  }
}

/** Takes the one message out of the requests queue. */
async function takeRequest({ target }: Stage): Promise<string> {
  const { sqs } = target.account;
  const message = await waitFor('a request in the queue', async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: target.queueUrl }));
    return Messages[0];
  });
  await sqs.send(new DeleteMessageCommand({ QueueUrl: target.queueUrl, ReceiptHandle: message.ReceiptHandle }));
  return message.Body ?? '';
}

async function waitingRequests({ target }: Stage): Promise<Record<string, string>> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesDelayed'] as const;
  const { Attributes = {} } = await target.account.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: target.queueUrl, AttributeNames: [...AttributeNames] }),
  );
  return Attributes;
}

/** What the function counted in all, by the lines that CloudWatch reads metrics from. */
function counted(settling: HandlerProcess, metric: string): number {
  const values = settling.logLines().flatMap((line) => ('_aws' in line && metric in line ? [line[metric]].flat() : []));
  return values.reduce<number>((sum, value) => sum + Number(value), 0);
}

const linesOf = (settling: HandlerProcess, imageId: string) =>
  settling.logLines().filter((line) => line['copy'] === imageId);

const sweepsOf = (settling: HandlerProcess) => settling.logLines().filter(({ message }) => message === 'sweep done');

const failCopies = (account: string, settings: object = {}) =>
  injectFault({
    kind: 'fail-copy',
    account,
    stateReason: { code: 'Client.InternalError', message: 'AMI snapshot copy failed with error: no luck' },
    ...settings,
  });

afterAll(async () => {
  await Promise.all(stages.flatMap(({ target, results }) => [target.close(), results.close()]));
  await removeImages(source);
});

describe('a copy that is available', () => {
  let stage: Stage;
  let image: BakedImage;
  let made: Image;

  beforeAll(async () => {
    stage = await openStage();
    image = await bakeFor(stage);
    made = await copy(stage, image);
    await stage.settling.invoke(wakeUpFor(made));
  });

  it('is announced on the event bus of its account and on the topic of the source account', async () => {
    const { onBus, onTopic } = await stage.results.all();
    const snapshots = await snapshotsOf(stage.target.account, made);
    const announcement = {
      source: 'image-copier',
      'detail-type': 'Image Copied',
      detail: {
        sourceAmi: image.imageId,
        sourceRegion: REGION,
        account: stage.target.account.id,
        region: REGION,
        imageId: idOf(made),
        name: image.name,
        kmsKeyArn: stage.target.keyArn,
        snapshotIds: snapshots.map(({ SnapshotId }) => SnapshotId),
        unencryptedDevices: [],
        tags: expectedTags(image),
        startedAt: made.CreationDate,
        settledAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        attempt: 1,
        withinMinutes: null,
        parameter: '/image-copier/ubuntu',
        parameterReason: null,
        reason: null,
      },
    };

    expect(onTopic).toEqual([announcement]);
    expect(onBus).toEqual([expect.objectContaining({ ...announcement, account: stage.target.account.id })]);
    expect(onBus[0]?.detail).toEqual(onTopic[0]?.detail);
  });

  it('is what the parameter of its recipe points to', async () => {
    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made), Type: 'String', DataType: 'aws:ec2:image' });
  });

  it('is marked as announced, at the time that the announcement names', async () => {
    const { onTopic } = await stage.results.all();

    expect(markerOf((await imageOf(stage, idOf(made))) ?? {})).toBe(
      `image-copier announced=${onTopic[0]?.detail.settledAt ?? ''} attempt=1 baked=${await bakedAt(image)} key=${keyIdOf(stage.target.keyArn)}`,
    );
  });

  it('keeps its tags, and so do its snapshots', async () => {
    const snapshots = await snapshotsOf(stage.target.account, made);

    expect(tagsOf((await imageOf(stage, idOf(made))) ?? {})).toEqual(expectedTags(image));
    expect(snapshots.map(tagsOf)).toEqual([expectedTags(image), expectedTags(image)]);
  });

  it('is announced once, although events and sweeps come again and again', async () => {
    const other = await stage.target.startSettling({ RESULTS_TOPIC_ARN: stage.results.topicArn });
    await stage.settling.invoke(wakeUpFor(made), wakeUpFor(made), sweepWakeUp(), wakeUpFor(made));
    await other.invoke(sweepWakeUp(), wakeUpFor(made));
    await other.invoke(sweepWakeUp());

    const { onBus, onTopic } = await stage.results.all();
    expect([onBus.length, onTopic.length]).toEqual([1, 1]);
    expect(counted(stage.settling, 'CopiesSettled') + counted(other, 'CopiesSettled')).toBe(1);
    expect([stage.settling, other].map((settling) => sweepsOf(settling).length)).toEqual([1, 2]);
  });

  it('is announced by the sweep alone', async () => {
    const quiet = await openStage();
    const other = await copy(quiet, await bakeFor(quiet));
    await quiet.settling.invoke(sweepWakeUp());

    const { onBus, onTopic } = await quiet.results.all();
    const imageIds = [...onBus, ...onTopic].map(({ detail }) => detail.imageId);
    expect(imageIds).toEqual([idOf(other), idOf(other)]);
    expect(await parameterOf(quiet)).toMatchObject({ Value: idOf(other) });
  });

  it.each([
    ['has no recipe', {}, /^none: There is no tag Recipe\.$/],
    [
      'has a recipe that would leave the path',
      { Recipe: '../other' },
      /^none: .*, "\.\.\/other", cannot end the name of/,
    ],
  ])('and %s is announced without a parameter', async (_what, tags, parameter) => {
    const nameless = await openStage();
    const { ssm } = nameless.target.account;
    const other = await bakeFor(nameless);
    const made = await copy(nameless, other, JSON.stringify({ ...copyRequestFor(other, REGION, ['*']), tags }));
    await nameless.settling.invoke(wakeUpFor(made));

    expect((await nameless.results.all()).onTopic).toHaveLength(1);
    expect(linesOf(nameless.settling, idOf(made))).toEqual([
      expect.objectContaining({ outcome: 'settled', parameter: expect.stringMatching(parameter) as unknown }),
    ]);
    const { Parameters } = await ssm.send(new GetParametersByPathCommand({ Path: '/', Recursive: true }));
    expect(Parameters).toEqual([]);
  });

  it('has its snapshots repaired if they lack tags', async () => {
    const torn = await openStage();
    const other = await bakeFor(torn);
    const damaged = await copy(torn, other);
    const { ec2 } = torn.target.account;
    const [one, two] = await snapshotsOf(torn.target.account, damaged);
    const [lessOne, lessAll] = [one?.SnapshotId ?? '', two?.SnapshotId ?? ''];
    await ec2.send(new DeleteTagsCommand({ Resources: [lessOne], Tags: [{ Key: 'Recipe' }] }));
    await ec2.send(new DeleteTagsCommand({ Resources: [lessAll], Tags: two?.Tags?.map(({ Key }) => ({ Key })) }));
    await ec2.send(new CreateTagsCommand({ Resources: [lessAll], Tags: [{ Key: 'Note', Value: 'mine' }] }));

    await torn.settling.invoke(wakeUpFor(damaged));

    const repaired = await snapshotsOf(torn.target.account, damaged);
    expect(repaired.map(({ SnapshotId }) => SnapshotId)).toEqual([lessOne, lessAll]);
    expect(repaired.map(tagsOf)).toEqual([expectedTags(other), { ...expectedTags(other), Note: 'mine' }]);
    const { onTopic } = await torn.results.all();
    expect(new Set(repaired.map(markerOf))).toEqual(
      new Set([
        `image-copier announced=${onTopic[0]?.detail.settledAt ?? ''} attempt=1 baked=${await bakedAt(other)} key=${keyIdOf(torn.target.keyArn)}`,
      ]),
    );
    expect(counted(torn.settling, 'SnapshotsRepaired')).toBe(2);
    expect(onTopic).toHaveLength(1);
  });
});

describe('an answer that is lost', () => {
  it('to the last mark of a copy is asked for again', async () => {
    const stage = await openStage();
    let lost = 0;
    const recorder = await CallRecorder.start(async ({ action, body }, pass) => {
      const answer = await pass();
      if (action !== 'ec2:CreateTags' || !body.includes('announced') || lost > 0) return answer;
      lost += 1;
      throw new Error('cut off');
    });
    const settling = await stage.target.startSettling({
      RESULTS_TOPIC_ARN: stage.results.topicArn,
      ...through(recorder, stage),
    });
    const made = await copy(stage, await bakeFor(stage));

    await settling.invoke(wakeUpFor(made));
    await settling.stop();
    await recorder.stop();

    expect(lost).toBe(1);
    expect(linesOf(settling, idOf(made))).toMatchObject([{ level: 'INFO', outcome: 'settled' }]);
    expect((await stage.results.all()).onTopic).toHaveLength(1);
  });
});

describe('a copy under another key', () => {
  it('is never announced, but reported and counted each time', async () => {
    const stage = await openStage();
    const { KeyMetadata } = await stage.target.account.kms.send(new CreateKeyCommand({}));
    const otherKey = KeyMetadata?.Arn ?? '';
    // By the account itself: the role may use its own key alone.
    const itself = { ...emulatedEnvironment(endpoint(), stage.target.account.id, REGION), AWS_SESSION_TOKEN: '' };
    const copying = await stage.target.startFunction({ KMS_KEY_ARN: otherKey, ...itself });
    const made = await copy({ ...stage, copying }, await bakeFor(stage));
    // Its marker names that key: so would a copy that was ordered before the copier's key was changed. This one says otherwise.
    const before = markerOf(made)?.replace(keyIdOf(otherKey), keyIdOf(stage.target.keyArn));
    await stage.target.account.ec2.send(
      new CreateTagsCommand({ Resources: [idOf(made)], Tags: [{ Key: 'ImageCopier', Value: before }] }),
    );

    await stage.settling.invoke(wakeUpFor(made));
    await stage.settling.invoke(sweepWakeUp());

    expect(await stage.results.all()).toEqual({ onBus: [], onTopic: [] });
    expect(await parameterOf(stage)).toBeUndefined();
    expect(counted(stage.settling, 'CopiesUnverified')).toBe(2);
    for (const line of linesOf(stage.settling, idOf(made))) {
      expect(line).toMatchObject({ level: 'ERROR', outcome: 'unverified' });
      expect(line['reason']).toContain(`is encrypted under ${otherKey}, not under ${stage.target.keyArn}.`);
    }
    expect(linesOf(stage.settling, idOf(made))).toHaveLength(2);
    expect(markerOf((await imageOf(stage, idOf(made))) ?? {})).toBe(before);
  });
});

describe('the parameter of a recipe', () => {
  it('moves forward with newer images, and not back when the copy of an older one ends later', async () => {
    const stage = await openStage();
    const older = await bakeFor(stage);
    const newer = await bakeLater(stage, older);

    const copyOfNewer = await copy(stage, newer);
    await stage.settling.invoke(wakeUpFor(copyOfNewer));
    const first = await parameterOf(stage);
    const copyOfOlder = await copy(stage, older);
    await stage.settling.invoke(wakeUpFor(copyOfOlder));
    const second = await parameterOf(stage);
    const copyOfNewest = await copy(stage, await bakeLater(stage, newer));
    await stage.settling.invoke(sweepWakeUp());
    const third = await parameterOf(stage);

    expect([first, second, third].map((parameter) => parameter?.Value)).toEqual(
      [copyOfNewer, copyOfNewer, copyOfNewest].map(idOf),
    );
    const { onTopic } = await stage.results.all();
    expect(onTopic.map(({ detail }) => detail.imageId)).toEqual([copyOfNewer, copyOfOlder, copyOfNewest].map(idOf));
    expect(linesOf(stage.settling, idOf(copyOfOlder))).toEqual([
      expect.objectContaining({ outcome: 'settled', parameter: `none: ${idOf(copyOfNewer)} is of a newer image` }),
    ]);
  });

  it('ends at the newest when several copies are settled at once', async () => {
    const stage = await openStage();
    const older = await bakeFor(stage);
    const newer = await bakeLater(stage, older);
    const [copyOfNewer, copyOfOlder] = [await copy(stage, newer), await copy(stage, older)];

    await stage.settling.invoke(wakeUpFor(copyOfNewer), wakeUpFor(copyOfOlder));

    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(copyOfNewer) });
    const { onTopic } = await stage.results.all();
    expect(onTopic.map(({ detail }) => detail.imageId)).toEqual([copyOfOlder, copyOfNewer].map(idOf));
  });

  it.each([
    ['deregistered', DeregisterImageCommand],
    ['disabled', DisableImageCommand],
  ] as const)('is reported and counted while its image is %s', async (state, Command) => {
    const stage = await openStage();
    const made = await copy(stage, await bakeFor(stage));
    await stage.settling.invoke(wakeUpFor(made));
    await stage.settling.invoke(sweepWakeUp());
    const before = counted(stage.settling, 'ParametersDangling');

    await stage.target.account.ec2.send(new Command({ ImageId: idOf(made) }));
    await stage.settling.invoke(imageStateWakeUp(idOf(made), state));
    const afterTheEvent = counted(stage.settling, 'ParametersDangling');
    await stage.settling.invoke(sweepWakeUp());

    expect([before, afterTheEvent, counted(stage.settling, 'ParametersDangling')]).toEqual([0, 1, 2]);
    expect(stage.settling.logLines()).toContainEqual(
      expect.objectContaining({ level: 'ERROR', dangling: ['/image-copier/ubuntu'] }),
    );
    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made) });
  });
});

describe('a recipe', () => {
  it('with slashes has a parameter of more levels, which is watched like any other', async () => {
    const stage = await openStage();
    const image = await bakeFor(stage, 'linux/ubuntu');
    const made = await copy(stage, image);
    await stage.settling.invoke(wakeUpFor(made));

    expect(await parameterOf(stage, 'linux/ubuntu')).toMatchObject({ Value: idOf(made), DataType: 'aws:ec2:image' });
    const [result] = (await stage.results.all()).onTopic;
    expect(result?.detail).toMatchObject({ parameter: '/image-copier/linux/ubuntu', parameterReason: null });
    await stage.target.account.ec2.send(new DeregisterImageCommand({ ImageId: made.ImageId }));
    await stage.settling.invoke(sweepWakeUp());
    expect(stage.settling.logLines()).toContainEqual(
      expect.objectContaining({ level: 'ERROR', dangling: ['/image-copier/linux/ubuntu'] }),
    );
  });

  it('that cannot be the name of a parameter is copied, and its result says that there is none', async () => {
    const stage = await openStage();
    const image = await bakeFor(stage, 'ubuntu 24');
    const made = await copy(stage, image);
    await stage.settling.invoke(wakeUpFor(made));

    const { onBus, onTopic } = await stage.results.all();
    for (const { detail } of [...onBus, ...onTopic]) {
      expect(detail).toMatchObject({
        imageId: idOf(made),
        parameter: null,
        parameterReason: expect.stringContaining(
          'The value of the tag Recipe, "ubuntu 24", cannot end the name',
        ) as unknown,
        reason: null,
      });
    }
    expect([onBus, onTopic].map(({ length }) => length)).toEqual([1, 1]);
  });
});

describe('a copy that failed', () => {
  it('is removed and asked for again; the next try makes another copy, which is settled', async () => {
    const stage = await openStage();
    const { account, keyArn: KeyId } = stage.target;
    const image = await bakeFor(stage);
    await account.kms.send(new DisableKeyCommand({ KeyId }));
    const failed = await copy(stage, image);
    expect(failed.State).toBe('failed');

    await stage.settling.invoke(wakeUpFor(failed));

    expect(await findCopies(account, image.imageId)).toEqual([]);
    expect(await ownSnapshotIds(stage)).toEqual([]);
    expect(counted(stage.settling, 'CopiesFailed')).toBe(1);
    expect(linesOf(stage.settling, idOf(failed))).toEqual([
      expect.objectContaining({ level: 'ERROR', outcome: 'failed', reason: failed.StateReason?.Message }),
    ]);
    const body = await takeRequest(stage);
    expect(JSON.parse(body)).toEqual({
      ...copyRequestFor(image, REGION, [account.id]),
      retry: { attempt: 2, after: idOf(failed) },
    });

    await account.kms.send(new EnableKeyCommand({ KeyId }));
    const made = await copy(stage, image, body);
    await stage.settling.invoke(sweepWakeUp());

    expect(idOf(made)).not.toBe(idOf(failed));
    expect(tagsOf(made)).toEqual(expectedTags(image));
    expect(markerOf(made)).toBe(
      `image-copier attempt=2 baked=${await bakedAt(image)} key=${keyIdOf(stage.target.keyArn)}`,
    );
    const { onBus, onTopic } = await stage.results.all();
    expect(onTopic).toMatchObject([{ 'detail-type': 'Image Copied', detail: { imageId: idOf(made), attempt: 2 } }]);
    expect(onBus).toHaveLength(1);
    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made) });
  });

  it('is asked for again after the delay, and by the sweep too', async () => {
    const stage = await openStage({ FAILED_COPY_DELAY_SECONDS: '900' });
    const image = await bakeFor(stage);
    const fix = await failCopies(stage.target.account.id);
    await copy(stage, image);
    await fix();

    await stage.settling.invoke(sweepWakeUp());

    expect(await findCopies(stage.target.account, image.imageId)).toEqual([]);
    expect(await waitingRequests(stage)).toEqual({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesDelayed: '1',
    });
  });

  it('three times is in the dead-letter queue and announced; put back, it works once the cause is fixed', async () => {
    const stage = await openStage();
    const { target, settling, results } = stage;
    const image = await bakeFor(stage);
    const fix = await failCopies(target.account.id, { sourceImageId: image.imageId });
    const failed: Image[] = [];
    let body = requestFor(image);
    for (const wakeUp of [wakeUpFor, sweepWakeUp, sweepWakeUp]) {
      if (failed.length > 0) body = await takeRequest(stage);
      const made = await copy(stage, image, body);
      failed.push(made);
      await settling.invoke(wakeUp(made));
    }
    const last = failed.at(-1) ?? {};

    expect(new Set(failed.map(idOf)).size).toBe(3);
    expect(failed.map((each) => markerOf(each)?.split(' ')[1])).toEqual(['attempt=1', 'attempt=2', 'attempt=3']);
    const [letter, ...others] = await target.takeDeadLetters();
    const message = last.StateReason?.Message ?? '';
    expect(others).toEqual([]);
    expect(letter?.MessageAttributes).toMatchObject({
      Reason: { StringValue: `EC2 failed to copy it 3 times. ${message}` },
      ErrorCode: { StringValue: 'CopyFailed' },
      RequestedAt: { StringValue: last.CreationDate },
      Attempt: { StringValue: '3' },
    });
    const told = await results.all();
    for (const announcements of [told.onBus, told.onTopic]) {
      expect(announcements).toMatchObject([
        { 'detail-type': 'Image Copy Failed', detail: { imageId: idOf(last), attempt: 3, reason: message } },
      ]);
    }
    expect([counted(settling, 'CopiesFailed'), counted(settling, 'CopiesGivenUp')]).toEqual([3, 1]);
    expect(await findCopies(target.account, image.imageId)).toEqual([]);
    expect(await ownSnapshotIds(stage)).toEqual([]);
    expect(await parameterOf(stage)).toBeUndefined();
    expect(await waitingRequests(stage)).toMatchObject({ ApproximateNumberOfMessages: '0' });

    await fix();
    const made = await copy(stage, image, letter?.Body ?? '');
    await settling.invoke(sweepWakeUp());

    expect((await results.all()).onTopic.at(-1)).toMatchObject({
      'detail-type': 'Image Copied',
      detail: { imageId: idOf(made), attempt: 1 },
    });
  });

  it('leaves no snapshots behind, even where somebody took the image away first', async () => {
    const stage = await openStage();
    const { account } = stage.target;
    const image = await bakeFor(stage);
    const fixes = [await failCopies(account.id), await slowCopies(account.id)];
    await stage.target.deliver(stage.copying, requestFor(image));
    const [pending] = await findCopies(account, image.imageId);
    await account.ec2.send(new DeregisterImageCommand({ ImageId: pending?.ImageId }));
    const others = await copyOfOthers(stage, image);
    await account.ec2.send(new DeregisterImageCommand({ ImageId: others }));
    await Promise.all(fixes.map((fix) => fix()));
    await endCopies(account.id);
    const { Snapshots: left = [] } = await account.ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    expect(left.map(({ State }) => State)).toEqual(['error', 'error', 'error', 'error']);
    const ofOthers = left.filter((snapshot) => markerOf(snapshot) === undefined);

    await stage.settling.invoke(sweepWakeUp());

    expect([left.length, ofOthers.length]).toEqual([4, 2]);
    expect(await ownSnapshotIds(stage)).toEqual(ofOthers.map(({ SnapshotId }) => SnapshotId));
  });
});

describe('a copy that is pending', () => {
  it('is counted and reported once it takes too long, and settled when it ends', async () => {
    const stage = await openStage({ OVERDUE_SECONDS: '1' });
    const patient = await stage.target.startSettling({ OVERDUE_SECONDS: '86400' });
    const image = await bakeFor(stage);
    const fix = await slowCopies(stage.target.account.id);
    await stage.target.deliver(stage.copying, requestFor(image));
    await fix();
    const overdue = await waitFor('the copy to be overdue', async () => {
      await stage.settling.invoke(sweepWakeUp());
      const lines = stage.settling.logLines().filter((line) => line['outcome'] === 'waiting' && line['overdue']);
      return lines[0];
    });
    await patient.invoke(sweepWakeUp());

    expect(overdue).toMatchObject({ level: 'ERROR', sourceImage: image.imageId, overdue: true });
    expect(counted(stage.settling, 'CopiesOverdue')).toBe(1);
    expect(counted(patient, 'CopiesOverdue')).toBe(0);
    await endCopies(stage.target.account.id);
    await endedCopy(stage.target, image);
    await stage.settling.invoke(sweepWakeUp());
    expect((await stage.results.all()).onTopic).toHaveLength(1);
  });
});

describe('an image that this copier did not make', () => {
  it('is never touched, by events or sweeps', async () => {
    const stage = await openStage();
    const { account } = stage.target;
    const recorder = await CallRecorder.start();
    const settling = await stage.target.startSettling(through(recorder, stage));
    const image = await bakeFor(stage);
    const ids = [await copyOfOthers(stage, image)];
    await account.ec2.send(
      new CreateTagsCommand({
        Resources: ids,
        Tags: Object.entries(expectedTags(image)).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    const fix = await failCopies(account.id, { times: 1 });
    ids.push(await copyOfOthers(stage, image));
    const otherImage = await bakeFor(stage);
    // With the account's own rights: the roles are those of the one copier.
    const own = { ...emulatedEnvironment(endpoint(), account.id, REGION), AWS_SESSION_TOKEN: '' };
    const copying = await stage.target.startFunction({ ...own, COPIER_NAME: 'image-copier-2' });
    await copy({ ...stage, copying }, otherImage);
    await fix();
    const before = await waitFor('all images to end', async () => await endedImages(stage, 3));

    await settling.invoke(...before.map(wakeUpFor));
    await settling.invoke(
      sweepWakeUp(),
      ...before.map(({ ImageId = '' }) => imageStateWakeUp(ImageId, 'deregistered')),
    );
    await settling.stop();
    await recorder.stop();

    expect(before.map(({ State }) => State).sort()).toEqual(['available', 'available', 'failed']);
    expect(await endedImages(stage, 3)).toEqual(before);
    expect([...recorder.actions].sort()).toEqual([
      'ec2:DescribeImages',
      'ec2:DescribeSnapshots',
      'ssm:GetParametersByPath',
    ]);
    expect(await stage.results.all()).toEqual({ onBus: [], onTopic: [] });
  });
});

describe('a copy of an image that is deprecated some day', () => {
  it.each([
    ['is deprecated then too', 'true'],
    ['is not deprecated where that is not wanted', 'false'],
  ])('%s', async (_what, COPY_DEPRECATION) => {
    const stage = await openStage({ COPY_DEPRECATION });
    const { imageId, ...image } = await bakeFor(stage);
    const DeprecateAt = new Date(Date.now() + 365 * 86_400_000);
    await source.ec2.send(new EnableImageDeprecationCommand({ ImageId: imageId, DeprecateAt }));
    const made = await copy(stage, { imageId, ...image });
    await stage.settling.invoke(wakeUpFor(made));

    const { Images = [] } = await source.ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    const [{ DeprecationTime: ofSource = 'none' } = {}] = Images;
    const ofCopy = (await imageOf(stage, idOf(made)))?.DeprecationTime;
    expect(ofCopy).toBe(COPY_DEPRECATION === 'true' ? ofSource : undefined);
    expect(linesOf(stage.settling, idOf(made))).toMatchObject([{ outcome: 'settled' }]);
  });
});

describe('a copy of an image that is not approved yet', () => {
  const WATERMARK = { APPROVAL: '{"watermark":"approved"}' };
  const SHARED_TAG = { APPROVAL: '{"sharedTag":"approved=prod"}' };
  const attach = ({ imageId }: BakedImage, WatermarkName = 'approved') =>
    source.ec2.send(new AttachImageWatermarkCommand({ ImageId: imageId, WatermarkName }));
  const setSharedTag = ({ imageId }: BakedImage, Value = 'prod') =>
    source.ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags: [{ Key: 'ec2:SharedTag/approved', Value }] }));
  const sweepIn = ({ settling }: Stage) => settling.invoke(sweepWakeUp());
  const outcomesOf = ({ settling }: Stage, made: Image) => linesOf(settling, idOf(made)).map(({ outcome }) => outcome);

  /** Copies an image and settles the copy, as its event would. */
  async function settled(stage: Stage, image: BakedImage): Promise<Image> {
    const made = await copy(stage, image);
    await stage.settling.invoke(wakeUpFor(made));
    return made;
  }

  describe.each([
    ['a watermark', WATERMARK, attach, 'the watermark approved of'],
    ['a shared tag', SHARED_TAG, setSharedTag, 'the tag ec2:SharedTag/approved = prod'],
  ] as const)('by %s', (_what, approval, approve, needs) => {
    it('is announced, and pointed to once its image is approved', async () => {
      const stage = await openStage(approval);
      const image = await bakeFor(stage);
      const made = await settled(stage, image);
      const reason = expect.stringContaining(`needs ${needs}`) as unknown;

      const copied = { 'detail-type': 'Image Copied', detail: { parameter: null, parameterReason: reason } };
      expect((await stage.results.all()).onTopic).toMatchObject([copied]);
      expect(markerOf((await imageOf(stage, idOf(made))) ?? {})).toMatch(/^image-copier announced=\S+ .* unapproved$/);
      await sweepIn(stage);
      expect(await parameterOf(stage)).toBeUndefined();

      await approve(image);
      await sweepIn(stage);
      await sweepIn(stage);

      expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made) });
      const { onBus, onTopic } = await stage.results.all();
      const [first, second] = onTopic;
      expect(second).toEqual({
        ...first,
        'detail-type': 'Image Approved',
        detail: { ...first?.detail, parameter: '/image-copier/ubuntu', parameterReason: null },
      });
      expect([onBus.length, onTopic.length]).toEqual([2, 2]);
      expect(outcomesOf(stage, made)).toEqual(['settled', 'unapproved', 'approved']);
    });

    it('is pointed to at once where it was approved before', async () => {
      const stage = await openStage(approval);
      const image = await bakeFor(stage);
      await approve(image);
      const made = await settled(stage, image);

      expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made) });
      expect((await stage.results.all()).onTopic).toMatchObject([{ detail: { parameter: '/image-copier/ubuntu' } }]);
    });
  });

  it('is passed over for the newest one that is approved, in whatever order that happens', async () => {
    const stage = await openStage(SHARED_TAG);
    const oldest = await bakeFor(stage);
    const middle = await bakeLater(stage, oldest);
    const newest = await bakeLater(stage, middle);
    const [first, second] = [await settled(stage, oldest), await settled(stage, middle)];
    await settled(stage, newest);

    await setSharedTag(middle);
    await sweepIn(stage);
    await setSharedTag(oldest);
    await sweepIn(stage);

    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(second) });
    expect([first, second].map((made) => outcomesOf(stage, made).at(-1))).toEqual(['approved', 'approved']);
  });

  it('needs its source no more where it has the watermark itself', async () => {
    const stage = await openStage(WATERMARK);
    const image = await bakeFor(stage);
    await attach(image);
    const made = await copy(stage, image);
    await source.ec2.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    await stage.settling.invoke(wakeUpFor(made));

    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made) });
  });

  it('waits where its source is shared no more', async () => {
    const stage = await openStage(SHARED_TAG);
    const image = await bakeFor(stage);
    const made = await settled(stage, image);
    await setSharedTag(image);
    await source.ec2.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    await sweepIn(stage);

    expect(await parameterOf(stage)).toBeUndefined();
    expect(linesOf(stage.settling, idOf(made)).at(-1)).toMatchObject({ outcome: 'unapproved', sourceSeen: false });
  });

  it('waits while EC2 answers nothing about its source, and is pointed to after that', async () => {
    const stage = await openStage(WATERMARK);
    const images = [await bakeFor(stage, 'ubuntu'), await bakeFor(stage, 'debian')];
    const copies = [];
    for (const image of images) copies.push(await settled(stage, image));
    for (const image of images) await attach(image);
    const asked: string[] = [];
    let answers = false;
    const recorder = await CallRecorder.start(async ({ action, body }, pass) => {
      // A sweep also lists what is shared with the account, to ask for what is wanted.
      const isOfTrusted = action === 'ec2:DescribeImages' && body.includes(`Owner.1=${source.id}`);
      const isAboutSources = isOfTrusted && !body.includes('ExecutableBy');
      if (isAboutSources) asked.push(body);
      if (isAboutSources && !answers) throw new Error('no answer');
      return await pass();
    });
    const settling = await stage.target.startSettling({ ...WATERMARK, ...through(recorder, stage) });
    await settling.invoke(sweepWakeUp());
    const waiting = copies.map((made) => linesOf(settling, idOf(made)));
    expect(waiting.flat()).toMatchObject(
      copies.flatMap(() => [
        { level: 'ERROR', message: 'approval could not be read' },
        { level: 'INFO', outcome: 'unapproved' },
      ]),
    );
    expect(await parameterOf(stage)).toBeUndefined();

    answers = true;
    asked.length = 0;
    await settling.invoke(sweepWakeUp());
    expect(asked).toHaveLength(1);
    const pointedTo = await Promise.all(['ubuntu', 'debian'].map((recipe) => parameterOf(stage, recipe)));
    expect(pointedTo.map((parameter) => parameter?.Value)).toEqual(copies.map(idOf));
    await recorder.stop();
  });

  it('is pointed to where nobody asks for approval any more', async () => {
    const stage = await openStage(WATERMARK);
    const made = await settled(stage, await bakeFor(stage));
    const open = await stage.target.startSettling({ RESULTS_TOPIC_ARN: stage.results.topicArn });
    await open.invoke(sweepWakeUp());

    expect(await parameterOf(stage)).toMatchObject({ Value: idOf(made) });
  });
});

describe('the function', () => {
  it('makes no other AWS calls than those its role allows', async () => {
    const stage = await openStage();
    const { account } = stage.target;
    const recorder = await CallRecorder.start();
    const settling = await stage.target.startSettling({
      RESULTS_TOPIC_ARN: stage.results.topicArn,
      ...through(recorder, stage),
    });
    const recipe = { name: 'blank', description: '', tags: { Recipe: 'ubuntu' } };
    const blank = await bakeWithBlankVolume(source, recipe, { sharedWith: account.id });
    const DeprecateAt = new Date(Date.now() + 86_400_000);
    await source.ec2.send(new EnableImageDeprecationCommand({ ImageId: blank.imageId, DeprecateAt }));
    const good = await copy(stage, blank);
    const [snapshot] = await snapshotsOf(account, good);
    const Resources = [snapshot?.SnapshotId ?? ''];
    await account.ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'Recipe' }] }));
    const fixes = [await failCopies(account.id)];
    const bad = await copy(stage, await bakeFor(stage));
    fixes.push(await slowCopies(account.id));
    const left = await bakeFor(stage);
    await stage.target.deliver(stage.copying, requestFor(left));
    const [pending] = await findCopies(account, left.imageId);
    await account.ec2.send(new DeregisterImageCommand({ ImageId: pending?.ImageId }));
    await Promise.all(fixes.map((fix) => fix()));
    await endCopies(account.id);

    const revoked = await bakeFor(stage);
    const copyOfRevoked = await copy(stage, revoked);
    const Value = JSON.stringify({ kind: 'revoked', at: new Date().toISOString(), reason: 'It is bad.' });
    const Name = `/image-copier-ended/image-copier/${revoked.imageId}`;
    await account.ssm.send(new PutParameterCommand({ Name, Value, Type: 'String' }));

    await settling.invoke(wakeUpFor(good), wakeUpFor(bad), wakeUpFor(copyOfRevoked));
    await settling.invoke(sweepWakeUp());
    // Somebody enables it by hand.
    await account.ec2.send(new EnableImageCommand({ ImageId: copyOfRevoked.ImageId }));
    await settling.invoke(wakeUpFor(copyOfRevoked));
    await settling.stop();
    await recorder.stop();

    expect([...recorder.actions].sort()).toEqual(SETTLE_COPY_ACTIONS);
  });
});

/** Until the returned function is called copies stay pending, and then those until they are ended. */
const slowCopies = (account: string) => injectFault({ kind: 'slow-copy', account, seconds: 600 });

/** The time of a source image as the marker has it. */
async function bakedAt({ imageId }: BakedImage): Promise<string> {
  const { Images = [] } = await source.ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  return Images[0]?.CreationDate ?? '';
}

/** A copy such as AMIgo's copier makes. */
async function copyOfOthers({ target }: Stage, image: BakedImage): Promise<string> {
  const { ImageId = '' } = await target.account.ec2.send(
    new CopyImageCommand({
      SourceImageId: image.imageId,
      SourceRegion: REGION,
      Name: image.name,
      Encrypted: true,
      KmsKeyId: target.keyArn,
    }),
  );
  return ImageId;
}

/** The account's images once there are so many and none is pending. */
async function endedImages({ target }: Stage, count: number): Promise<Image[] | undefined> {
  const { Images = [] } = await target.account.ec2.send(new DescribeImagesCommand({ Owners: ['self'] }));
  return Images.length === count && Images.every(({ State }) => State !== 'pending') ? Images : undefined;
}

/** Settings that lead a function's calls through a recorder; SQS clients call the host of the queue's URL. */
function through(recorder: CallRecorder, { target }: Stage): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: recorder.url,
    QUEUE_URL: target.queueUrl.replace(endpoint(), recorder.url),
    DEAD_LETTER_QUEUE_URL: target.deadLetterQueueUrl.replace(endpoint(), recorder.url),
  };
}
