import { ModifyImageAttributeCommand, RunInstancesCommand, type Image } from '@aws-sdk/client-ec2';
import type { SQSRecord } from 'aws-lambda';
import { shareImage } from '../../scripts/tool/common/bake.ts';
import { REGION } from '../tests/support/emulator.ts';
import type { TargetAccount } from '../tests/support/target-account.ts';
import { isAnnouncedCopy, isOurs, parsedMarker, type AccountView } from './account-view.ts';
import { ExecutionEnvironment, type Invocation, type NotedCall } from './execution-environment.ts';
import type { ImagePool, PoolImage } from './image-pool.ts';
import { ENDED_IMAGES, type AccountPlan, type EndStep } from './plan.ts';
import { PlayedQueue } from './played-queue.ts';

/** That an image of the pool was revoked, or no longer is. */
export interface Decision {
  readonly image: number;
  readonly kind: 'revoke' | 'unrevoke';
  readonly at: string;
  /** When it was sent, and when the function was done with it, by this process's own clock. */
  readonly sentMs: number;
  doneMs?: number;
}

const SWEEP = 'Scheduled Event';
const DAY_MS = 24 * 3600 * 1000;
/** More than the days of any retention, or of a quarantine. */
const DAYS_AT_ONCE = 3;
/** EC2 API Reference, RunInstances: an image that is disabled, or gone. */
const NOT_LAUNCHABLE = /^InvalidAMIID\.(NotFound|Unavailable)$/;

/** Everybody who decides on the end of images in one account, and retire-image, which carries it out. */
export class EndsOfImages {
  readonly decisions: Decision[] = [];
  /** The images from which instances were launched. None is terminated. */
  readonly launched: string[] = [];
  /** Announced copies that somebody wanted gone. */
  readonly unwanted = new Set<string>();
  /** The places of the images that somebody wanted back. */
  readonly restored = new Set<number>();
  readonly queue: PlayedQueue;
  readonly #target: TargetAccount;
  readonly #pool: ImagePool;
  readonly #view: AccountView;
  readonly #retiring: readonly ExecutionEnvironment[];
  readonly #sharedImages = new Set<number>();
  readonly #delayed: string[] = [];
  readonly #log: readonly Invocation[];
  #daysAhead = 0;
  #notedCalls = new Set<NotedCall>();

  constructor(
    [target, pool, view]: readonly [TargetAccount, ImagePool, AccountView],
    { retention, rollbackDepth }: AccountPlan,
    environment: (settings: Readonly<Record<string, string>>) => ExecutionEnvironment,
    log: readonly Invocation[],
    resultsTopicArn: string,
  ) {
    this.#target = target;
    this.#pool = pool;
    this.#view = view;
    this.#log = log;
    this.queue = new PlayedQueue(target.account.sqs, target.retirementsQueueUrl);
    const settings = {
      RESULTS_TOPIC_ARN: resultsTopicArn,
      ROLLBACK_DEPTH: String(rollbackDepth),
      ...(retention && { RETENTION: JSON.stringify(retention) }),
    };
    // As many as the event source mapping has at the same time.
    this.#retiring = [0, 1].map(() => environment(settings));
  }

  async play(step: EndStep): Promise<string> {
    switch (step.do) {
      case 'retire':
        return await this.#retire(step);
      case 'restore':
        return await this.#restore(step.place, step.by);
      case 'revoke':
      case 'unrevoke':
        return await this.#decide(step.do, step.place);
      case 'sweepEnds':
        await this.sendSweep();
        return 'the daily sweep comes';
      case 'lookAgain':
        return `${await this.lookAgain()} revocations are looked at again`;
      case 'launch':
        return await this.launch(step.place);
      case 'days':
        return this.letDaysGoBy();
    }
  }

