import {
  CopyImageCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import type { SQSRecord } from 'aws-lambda';
import { formatMarker, MARKER } from '../../lambda/src/core/copy-marker.ts';
import { copyRequestFor, shareSnapshots } from '../../scripts/tool/common/bake.ts';
import { expectedTags } from '../../scripts/dev/inspect-copy.ts';
import { injectFault, REGION } from '../tests/support/emulator.ts';
import { ResultsInbox } from '../tests/support/results-inbox.ts';
import { sweepWakeUp, TargetAccount } from '../tests/support/target-account.ts';
import { AccountView, isOurs, markerOf, type ForeignCopy } from './account-view.ts';
import { Ec2Events } from './ec2-events.ts';
import { EndsOfImages } from './ends-of-images.ts';
import { ArmedInterruption, ExecutionEnvironment, type Invocation, type NotedCall } from './execution-environment.ts';
import type { FunctionName } from '../tests/support/handler-process.ts';
import type { ImagePool, PoolImage } from './image-pool.ts';
import {
  STRANGERS_IMAGE,
  UNASKED_IMAGE,
  type AccountPlan,
  type AmigoCopy,
  type Delivery,
  type Round,
  type Settling,
  type Step,
} from './plan.ts';
import { PlayedQueue } from './played-queue.ts';

/** A request as it came into the account's queue. */
export interface Arrived {
  readonly image: number;
  readonly body: string;
  readonly isForUs: boolean;
  readonly isRepeat: boolean;
}

/** How an account comes to know what it is to copy: by requests, or by what is shared with it while all requests are lost. */
export type Way = 'messages' | 'state';

/** What a run did to an account that is not a call of a function. */
export interface Counts {
  deliveries: number;
  requestsLost: number;
  eventsLost: number;
  eventsTwice: number;
}

const OTHERS_ACCOUNT = '999999999999';
const STATE_REASON = { code: 'Client.InternalError', message: 'AMI snapshot copy failed.' };
/** At the end, functions are still killed in so many rounds. */
const INTERRUPTED_ROUNDS = 4;
const MOST_ROUNDS = 60;
/** The first time what is old enough goes into quarantine, the second time that is over. */
const MOST_TIMES_DAYS_GO_BY = 2;
/** More than the time that a request is tried again. */
const RETRIED_MS = 7 * 3600 * 1000;
const NO_CHANGE = /:(Describe|Get|List|ChangeMessageVisibility|CopyImage)/;

/** One target account in one run. It plays SQS, EventBridge and everybody around the functions, as the plan says. */
export class AccountRun {
  readonly target: TargetAccount;
  readonly plan: AccountPlan;
  readonly pool: ImagePool;
  readonly results: ResultsInbox;
  readonly view: AccountView;
  readonly ends: EndsOfImages;
  readonly invocations: Invocation[] = [];
  readonly arrived: Arrived[] = [];
  readonly foreign: ForeignCopy[] = [];
  readonly counts: Counts = { deliveries: 0, requestsLost: 0, eventsLost: 0, eventsTwice: 0 };
  /** What happened, in words. */
  readonly story: string[] = [];
  /** What was seen to be wrong on the way. */
  readonly violations: string[] = [];

  readonly #events: Ec2Events;
  readonly #copying: readonly ExecutionEnvironment[];
  readonly #settling: ExecutionEnvironment;
  readonly #interruptions: readonly ArmedInterruption[];
  readonly #clearFaults: (() => Promise<void>)[] = [];
  readonly #queue: PlayedQueue;
  readonly #toShare: (() => Promise<string>)[] = [];
  readonly #way: Way;
  /** Images that the account may see, and those that it may copy too. */
  readonly #seen = new Set<number>();
  readonly #shared = new Set<number>();
  readonly #lost: Arrived[] = [];
  #requests: Arrived[] = [];
  #isLate = false;
  #restRounds = 0;

  private constructor(
    target: TargetAccount,
    plan: AccountPlan,
    pool: ImagePool,
    results: ResultsInbox,
    events: Ec2Events,
    way: Way,
  ) {
    this.#way = way;
    this.target = target;
    this.plan = plan;
    this.pool = pool;
    this.results = results;
    this.view = new AccountView(target);
    this.#events = events;
    this.#interruptions = plan.interruptions.map((each) => new ArmedInterruption(each));
    const environment = (name: FunctionName, settings: Readonly<Record<string, string>>) =>
      new ExecutionEnvironment(target, name, settings, this.#interruptions, this.invocations, async () => {
        const told = this.ends.launch(0).catch((error: unknown) => `nothing is launched: ${String(error)}`);
        this.story.push(`meanwhile ${await told}`);
      });
    // Time for one try of CopyImage, and none for waiting until a throttle is over.
    this.#copying = [0, 1].map(() => environment('copy-image', { REMAINING_MS: '20000' }));
    // All that are wanted, so that there is more that may be asked for twice.
    this.#settling = environment('settle-copy', { RESULTS_TOPIC_ARN: results.topicArn, RECONCILE_NEWEST: '10' });
    const retiring = (settings: Readonly<Record<string, string>>) => environment('retire-image', settings);
    this.ends = new EndsOfImages([target, pool, this.view], plan, retiring, this.invocations, results.topicArn);
    this.#queue = new PlayedQueue(target.account.sqs, target.queueUrl);
  }

  static async open(plan: AccountPlan, pool: ImagePool, way: Way): Promise<AccountRun> {
    const target = await TargetAccount.create(pool.source.id);
    const { account } = target;
    const [results, events] = await Promise.all([ResultsInbox.open(target, pool.source), Ec2Events.open(account)]);
    const run = new AccountRun(target, plan, pool, results, events, way);
    await run.#prepare();
    return run;
  }

  /** Takes the requests that will come, each once the steps say so. */
  expect(requests: readonly Arrived[]): void {
    this.#requests = [...requests];
  }

  async play(): Promise<void> {
    for (const step of [{ do: 'arrive' } as const, ...this.plan.steps]) {
      this.story.push(await this.#play(step));
      await this.#observe();
    }
  }

  /** Lets everything come that is still to come, after a while without any more faults, until nothing changes. */
  async comeToRest(): Promise<void> {
    while (this.#requests.length > 0) this.story.push(await this.#arrive());
    while (this.#toShare.length > 0) this.story.push(await this.#share());
    await this.#untilNothingChanges();
    // Copies whose quarantine ends are removed, and what is to go by then. A request may come after that.
    for (let times = 0, rounds = 0; times < MOST_TIMES_DAYS_GO_BY && rounds !== 1; times += 1) {
      this.story.push(this.ends.letDaysGoBy());
      rounds = await this.#untilNothingChanges();
    }
    const asked = await this.#askForEnded();
    if (asked === 0) return;
    this.story.push(`${asked} requests for what is over come again`);
    await this.#untilNothingChanges();
  }

  /** Says in how many rounds. */
  async #untilNothingChanges(): Promise<number> {
    const before = this.#restRounds;
    for (;;) {
      this.#restRounds += 1;
      const round = this.#restRounds;
      if (round > MOST_ROUNDS) {
        this.violations.push(`1: the account does not come to rest in ${MOST_ROUNDS} rounds`);
        return MOST_ROUNDS;
      }
      if (round > INTERRUPTED_ROUNDS) for (const interruption of this.#interruptions) interruption.disarm();
      await this.#waitForCopies();
      const images = this.#copyIds().size;
      const start = this.invocations.length;
      const again = await this.ends.lookAgain();
      await this.ends.sendSweep();
      const done = (await this.#deliverAll()) + (await this.#deliverAllEnds());
      await this.#waitForCopies();
      const events = this.#events.waiting.splice(0);
      if (this.plan.losesEvents) this.counts.eventsLost += events.length;
      else await this.#settle(events, false);
      await this.#settle([], true);
      await this.#observe();
      const changes = done + again + this.#copyIds().size - images + this.#changesSince(start);
      const left = await this.#messagesLeft();
      this.story.push(`rest, round ${round}: ${done} messages done, ${changes} changes, ${left} messages left`);
      if (changes === 0 && left === 0) return round - before;
      // What is left waits for something that does not come; time goes by until it is given up.
      if (changes === 0) this.#isLate = true;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#copying, this.#settling, this.ends].map((each) => each.stop()));
    await Promise.all(this.#clearFaults.map((clear) => clear()));
    await this.#events.close();
    await this.results.close();
    await this.target.close();
  }

  image(index: number): PoolImage {
    const image = this.pool.images[index];
    if (!image) throw new Error(`The pool has no image ${index}`);
    return image;
  }

  /**
   * Whether a copy of the image is asked for. By the state the newest one of a recipe certainly is; older ones are only until there is
   * a copy of a newer one, and what is revoked is not while it is.
   */
  isAsked(index: number): 'certainly' | 'perhaps' | 'never' {
    if (this.#way === 'messages') {
      return this.arrived.some(({ image, isForUs }) => image === index && isForUs) ? 'certainly' : 'never';
    }
    if (isStrangers(index) || index === UNASKED_IMAGE || !this.#seen.has(index)) return 'never';
    const recipe = this.image(index).tags['Recipe'];
    const isTold = (other: number) => !isStrangers(other) && other !== UNASKED_IMAGE;
    const hasNewer = [...this.#seen].some(
      (other) => other > index && isTold(other) && this.image(other).tags['Recipe'] === recipe,
    );
    return hasNewer || this.ends.isRevoked(index) ? 'perhaps' : 'certainly';
  }

  /** Whether EC2 lets the account copy the image. */
  isShared(index: number): boolean {
    return this.#shared.has(index) && !this.ends.isRevoked(index);
  }

  async #prepare(): Promise<void> {
    const { account } = this.target;
    const { sharing, failures, copySeconds, keptSnapshots } = this.plan;
    await this.#fault({ kind: 'slow-copy', seconds: copySeconds });
    if (keptSnapshots > 0)
      await this.#fault({ kind: 'keep-snapshot', returnCode: 'internal-error', times: keptSnapshots });
    for (const [index, times] of failures.entries()) {
      if (times === 0) continue;
      const sourceImageId = this.image(index).imageId;
      await this.#fault({ kind: 'fail-copy', sourceImageId, times, stateReason: STATE_REASON });
    }
    for (const [index, how] of [...sharing, 'shared'].entries()) {
      const image = this.image(index);
      const { ec2 } = image.owner;
      const steps = [
        async () => {
          await this.ends.share(index);
          this.#seen.add(index);
          return `image ${index} is shared`;
        },
        async () => {
          await shareSnapshots(ec2, image, [account.id]);
          this.#shared.add(index);
          return `the snapshots of image ${index} are shared`;
        },
      ];
      if (how === 'late') this.#toShare.push(...steps);
      else for (const step of steps.slice(0, { shared: 2, imageOnly: 1, never: 0 }[how])) await step();
    }
  }

  async #fault(fault: Omit<Parameters<typeof injectFault>[0], 'account'>): Promise<void> {
    this.#clearFaults.push(
      await injectFault({ ...fault, account: this.target.account.id } as Parameters<typeof injectFault>[0]),
    );
  }

  async #play(step: Step): Promise<string> {
    switch (step.do) {
      case 'arrive':
        return await this.#arrive();
      case 'repeat':
        return await this.#repeat(step.request, step.changed);
      case 'share':
        return await this.#share();
      case 'amigo':
        return await this.#copyAsAmigo(step);
      case 'impostor':
        return await this.#makeImpostor(step.encrypted);
      case 'leftover':
        return await this.#leaveSnapshots();
      case 'untag':
        return await this.#untag();
      case 'calm':
        return await this.#calm();
      case 'round':
        return await this.#round(step);
      default:
        return await this.ends.play(step);
    }
  }

  async #arrive(): Promise<string> {
    const request = this.#requests.shift();
    if (!request) return 'no request is left to come';
    if (this.#way === 'state') {
      this.counts.requestsLost += 1;
      this.#lost.push(request);
      return `a request for image ${request.image} is lost`;
    }
    await this.#send(request);
    return `a request for image ${request.image} comes${request.isForUs ? '' : ', for others'}`;
  }

  async #repeat(index: number, changed: boolean): Promise<string> {
    const request = this.arrived[index];
    if (!request) return 'nothing to repeat';
    const parsed = JSON.parse(request.body) as ReturnType<typeof copyRequestFor>;
    const tags = changed ? { ...parsed.tags, Rebuilt: 'yes' } : parsed.tags;
    await this.#send({ ...request, body: JSON.stringify({ ...parsed, tags }), isRepeat: true });
    return `the request for image ${request.image} comes again${changed ? ' with other tags' : ''}`;
  }

  async #send(request: Arrived): Promise<void> {
    await this.#queue.send(request.body);
    this.arrived.push(request);
  }

  /** Requests for images that were retired or revoked come once more; says how many. */
  async #askForEnded(): Promise<number> {
    const removed = this.ends.removed();
    const sources = new Set([...removed].map((imageId) => this.sourceOf(imageId)?.imageId));
    const isOver = ({ image, isRepeat }: Arrived) =>
      !isRepeat && (sources.has(this.image(image).imageId) || this.ends.isRevoked(image));
    const requests = this.arrived.filter(isOver);
    for (const request of requests) await this.#send({ ...request, isRepeat: true });
    return requests.length;
  }

  /** The image of the pool that a copy of ours was made of, also if it is gone. */
  sourceOf(copyId: string): PoolImage | undefined {
    const calls = this.invocations.flatMap(({ calls: made }) => made);
    const call = calls.find((each) => copyIdIn(each) === copyId);
    const source = call && new URLSearchParams(call.body).get('SourceImageId');
    return this.pool.images.find(({ imageId }) => imageId === source);
  }

  async #calm(): Promise<string> {
    while (this.#requests.length > 1) this.story.push(await this.#arrive());
    while (this.#toShare.length > 0) this.story.push(await this.#share());
    await this.#waitForCopies();
    const done = await this.#deliverAll();
    await this.#waitForCopies();
    await this.#settle(this.#events.waiting.splice(0), true);
    return `calm: ${done} messages done, and a sweep`;
  }

  async #share(): Promise<string> {
    return (await this.#toShare.shift()?.()) ?? 'nothing is left to share';
  }

  async #waitForCopies(): Promise<void> {
    await this.#events.untilTold([...this.#copyIds(), ...this.foreign.map(({ imageId }) => imageId)]);
  }

  async #copyAsAmigo({ request, ends, tags, deliveries }: AmigoCopy): Promise<string> {
    const all = [...this.#lost, ...this.arrived.filter(({ isRepeat }) => !isRepeat), ...this.#requests];
    const index = all[request]?.image ?? 0;
    const image = this.image(index);
    if (!this.isShared(index)) return `AMIgo cannot copy image ${index} yet`;
    const { ec2 } = this.target.account;
    const isFirst = !(await this.view.images()).some(
      (each) => each.SourceImageId === image.imageId && each.State !== 'failed',
    );
    const usually = deliveries === 'none' ? undefined : await this.#copySlowly(2);
    const fix = ends === 'failed' ? await this.#failCopy(image) : undefined;
    const { ImageId: imageId = '' } = await ec2.send(
      new CopyImageCommand({
        SourceImageId: image.imageId,
        SourceRegion: REGION,
        Name: image.name,
        Encrypted: true,
        KmsKeyId: this.target.keyArn,
      }),
    );
    await fix?.();
    await usually?.();
    if (deliveries === 'beforeTags') await this.#deliver({ hiddenToo: true, messages: 3 });
    const isPending = (await this.view.images()).some((each) => each.ImageId === imageId && each.State === 'pending');
    const Tags = Object.entries(expectedTags(image)).map(([Key, Value]) => ({ Key, Value }));
    if (tags) await ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags }));
    if (deliveries === 'afterTags') await this.#deliver({ hiddenToo: true, messages: 3 });
    // Whoever comes while the copy has no tags waits, but only while it is pending.
    const wasSeen = isFirst && (isPending || deliveries !== 'beforeTags');
    const counts = !tags ? 'never' : wasSeen ? 'always' : 'later';
    await this.#noteForeign(imageId, index, counts);
    const what = [tags ? 'tagged' : 'never tagged', `to be ${ends}`, `deliveries ${deliveries}`].join(', ');
    return `AMIgo copies image ${index} as ${imageId}: ${what}`;
  }

  /** A copy that names us as its maker, of the newest image of a recipe, but under another key or none. */
  async #makeImpostor(encrypted: boolean): Promise<string> {
    if (this.foreign.some(({ sourceImage }) => sourceImage === UNASKED_IMAGE)) return 'the impostor is there already';
    const { KeyMetadata: { Arn = '' } = {} } = encrypted
      ? await this.target.account.kms.send(new CreateKeyCommand({}))
      : {};
    const imageId = await this.#copyAsUs(encrypted ? { Encrypted: true, KmsKeyId: Arn } : {});
    await this.#noteForeign(imageId, UNASKED_IMAGE, 'never');
    return `${imageId} names us as its maker, but is ${encrypted ? 'encrypted under another key' : 'not encrypted'}`;
  }

  /** Removing a failed copy can leave its snapshots (EC2 API Reference, DeregisterImage). */
  async #leaveSnapshots(): Promise<string> {
    const { account } = this.target;
    const fix = await this.#failCopy(this.image(UNASKED_IMAGE));
    const ImageId = await this.#copyAsUs({ Encrypted: true, KmsKeyId: this.target.keyArn });
    await this.#events.untilTold([ImageId]);
    await fix();
    await account.ec2.send(new DeregisterImageCommand({ ImageId }));
    return `${ImageId} has failed and is gone, but its snapshots are not`;
  }

  /** Copies the image that nobody asks for, with the tags that we set. */
  async #copyAsUs(encryption: { readonly Encrypted?: true; readonly KmsKeyId?: string }): Promise<string> {
    const image = this.image(UNASKED_IMAGE);
    const marker = formatMarker({ copier: 'image-copier', attempt: 1, bakedAt: image.createdAt });
    const Tags = Object.entries({ ...expectedTags(image), [MARKER]: marker }).map(([Key, Value]) => ({ Key, Value }));
    const { ImageId = '' } = await this.target.account.ec2.send(
      new CopyImageCommand({
        SourceImageId: image.imageId,
        SourceRegion: REGION,
        Name: image.name,
        ...encryption,
        TagSpecifications: [
          { ResourceType: 'image', Tags },
          { ResourceType: 'snapshot', Tags },
        ],
      }),
    );
    return ImageId;
  }

  /** Lets the next copy of the image fail. */
  async #failCopy({ imageId }: PoolImage): Promise<() => Promise<void>> {
    const account = this.target.account.id;
    return await injectFault({
      kind: 'fail-copy',
      account,
      sourceImageId: imageId,
      times: 1,
      stateReason: STATE_REASON,
    });
  }

  async #noteForeign(imageId: string, sourceImage: number, counts: ForeignCopy['counts']): Promise<void> {
    this.foreign.push({ imageId, sourceImage, counts, tags: await this.view.tagsOf(imageId) });
  }

  async #copySlowly(seconds: number): Promise<() => Promise<void>> {
    // The first fault counts, so the usual time stands aside for this one.
    await this.#clearFaults.shift()?.();
    const usual = { kind: 'slow-copy', account: this.target.account.id, seconds: this.plan.copySeconds } as const;
    const restore = await injectFault({ ...usual, seconds });
    return async () => {
      await restore();
      this.#clearFaults.unshift(await injectFault(usual));
    };
  }

  async #untag(): Promise<string> {
    const unannounced = (await this.view.images()).filter(
      (image) => isOurs(image) && !this.#isForeign(image) && !markerOf(image).includes('announced='),
    );
    const snapshots = await this.view.snapshots();
    const taken = snapshots.filter(({ Description = '' }) =>
      unannounced.some(({ ImageId = '' }) => Description.includes(ImageId)),
    );
    if (taken.length === 0) return 'there is no tag to lose';
    const Resources = taken.map(({ SnapshotId = '' }) => SnapshotId);
    await this.target.account.ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'Name' }] }));
    return `${Resources.join(', ')} lose a tag`;
  }

  #isForeign({ ImageId }: Image): boolean {
    return this.foreign.some(({ imageId }) => imageId === ImageId);
  }

  async #round({ deliveries, sameMessages, settling, retiring, errors }: Round): Promise<string> {
    const lanes: { records: SQSRecord[] }[] = [];
    for (const [index, delivery] of deliveries.entries()) {
      const [first] = lanes;
      const records = first && sameMessages ? first.records : await this.#receive(delivery);
      await this.#copying[index]?.start();
      lanes.push({ records });
    }
    if (settling) await this.#settling.start();
    const ending: SQSRecord[][] = [];
    for (const delivery of retiring) {
      const records = await this.ends.queue.receive(delivery);
      await this.ends.start(records, ending.length);
      ending.push(records);
    }
    if (settling?.waits) await this.#waitForCopies();
    const account = this.target.account.id;
    const clear = await Promise.all(errors.map((error) => injectFault({ ...error, account })));
    const start = this.invocations.length;
    const told: string[] = [];
    const copying = Promise.all(
      lanes.map(async ({ records }, index) => {
        const kept = await this.#invokeCopying(this.#copying[index], records);
        told.push(`${records.length} messages delivered, ${kept.length} kept`);
        return kept;
      }),
    );
    const ended = ending.map(async (records, lane) => {
      const done = await this.ends.deliver(records, lane);
      told.push(`${records.length} messages about ends delivered, ${done} done`);
    });
    const settled = settling ? this.#settleAsPlanned(settling).then((text) => void told.push(text)) : undefined;
    const [answers] = await Promise.all([copying, settled, ...ended]);
    await Promise.all(clear.map((each) => each()));
    for (const [index, { records }] of lanes.entries()) await this.#queue.acknowledge(records, answers[index] ?? []);
    const interrupted = this.invocations
      .slice(start)
      .flatMap(({ functionName, calls }) =>
        calls.flatMap(({ action, interruption }) =>
          interruption ? [`${functionName} ${interruption.how} ${interruption.when} ${action}`] : [],
        ),
      );
    const faulty = errors.map(({ code, operation, times }) => `${code} of ${operation} x${times}`);
    return ['round', ...told, ...faulty, ...interrupted].join('; ');
  }

  /** Delivers messages on their own. */
  async #deliver(delivery: Delivery): Promise<{ readonly received: number; readonly done: number }> {
    const records = await this.#receive(delivery);
    const kept = await this.#invokeCopying(this.#copying[0], records);
    await this.#queue.acknowledge(records, kept);
    return { received: records.length, done: records.length - kept.length };
  }

  /** Delivers every message once; says how many are done with. */
  async #deliverAll(): Promise<number> {
    let done = 0;
    for (let hiddenToo = true; ; hiddenToo = false) {
      const delivered = await this.#deliver({ hiddenToo, messages: 10 });
      if (delivered.received === 0) return done;
      done += delivered.done;
    }
  }

  /** Delivers every message about the end of images once; says how many are done with. */
  async #deliverAllEnds(): Promise<number> {
    let done = 0;
    for (let hiddenToo = true; ; hiddenToo = false) {
      const records = await this.ends.queue.receive({ hiddenToo, messages: 10 });
      if (records.length === 0) return done;
      done += await this.ends.deliver(records);
    }
  }

  async #receive(delivery: Delivery): Promise<SQSRecord[]> {
    const records = await this.#queue.receive(delivery);
    for (const record of records) {
      if (this.#isLate) record.attributes.SentTimestamp = String(Date.now() - RETRIED_MS);
    }
    this.counts.deliveries += records.length;
    return records;
  }

  /** Gives the messages that are not done with. */
  async #invokeCopying(
    environment: ExecutionEnvironment | undefined,
    records: readonly SQSRecord[],
  ): Promise<readonly string[]> {
    if (records.length === 0) return [];
    const answer = await environment?.invoke(records);
    if (!answer) return records.map(({ messageId }) => messageId);
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  async #settleAsPlanned({ events, fate, sweep }: Settling): Promise<string> {
    const taken = this.#events.waiting.splice(0, events);
    if (fate === 'lost') this.counts.eventsLost += taken.length;
    if (fate === 'handledTwice') this.counts.eventsTwice += taken.length;
    const batches = fate === 'lost' ? [[]] : fate === 'handled' ? [taken] : [taken, taken];
    let text = `settling ${taken.length} events (${fate})${sweep ? ' and a sweep' : ''}`;
    for (const [index, batch] of batches.entries()) {
      const isLast = index === batches.length - 1;
      if (!(await this.#settle(batch, sweep && isLast))) text += ', killed';
    }
    return text;
  }

  /** Hands events to settle-copy; the queue keeps those that a killed function had. Says whether it ended by itself. */
  async #settle(events: readonly SQSRecord[], sweep: boolean): Promise<boolean> {
    const records = sweep ? [...events, sweepWakeUp()] : events;
    if (records.length === 0) return true;
    const answer = await this.#settling.invoke(records);
    if (!answer) this.#events.waiting.push(...events);
    return answer !== undefined;
  }

  async #messagesLeft(): Promise<number> {
    const [requests, ends] = await Promise.all([this.#queue.left(), this.ends.queue.left()]);
    // A revocation that is looked at again comes when the run says so, and later once more.
    return requests.now + requests.delayed + ends.now;
  }

  /** The copies that the functions made, also those that are gone. */
  #copyIds(): Set<string> {
    return new Set(this.invocations.flatMap(({ calls }) => calls.flatMap((call) => copyIdIn(call) ?? [])));
  }

  /** A function that was interrupted has not said what it would have changed. */
  #changesSince(start: number): number {
    return this.invocations
      .slice(start)
      .flatMap(({ calls }) => calls)
      .filter(({ action, answer, interruption }) => interruption ?? (answer?.status === 200 && !NO_CHANGE.test(action)))
      .length;
  }

  async #observe(): Promise<void> {
    const live = (await this.view.images()).filter(
      (image) =>
        isOurs(image) && !this.#isForeign(image) && ['pending', 'available', 'disabled'].includes(image.State ?? ''),
    );
    for (const { SourceImageId, ImageId } of live) {
      const twins = live.filter((other) => other.SourceImageId === SourceImageId);
      if (twins.length > 1)
        this.violations.push(`2: ${ImageId} is one of ${twins.length} live copies of ${SourceImageId}`);
    }
  }
}

/** The image id that EC2 answered to CopyImage. */
export function copyIdIn({ action, answer }: NotedCall): string | undefined {
  if (action !== 'ec2:CopyImage' || answer?.status !== 200) return undefined;
  return /<imageId>(ami-[0-9a-f]+)</.exec(answer.body)?.[1];
}

/** The request for an image of the pool, for some of the run's accounts. */
export function requestFor(image: PoolImage, accounts: readonly string[] | 'all'): string {
  const targets = accounts === 'all' ? ['*'] : [OTHERS_ACCOUNT, ...accounts];
  return JSON.stringify(copyRequestFor(image, REGION, targets));
}

/** Whether the image is of an owner that is not trusted. */
export function isStrangers(index: number): boolean {
  return index === STRANGERS_IMAGE;
}
