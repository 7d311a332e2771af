import { join } from 'node:path';
import { ModifyImageAttributeCommand, RegisterImageCommand } from '@aws-sdk/client-ec2';
import { PublishBatchCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { MARKER, markerPatterns } from '../../../lambda/src/core/copy-marker.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../tool/common/bake.ts';
import { buildZip } from '../build.ts';
import { ownImages } from '../../tool/common/copies.ts';
import { DEMO, type AppliedCopier } from '../demo-accounts.ts';
import { mapConcurrently } from '../../tool/common/map-concurrently.ts';
import { emulatedAccount, emulatedEnvironment, type EmulatedAccount, withoutAws } from '../emulated-account.ts';
import { openTestEmulator } from '../localstack/emulator.ts';
import { createSourceTopic } from '../source-topics.ts';
import { ROOT } from '../../tool/common/paths.ts';
import { TerraformRoot } from '../../tool/deploy/terraform-root.ts';
import { waitFor } from '../wait-for.ts';

// EC2 Developer Guide, "Request throttling for the Amazon EC2 API": CopyImage.
const BURST = 100;
const REFILL_PER_SECOND = 1;
const RECIPES = 10;
/** A run that takes this much longer than it must, or this long, is broken, not slow. */
const GIVE_UP_AFTER = 5;
const GIVE_UP_SECONDS = 1800;
const PUBLISH_BATCH = 10;
const AT_A_TIME = 8;
const POLL_MS = 2000;

export interface BurstOptions {
  /** How many requests come at once. */
  readonly requests: number;
  /** How many times faster than EC2's the emulator's clock runs: for the bucket's refill and the time of a copy. */
  readonly speed: number;
  /** How long EC2 needs for a copy, in EC2's seconds. */
  readonly copySeconds: number;
  /** How many copies EC2 makes at a time. */
  readonly concurrentCopies: number;
}

type Report = (line: string) => void;

/**
 * Publishes many requests at once for one account, under EC2's throttle and its limit of copies in progress, and measures
 * how long it takes until all are copied, against the least that the throttle allows, and until all are announced, against that.
 * @throws {Error} if a request is lost, copied twice, or dead-lettered
 */
export async function benchBurst(options: BurstOptions, report: Report): Promise<void> {
  const { requests, speed, copySeconds, concurrentCopies } = options;
  await buildZip(report);
  const emulator = await openTestEmulator(report);
  try {
    const [source, target] = [DEMO.sourceAccount, DEMO.targetAccounts[0]].map((id) =>
      emulatedAccount(emulator.endpoint, id, DEMO.region),
    ) as [EmulatedAccount, EmulatedAccount];
    const TopicArn = await createSourceTopic(source, 'burst', 'sns:Subscribe', [target.id]);
    report('Applying one account with Terraform ...');
    const copier = await applyOneAccount(emulator.endpoint, target, TopicArn, emulator.workDirectory);
    report(`Baking ${requests} images ...`);
    const images = await bakeMany(source, target, requests);

    await put(emulator.endpoint, 'PUT', 'settings', { copySeconds: copySeconds / speed });
    const account = target.id;
    const refillPerSecond = REFILL_PER_SECOND * speed;
    await put(emulator.endpoint, 'POST', 'faults', {
      kind: 'throttle',
      operation: 'CopyImage',
      account,
      burst: BURST,
      refillPerSecond,
    });
    await put(emulator.endpoint, 'POST', 'faults', { kind: 'limit', account, concurrentCopies });

    const leastSeconds = (Math.max(0, requests - BURST) / REFILL_PER_SECOND + copySeconds) / speed;
    report(
      `CopyImage: burst ${BURST}, ${refillPerSecond} a second; at most ${concurrentCopies} copies in progress, ` +
        `${copySeconds / speed} s each. The least is ${leastSeconds.toFixed(0)} s.`,
    );
    const start = Date.now();
    await publishAll(source, TopicArn, images, account);
    const giveUpSeconds = Math.max(leastSeconds * GIVE_UP_AFTER, GIVE_UP_SECONDS);
    const { copied, announced } = await untilAnnounced(target, copier, requests, start, giveUpSeconds, report);
    await checkEnd(target, copier, images);
    report(
      `${requests} requests, all copied once, none dead-lettered: ${copied.toFixed(1)} s, ` +
        `${(copied / leastSeconds).toFixed(2)} of the least time that EC2's throttle allows (goal 1.20).`,
    );
    report(
      `All were announced after ${announced.toFixed(1)} s, ${(announced / copied).toFixed(2)} of the time of the copies (goal 2.00).`,
    );
  } finally {
    await emulator.close();
  }
}

async function applyOneAccount(
  endpoint: string,
  target: EmulatedAccount,
  topicArn: string,
  workDirectory: string,
): Promise<AppliedCopier> {
  const root = new TerraformRoot({
    directory: join(ROOT, 'terraform', 'examples', 'one-account'),
    workDirectory: join(workDirectory, 'terraform'),
    variables: { account_id: target.id, request_topic_arn: topicArn, region: target.region },
    env: { ...withoutAws(), ...emulatedEnvironment(endpoint, target.id, target.region) },
  });
  await root.init();
  await root.apply();
  return (await root.outputs())['copier'] as AppliedCopier;
}

/** Images of one snapshot: what a copy costs does not hang on whose snapshot it is. */
async function bakeMany(source: EmulatedAccount, target: EmulatedAccount, count: number): Promise<BakedImage[]> {
  const first = await bakeImage(source.ec2, { name: 'burst_0', description: '', tags: tagsOf(0), volumeSizes: [8] });
  await share(source.ec2, first, [target.id]);
  const numbers = Array.from({ length: count - 1 }, (_, index) => index + 1);
  const others = await mapConcurrently(numbers, AT_A_TIME, async (number) => {
    const name = `burst_${number}`;
    const tags = tagsOf(number);
    const { ImageId: imageId = '' } = await source.ec2.send(
      new RegisterImageCommand({
        Name: name,
        RootDeviceName: '/dev/sda1',
        BlockDeviceMappings: first.snapshotIds.map((SnapshotId) => ({ DeviceName: '/dev/sda1', Ebs: { SnapshotId } })),
      }),
    );
    await source.ec2.send(
      new ModifyImageAttributeCommand({ ImageId: imageId, LaunchPermission: { Add: [{ UserId: target.id }] } }),
    );
    return { imageId, snapshotIds: first.snapshotIds, name, description: '', tags };
  });
  return [first, ...others];
}

function tagsOf(number: number): Record<string, string> {
  return { Recipe: `recipe-${number % RECIPES}`, BuildNumber: String(number) };
}

async function publishAll(
  source: EmulatedAccount,
  topicArn: string,
  images: readonly BakedImage[],
  account: string,
): Promise<void> {
  const batches = Array.from({ length: Math.ceil(images.length / PUBLISH_BATCH) }, (_, index) =>
    images.slice(index * PUBLISH_BATCH, (index + 1) * PUBLISH_BATCH),
  );
  await mapConcurrently(batches, AT_A_TIME, async (batch) => {
    const PublishBatchRequestEntries = batch.map((image, index) => ({
      Id: String(index),
      Message: JSON.stringify(copyRequestFor(image, source.region, [account])),
    }));
    await source.sns.send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries }));
  });
}