  /** Lets the account see an image of the pool, unless that is revoked. */
  async share(index: number): Promise<void> {
    this.#sharedImages.add(index);
    if (this.isRevoked(index)) return;
    const image = this.#image(index);
    await shareImage(image.owner.ec2, image, [this.#target.account.id]);
  }

  /** Whether the last decision on an image revokes it. */
  isRevoked(index: number): boolean {
    return this.decisions.findLast(({ image }) => image === index)?.kind === 'revoke';
  }

  wasRevoked(index: number): boolean {
    return this.decisions.some(({ image }) => image === index);
  }

  /** The images of this account that retire-image deregistered. */
  removed(): Set<string> {
    const calls = this.#log.flatMap(({ functionName, calls: made }) => (functionName === 'retire-image' ? made : []));
    return new Set(
      calls.flatMap(({ action, body, answer }) =>
        action === 'ec2:DeregisterImage' && answer?.status === 200
          ? (new URLSearchParams(body).get('ImageId') ?? [])
          : [],
      ),
    );
  }

  async sendSweep(): Promise<void> {
    await this.queue.send(JSON.stringify({ source: 'aws.events', 'detail-type': SWEEP, detail: {} }));
  }

  /** Has the revocations come again that wait for it; says how many. */
  async lookAgain(): Promise<number> {
    const bodies = this.#delayed.splice(0);
    for (const body of bodies) await this.queue.send(body);
    return bodies.length;
  }

  letDaysGoBy(): string {
    this.#daysAhead += DAYS_AT_ONCE;
    return `${DAYS_AT_ONCE} days go by`;
  }

  async launch(place: number): Promise<string> {
    const available = (await this.#view.images()).filter(({ State }) => State === 'available');
    const oldestFirst = available.toSorted((one, other) => this.#age(one) - this.#age(other));
    const { ImageId } = oldestFirst[place % Math.max(oldestFirst.length, 1)] ?? {};
    if (ImageId === undefined) return 'there is no copy to launch';
    try {
      const launch = { ImageId, InstanceType: 't4g.micro', MinCount: 1, MaxCount: 1 } as const;
      await this.#target.account.ec2.send(new RunInstancesCommand(launch));
    } catch (error) {
      if (error instanceof Error && NOT_LAUNCHABLE.test(error.name)) return `${ImageId} cannot be launched any more`;
      throw error;
    }
    this.launched.push(ImageId);
    return `an instance is launched from ${ImageId}`;
  }

  /** Starts a process for messages, if there are any, so that it runs when faults begin. */
  async start(records: readonly SQSRecord[], lane: number): Promise<void> {
    if (records.length > 0) await this.#retiring[lane]?.start();
  }

  /** Delivers messages, each on its own, to one of the processes; says how many it was done with, without daily sweeps. */
  async deliver(records: readonly SQSRecord[], lane = 0): Promise<number> {
    let done = 0;
    for (const record of records) {
      if ((await this.#deliverOne(record, lane)) && !record.body.includes(SWEEP)) done += 1;
    }
    return done;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#retiring.map((each) => each.stop()));
  }

  async #deliverOne(record: SQSRecord, lane: number): Promise<boolean> {
    const aheadMs = this.#daysAhead * DAY_MS;
    // The days go by for the queue as well: to the function, no message is older than it is.
    const SentTimestamp = String(Number(record.attributes.SentTimestamp) + aheadMs);
    const delivered = { ...record, attributes: { ...record.attributes, SentTimestamp } };
    const answer = await this.#retiring[lane]?.invoke([delivered], aheadMs);
    this.#noteDelayed();
    if (!answer || answer.batchItemFailures.length > 0) return false;
    await this.queue.acknowledge([record], []);
    const decision = this.decisions.find(({ at }) => record.body.includes(at));
    if (decision) decision.doneMs ??= performance.now();
    return true;
  }

  /** The function has a revocation come again after minutes. They go by when the plan says so. */
  #noteDelayed(): void {
    const calls = this.#log.flatMap(({ functionName, calls: made }) => (functionName === 'retire-image' ? made : []));
    for (const call of calls) {
      if (call.action !== 'sqs:SendMessage' || call.answer?.status !== 200 || this.#notedCalls.has(call)) continue;
      this.#notedCalls.add(call);
      const { MessageBody, DelaySeconds = 0 } = JSON.parse(call.body) as { MessageBody: string; DelaySeconds?: number };
      if (DelaySeconds > 0) this.#delayed.push(MessageBody);
    }
  }

  async #retire({ place, by, quarantineDays }: Extract<EndStep, { do: 'retire' }>): Promise<string> {
    const image = await this.#choose(place, isAnnouncedCopy);
    const copy = await this.#copyOf(image);
    const id = by === 'source' ? this.#image(image).imageId : copy?.ImageId;
    if (id === undefined) return `there is no copy of image ${image} to retire`;
    if (copy?.ImageId !== undefined && isAnnouncedCopy(copy)) this.unwanted.add(copy.ImageId);
    const amigos = { amis: [{ account: this.#target.account.id, id }] };
    const operators = { retire: { images: [id], quarantineDays } };
    await this.queue.send(JSON.stringify(by === 'amigo' ? amigos : operators));
    return `the copy of image ${image} is to go, ${by === 'amigo' ? 'by AMIgo' : `as ${id}, in ${quarantineDays} days`}`;
  }

  async #restore(place: number, by: 'copy' | 'source'): Promise<string> {
    const image = await this.#choose(place, (copy) => parsedMarker(copy)?.end !== undefined);
    const id = by === 'source' ? this.#image(image).imageId : (await this.#copyOf(image))?.ImageId;
    if (id === undefined) return `there is no copy of image ${image} to restore`;
    this.restored.add(image);
    await this.queue.send(JSON.stringify({ restore: { images: [id] } }));
    return `the copy of image ${image} is wanted back, as ${id}`;
  }

  async #decide(kind: Decision['kind'], place: number): Promise<string> {
    const revoked = Array.from(this.#pool.images.keys()).filter((each) => this.isRevoked(each));
    const index = kind === 'unrevoke' ? revoked[place % revoked.length] : await this.#choose(place, isAnnouncedCopy);
    if (index === undefined) return 'no image is revoked';
    const image = this.#image(index);
    const at = new Date().toISOString();
    this.decisions.push({ image: index, kind, at, sentMs: performance.now() });
    if (kind === 'unrevoke' && this.#sharedImages.has(index)) await this.share(index);
    if (kind === 'revoke') {
      // The source account disables it: with that nobody else sees it any more. Other runs share it.
      const Remove = [{ UserId: this.#target.account.id }];
      await image.owner.ec2.send(
        new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission: { Remove } }),
      );
    }
    const decision = { sourceAmis: [image.imageId], sourceRegion: REGION, reason: 'CVE-2026-1', at };
    await this.queue.send(JSON.stringify({ [kind]: decision }));
    return `image ${index} is ${kind}d`;
  }

  /** The place in the pool of one of the images whose copies are as they should be, the oldest first; of any, where there is none. */
  async #choose(place: number, isRight: (copy: Image) => boolean): Promise<number> {
    const right = (await this.#view.images()).filter((image) => isOurs(image) && isRight(image));
    const images = right.map((copy) => this.#age(copy)).filter((index) => ENDED_IMAGES.includes(index));
    const choices = images.length > 0 ? images.toSorted((one, other) => one - other) : ENDED_IMAGES;
    return choices[place % choices.length] ?? 0;
  }

  async #copyOf(index: number): Promise<Image | undefined> {
    const { imageId } = this.#image(index);
    return (await this.#view.images()).find((image) => image.SourceImageId === imageId && isOurs(image));
  }

  #age({ SourceImageId }: Image): number {
    return this.#pool.images.findIndex(({ imageId }) => imageId === SourceImageId);
  }

  #image(index: number): PoolImage {
    const image = this.#pool.images[index];
    if (!image) throw new Error(`The pool has no image ${index}`);
    return image;
  }
}
