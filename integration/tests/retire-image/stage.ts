import { afterAll, expect } from '@jest/globals';
import { DescribeImagesCommand, DescribeSnapshotsCommand, type Image } from '@aws-sdk/client-ec2';
import type { RetirementResult, RevocationResult } from '../../../lambda/src/core/retirement-results.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, ownImages, tagOf } from '../../../scripts/tool/common/copies.ts';
import { emulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { endpoint, newAccountId, REGION } from '../support/emulator.ts';
import type { HandlerProcess } from '../support/handler-process.ts';
import { removeImages } from '../support/remove-images.ts';
import { ResultsInbox } from '../support/results-inbox.ts';
import { imageStateWakeUp, sweepWakeUp, TargetAccount } from '../support/target-account.ts';

const source = emulatedAccount(endpoint(), newAccountId(), REGION);

/** A target account with all three functions, and with somebody who listens to its results. */
export interface Stage {
  readonly target: TargetAccount;
  readonly results: ResultsInbox;
  readonly copying: HandlerProcess;
  readonly settling: HandlerProcess;
  readonly retiring: HandlerProcess;
}

/** An image of the source account, and its copy. */
export interface Copied {
  readonly image: BakedImage;
  readonly copyId: string;
}

/** What is told of an image that was to go, or of a revocation. */
export interface Told<Result> {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: Omit<Result, 'kind'> & { readonly account: string; readonly region: string };
}

const stages: Stage[] = [];
let bakes = 0;
let lastBake = 0;

afterAll(async () => {
  await Promise.all(stages.flatMap(({ target, results }) => [target.close(), results.close()]));
  await removeImages(source);
});

/** @param changes variables of retire-image */
export async function openStage(changes: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const target = await TargetAccount.create(source.id);
  const results = await ResultsInbox.open(target, source);
  const listener = { RESULTS_TOPIC_ARN: results.topicArn };
  const [copying, settling, retiring] = await Promise.all([
    target.startFunction(),
    target.startSettling(listener),
    target.startRetiring({ ...listener, ...changes }),
  ]);
  const stage = { target, results, copying, settling, retiring };
  stages.push(stage);
  return stage;
}

/** Bakes an image in a second of its own: EC2 tells the time of an image in seconds. */
export async function bakeFor({ target }: Pick<Stage, 'target'>, recipe = 'ubuntu'): Promise<BakedImage> {
  const second = () => Math.floor(Date.now() / 1000);
  await waitFor('the next second', () => Promise.resolve(second() > lastBake || undefined), { pollMs: 50 });
  bakes += 1;
  const image = await bakeImage(source.ec2, {
    name: `amigo_${recipe}_${bakes}`,
    description: `AMI for ${recipe} built by Amigo: #${bakes}`,
    tags: { BuiltBy: 'amigo', Name: `amigo_${recipe}_${bakes}`, Recipe: recipe },
    volumeSizes: [8],
  });
  lastBake = second();
  await share(source.ec2, image, [target.account.id]);
  return image;
}

export const requestFor = (image: BakedImage) => JSON.stringify(copyRequestFor(image, REGION, ['*']));

/** Two copies or more. */
export type Copies = [Copied, Copied, ...Copied[]];

/** Bakes images of a recipe, two or more, and has them copied; the oldest comes first. All copies are announced. */
export async function copyNew(stage: Stage, count: number, recipe = 'ubuntu'): Promise<Copies> {
  const images: BakedImage[] = [];
  while (images.length < count) {
    const image = await bakeFor(stage, recipe);
    expect(await stage.target.deliver(stage.copying, requestFor(image))).toEqual({ outcome: 'done' });
    images.push(image);
  }
  const copies = await Promise.all(
    images.map(async (image) => ({ image, copyId: idOf(await endedCopy(stage, image)) })),
  );
  for (const { copyId } of copies) await stage.settling.invoke(imageStateWakeUp(copyId, 'available'));
  return copies as Copies;
}

export const idOf = ({ ImageId = '' }: Image) => ImageId;

export async function endedCopy({ target }: Stage, image: BakedImage): Promise<Image> {
  return await waitFor(`the copy of ${image.imageId} to end`, async () => {
    const [found] = await findCopies(target.account, image.imageId);
    return found && found.State !== 'pending' ? found : undefined;
  });
}

export const sweep = (handler: HandlerProcess) => handler.invoke(sweepWakeUp());

/** Hands retire-image a message, which it ends. What it met with otherwise is shown. */
export async function send(stage: Stage, message: object, retiring = stage.retiring): Promise<void> {
  const before = retiring.logLines().length;
  const { outcome } = await stage.target.deliverRetirement(retiring, JSON.stringify(message));
  const retried = retiring
    .logLines()
    .slice(before)
    .filter(({ level }) => level === 'WARN');
  expect({ outcome, retried }).toEqual({ outcome: 'done', retried: [] });
}

export async function retire(stage: Stage, images: readonly string[], quarantineDays = 0, retiring = stage.retiring) {
  await send(stage, { retire: { images, quarantineDays } }, retiring);
}

/** An image in any state. */
async function imageOf({ target }: Stage, imageId: string): Promise<Image | undefined> {
  const images = await ownImages(target.account, [{ Name: 'image-id', Values: [imageId] }], { disabledToo: true });
  return images[0];
}

export async function stateOf(stage: Stage, imageId: string): Promise<string | undefined> {
  return (await imageOf(stage, imageId))?.State;
}

/** @param tag the one that the marker of a copy is in; images that this copier did not make have another */
export async function markerOf(stage: Stage, imageId: string, tag = 'ImageCopier'): Promise<string | undefined> {
  const image = await imageOf(stage, imageId);
  return image && tagOf(image, tag);
}

/** What was told of an image, or of the copies of a source image, on the topic; the event bus has the same. */
export async function toldOf<Result extends RetirementResult | RevocationResult>(
  { results }: Stage,
  id: string,
): Promise<Told<Result>[]> {
  const { onBus, onTopic } = (await results.all()) as unknown as Record<'onBus' | 'onTopic', Told<Result>[]>;
  const isOf = ({ detail }: Told<Result>) => [detail.sourceAmi, 'imageId' in detail && detail.imageId].includes(id);
  const told = onTopic.filter(isOf);
  expect(onBus.filter(isOf).map(({ detail }) => detail)).toEqual(told.map(({ detail }) => detail));
  return told;
}

/** What retire-image logged of an image. */
export function linesOf({ retiring }: Pick<Stage, 'retiring'>, imageId: string): Record<string, unknown>[] {
  return retiring.logLines().filter((line) => line['image'] === imageId);
}

/** What a function counted in all, by the lines that CloudWatch reads metrics from. */
export function counted(handler: HandlerProcess, metric: string): number {
  const values = handler.logLines().flatMap((line) => ('_aws' in line && metric in line ? [line[metric]].flat() : []));
  return values.reduce<number>((sum, value) => sum + Number(value), 0);
}

/** The snapshots that are left of some. */
export async function left({ target }: Stage, snapshotIds: readonly string[]): Promise<string[]> {
  const Filters = [{ Name: 'snapshot-id', Values: [...snapshotIds] }];
  const { Snapshots = [] } = await target.account.ec2.send(new DescribeSnapshotsCommand({ Filters }));
  return Snapshots.map(({ SnapshotId = '' }) => SnapshotId);
}

export async function snapshotIdsOf({ target }: Stage, imageId: string): Promise<string[]> {
  const input = { ImageIds: [imageId], IncludeDisabled: true };
  const { Images: [image] = [] } = await target.account.ec2.send(new DescribeImagesCommand(input));
  return (image?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
}

/** Takes the one dead letter, and gives the code and the text of its reason. */
export async function deadLetter({ target }: Stage): Promise<[code: string, reason: string]> {
  const [{ MessageAttributes = {} } = {}] = await target.takeDeadLetters();
  const { ErrorCode, Reason } = MessageAttributes;
  return [ErrorCode?.StringValue ?? 'none', Reason?.StringValue ?? ''];
}