/** How many seconds after the start all requests were taken and their copies made, and all copies announced. */
interface Times {
  readonly copied: number;
  readonly announced: number;
}

/** Waits until all is copied and announced. It asks for copies that are not announced alone: to list all of them again and again would be work for the emulator. */
async function untilAnnounced(
  target: EmulatedAccount,
  copier: AppliedCopier,
  requests: number,
  start: number,
  giveUpSeconds: number,
  report: Report,
): Promise<Times> {
  const notAnnounced = { Name: `tag:${MARKER}`, Values: markerPatterns('image-copier', 'attempt', 'announcing') };
  let told = 0;
  let copied: number | undefined;
  return await waitFor(
    'all copies to be announced',
    async () => {
      const waiting = await messagesIn(target, copier.queue_url);
      const open = await ownImages(target, [notAnnounced]);
      const seconds = (Date.now() - start) / 1000;
      const pending = open.filter(({ State }) => State === 'pending').length;
      if (waiting + pending === 0 && copied === undefined && (await ownImages(target)).length >= requests)
        copied = seconds;
      if (seconds - told >= 10) {
        told = seconds;
        report(`${seconds.toFixed(0)} s: ${waiting} requests wait, ${open.length} copies are not announced`);
      }
      return copied !== undefined && open.length === 0 ? { copied, announced: seconds } : undefined;
    },
    { timeoutMs: giveUpSeconds * 1000, pollMs: POLL_MS },
  );
}

/** Looks for what went wrong. */
async function checkEnd(target: EmulatedAccount, copier: AppliedCopier, images: readonly BakedImage[]): Promise<void> {
  const copies = await ownImages(target);
  const sources = new Set(copies.map(({ SourceImageId }) => SourceImageId));
  const deadLetters = await messagesIn(target, copier.dead_letter_queue_url);
  const doubled = copies.length - sources.size;
  const lost = images.filter(({ imageId }) => !sources.has(imageId)).length;
  if (deadLetters + doubled + lost > 0) {
    throw new Error(`${lost} requests lost, ${doubled} copied twice, ${deadLetters} dead-lettered; none may be.`);
  }
}

async function messagesIn(target: EmulatedAccount, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await target.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: hidden } = Attributes;
  return Number(waiting) + Number(hidden);
}

async function put(endpoint: string, method: 'PUT' | 'POST', path: string, body: object): Promise<void> {
  const response = await fetch(`${endpoint}/_image-copier/${path}`, { method, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`The emulator refused ${path}: ${await response.text()}`);
}
