import { DeregisterImageCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../common/bake.ts';
import { ownImages } from '../common/copies.ts';
import { copiesOf, standingsOf } from '../common/known-copies.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { UserError } from '../common/user-error.ts';
import { waitFor, type Patience } from '../common/wait-for.ts';

/** The source account in one Region. */
export interface SmokeSource {
  readonly id: string;
  readonly ec2: EC2Client;
  readonly sns: SNSClient;
  readonly requestTopicArn: string;
}

/** A target account in the same Region. */
export interface SmokeTarget {
  readonly id: string;
  /** The copier's name. */
  readonly copier: string;
  readonly ec2: EC2Client;
}

// EC2 may need some minutes for a copy, and the sweep that finds what events missed comes every 15 minutes.
const TIMEOUT_MS = 30 * 60_000;
const POLL_MS = 2000;

/**
 * Bakes an empty image of 1 GiB, asks for its copies, waits until each is announced, and removes all of it. It carries no
 * recipe tag, so no parameter ever points to it.
 * @throws {UserError} if a copy is missing, not encrypted, or not announced in time
 */
export async function smokeCopy(
  { id: ownerId, ec2, sns, requestTopicArn }: SmokeSource,
  targets: readonly SmokeTarget[],
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const patience = { timeoutMs: TIMEOUT_MS, pollMs: POLL_MS, signal };
  const region = await ec2.config.region();
  const image = await bakeImage(
    ec2,
    {
      name: `image-copier-smoke-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`,
      description: 'Smoke copy of a deployment by image-copier: it is removed when the check ends.',
      tags: { Name: 'image-copier-smoke' },
      volumeSizes: [1],
    },
    signal,
  );
  try {
    const ids = targets.map(({ id }) => id);
    const others = ids.filter((id) => id !== ownerId);
    if (others.length > 0) await share(ec2, image, others);
    const Message = JSON.stringify(copyRequestFor(image, region, ids));
    await sns.send(new PublishCommand({ TopicArn: requestTopicArn, Message }));
    print(`Smoke copy in ${region}: asked for copies of ${image.imageId} in ${ids.join(', ')}.`);
    const waits = await Promise.allSettled(
      targets.map((target) => untilAnnounced(target, image, region, print, patience)),
    );
    const problems = waits.flatMap((wait) => (wait.status === 'rejected' ? [reasonOf(wait.reason)] : []));
    if (problems.length > 0) throw new UserError(problems.join('\n'), 1);
  } finally {
    await Promise.all(targets.map((target) => remove(target.ec2, 'source-image-id', image, print)));
    await remove(ec2, 'image-id', image, print);
  }
}

async function untilAnnounced(
  { id, copier, ec2 }: SmokeTarget,
  image: BakedImage,
  region: string,
  print: (line: string) => void,
  patience: Patience,
): Promise<void> {
  const copy = await waitFor(
    `an announced copy of ${image.imageId} in ${id}, ${region}. Look at the alarms and the dead letters there`,
    async () => {
      const owner = { name: copier, accountId: id, region, aws: { ec2 } };
      const copies = await standingsOf(owner, await copiesOf(owner, image.imageId));
      for (const {
        copy: { facts },
        standing,
      } of copies) {
        if (standing.kind === 'ready') return facts.imageId;
        if (standing.kind !== 'flawed') continue;
        throw new UserError(
          `The smoke copy ${facts.imageId} in ${id}, ${region}, is not verified: ${standing.reason}`,
          1,
        );
      }
      return undefined;
    },
    patience,
  );
  print(`Smoke copy in ${region}: ${copy} in ${id} is encrypted and announced.`);
}

/** What cannot be removed is printed: the check itself has its result by then. */
async function remove(
  ec2: EC2Client,
  filter: 'image-id' | 'source-image-id',
  image: BakedImage,
  print: (line: string) => void,
): Promise<void> {
  try {
    for (const { ImageId } of await ownImages({ ec2 }, [{ Name: filter, Values: [image.imageId] }])) {
      await ec2.send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));
    }
  } catch (error) {
    print(`What the smoke copy of ${image.imageId} left must be removed by hand: ${reasonOf(error)}`);
  }
}
