import type { AskedImages, Refusal, RefusedRequests } from '../src/core/asked-requests.ts';
import type { CopyRequest, Tag } from '../src/core/copy-request.ts';
import type { CopyTarget } from '../src/core/copy-image.ts';
import type { Approval, Gate, SourceMarks, SourcesSeen } from '../src/core/approval.ts';
import type { CopyInventory, CopySnapshot, OwnCopy } from '../src/core/copy-inventory.ts';
import {
  formatMarker,
  isAnnounced,
  isUnapproved,
  MARKER,
  parseMarker,
  type CopyMarker,
} from '../src/core/copy-marker.ts';
import type { EndedSource, EndedSources, SourceEnd } from '../src/core/ended-sources.ts';
import { TokenTakenError } from '../src/core/errors.ts';
import type { CopyResult, CopyResults } from '../src/core/copy-results.ts';
import type {
  CopyPlan,
  EbsDevice,
  ImageCatalogue,
  ImageFacts,
  ImageState,
  SnapshotFacts,
  SourceImage,
} from '../src/core/image-catalogue.ts';
import type { ImageParameter, ImageParameters } from '../src/core/image-parameters.ts';
import type { DeadLetter, Delivery, NextTries, RequestQueue } from '../src/core/request-queue.ts';
import type { SettleCopiesContext } from '../src/core/settle-copies.ts';
import type { SettleContext, SettleOutcome } from '../src/core/settle-context.ts';
import { settleBatch } from '../src/core/settle-copy.ts';
import type { GivenResult, GivenResults, Subscribers, WatchContext, WatchQueues } from '../src/core/watch-requests.ts';

export const SOURCE_ACCOUNT = '111111111111';
export const ACCOUNT = '222222222222';
export const SOURCE_IMAGE = 'ami-0123456789abcdef0';
export const REGION = 'eu-west-1';
export const NOW_MS = Date.UTC(2026, 10, 24);
export const BAKED_AT = '2026-11-23T22:10:00.000Z';
export const COPIER = 'image-copier';

export const target: CopyTarget = {
  copier: COPIER,
  account: ACCOUNT,
  kmsKeyArn: `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`,
  copyTags: [],
  trustedOwners: [SOURCE_ACCOUNT],
};

const copierEnvironment = {
  AWS_REGION: REGION,
  COPIER_NAME: COPIER,
  KMS_KEY_ARN: target.kmsKeyArn,
  QUEUE_URL: 'https://sqs.test/requests',
  DEAD_LETTER_QUEUE_URL: 'https://sqs.test/dead-letters',
};

export const environment = {
  ...copierEnvironment,
  AWS_LAMBDA_FUNCTION_NAME: 'image-copier-copy-image',
  TRUSTED_OWNERS: `${SOURCE_ACCOUNT},444444444444`,
  RETRY_SECONDS: '21600',
};

export const settleEnvironment = {
  ...copierEnvironment,
  AWS_LAMBDA_FUNCTION_NAME: 'image-copier-settle-copy',
  COPY_DEPRECATION: 'true',
  FAILED_COPY_DELAY_SECONDS: '300',
  OVERDUE_SECONDS: '86400',
  PARAMETER_PATH: '/image-copier',
  RECIPE_TAG: 'Recipe',
  RECONCILE_NEWEST: '1',
  RECONCILE_REGIONS: REGION,
  RETRY_SECONDS: '21600',
  TRUSTED_OWNERS: SOURCE_ACCOUNT,
  RESULTS_TOPIC_ARN: `arn:aws:sns:${REGION}:${SOURCE_ACCOUNT}:amigo-DEMO-notify-results`,
};

export const retireEnvironment = {
  ...copierEnvironment,
  AWS_LAMBDA_FUNCTION_NAME: 'image-copier-retire-image',
  QUEUE_URL: 'https://sqs.test/retirements',
  PARAMETER_PATH: '/image-copier',
  RECIPE_TAG: 'Recipe',
  RESULTS_TOPIC_ARN: settleEnvironment.RESULTS_TOPIC_ARN,
  RETRY_SECONDS: '21600',
  ROLLBACK_DEPTH: '2',
  TRUSTED_OWNERS: SOURCE_ACCOUNT,
};

/** A request as guardian/amigo publishes it. */
export const requestJson = {
  sourceAmi: SOURCE_IMAGE,
  sourceRegion: REGION,
  targetAccounts: [ACCOUNT, '333333333333'],
  name: 'amigo_ubuntu_12_2026/11/23_22-10-00',
  description: 'AMI for ubuntu built by Amigo: #12',
  tags: { BuiltBy: 'amigo', AmigoStage: 'PROD', Name: 'amigo_ubuntu_12', Recipe: 'ubuntu', BuildNumber: '12' },
};

const requestTags: readonly Tag[] = Object.entries(requestJson.tags).map(([key, value]) => ({ key, value }));

export function copyRequest(changes: Partial<CopyRequest> = {}): CopyRequest {
  return { ...requestJson, tags: requestTags, ...changes };
}

export function imageCopy(changes: Partial<ImageFacts> = {}): ImageFacts {
  return {
    imageId: 'ami-0aaaaaaaaaaaaaaaa',
    ownerId: ACCOUNT,
    state: 'available',
    source: { imageId: SOURCE_IMAGE, region: REGION },
    tags: [{ key: 'CopiedFromAMI', value: SOURCE_IMAGE }],
    devices: [ebsDevice()],
    ...changes,
  };
}

export function ebsDevice(changes: Partial<EbsDevice> = {}): EbsDevice {
  return { name: '/dev/xvda', snapshotId: 'snap-1', encrypted: true, ...changes };
}

/** An image whose source EC2 has not noted. */
export function withoutSource(image: ImageFacts): ImageFacts {
  const copy: { -readonly [Field in keyof ImageFacts]: ImageFacts[Field] } = { ...image };
  delete copy.source;
  return copy;
}

export function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    messageId: 'message-1',
    receiptHandle: 'receipt-1',
    body: JSON.stringify(requestJson),
    receiveCount: 1,
    sentAtMs: NOW_MS,
    ...changes,
  };
}

export function sourceImage(changes: Partial<SourceImage> = {}): SourceImage {
  return { ownerId: SOURCE_ACCOUNT, state: 'available', createdAt: BAKED_AT, ...changes };
}

/** A catalogue in memory, in which the source is shared and not copied yet. */
export class FakeCatalogue implements ImageCatalogue {
  source: SourceImage | undefined = sourceImage();
  copies: ImageFacts[] = [];
  snapshots: SnapshotFacts[] = [copySnapshot()];
  startError: Error | undefined;
  /** What EC2 says of the first calls alone. */
  readonly startErrors: Error[] = [];
  /** What EC2 says of a copy that is to be made within a time. */
  paceError: Error | undefined;
  /** What CopyImage answers, one after the other, and the states of those images; by default one that is pending. */
  answers: [imageId: string, state: ImageState | undefined][] = [];
  /** The attempt in the tags of a copy that EC2 knows by the first token it is asked for. */
  startedAt: number | undefined;
  /** The calls of CopyImage, also those that EC2 refused. */
  readonly asked: CopyPlan[] = [];
  readonly started: CopyPlan[] = [];

  findSource(): Promise<SourceImage | undefined> {
    return Promise.resolve(this.source);
  }

  findCopies(): Promise<ImageFacts[]> {
    return Promise.resolve(this.copies);
  }

  findSnapshots(snapshotIds: readonly string[]): Promise<SnapshotFacts[]> {
    return Promise.resolve(this.snapshots.filter(({ snapshotId }) => snapshotIds.includes(snapshotId)));
  }

  startCopy(plan: CopyPlan): Promise<string> {
    this.asked.push(plan);
    const error = this.startErrors.shift();
    if (error) return Promise.reject(error);
    if (this.startError) return Promise.reject(this.startError);
    if (this.paceError && plan.withinMinutes !== undefined) return Promise.reject(this.paceError);
    const isTaken = this.startedAt !== undefined && this.started.length === 0;
    if (isTaken && attemptIn(plan.tags) !== this.startedAt) {
      return Promise.reject(new TokenTakenError('IdempotentParameterMismatch', 'other arguments'));
    }
    this.started.push(plan);
    return Promise.resolve(this.answers[this.started.length - 1]?.[0] ?? 'ami-0bbbbbbbbbbbbbbbb');
  }

  stateOf(imageId: string): Promise<ImageState | undefined> {
    const answer = this.answers.find(([id]) => id === imageId);
    return Promise.resolve(answer ? answer[1] : 'pending');
  }
}

/** The attempt that the marker among the tags of a copy names. */
export function attemptIn(tags: readonly Tag[]): number | undefined {
  return parseMarker(tags.find(({ key }) => key === MARKER)?.value, COPIER)?.attempt;
}

export class FakeQueue implements RequestQueue {
  readonly postponed: { delivery: Delivery; seconds: number }[] = [];
  readonly deadLetters: DeadLetter[] = [];
  error: Error | undefined;

  postpone(postponed: Delivery, seconds: number): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    this.postponed.push({ delivery: postponed, seconds });
    return Promise.resolve();
  }

  deadLetter(letter: DeadLetter): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    this.deadLetters.push(letter);
    return Promise.resolve();
  }
}

/** What was asked for and refused, in memory: nothing, unless told otherwise. */
export class FakeRequests implements AskedImages, RefusedRequests {
  asked: ReadonlyMap<string, number> = new Map<string, number>();
  readonly refusals = new Map<string, Refusal>();
  error: Error | undefined;

  list(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(this.asked);
  }

  note(asked: ReadonlyMap<string, number>): Promise<void>;
  note(sourceImageId: string, refusal: Refusal): Promise<void>;
  note(noted: ReadonlyMap<string, number> | string, refusal?: Refusal): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    if (typeof noted !== 'string') this.asked = noted;
    else if (refusal) this.refusals.set(noted, refusal);
    return Promise.resolve();
  }

  find(sourceImageId: string): Promise<Refusal | undefined> {
    return Promise.resolve(this.refusals.get(sourceImageId));
  }
}

/** What was decided of source images, in memory: nothing, unless told otherwise. */
export class FakeEnded implements EndedSources {
  readonly ends = new Map<string, SourceEnd>();

  find(sourceImageId: string): Promise<SourceEnd | undefined> {
    return Promise.resolve(this.ends.get(sourceImageId));
  }

  findAll(sourceImageIds: readonly string[]): Promise<ReadonlyMap<string, SourceEnd | Error>> {
    return Promise.resolve(new Map(Array.from(this.ends).filter(([id]) => sourceImageIds.includes(id))));
  }

  note(sourceImageId: string, end: SourceEnd): Promise<void> {
    this.ends.set(sourceImageId, end);
    return Promise.resolve();
  }

  forget(sourceImageId: string): Promise<void> {
    this.ends.delete(sourceImageId);
    return Promise.resolve();
  }

  list(): Promise<EndedSource[]> {
    return Promise.resolve(Array.from(this.ends, ([sourceImageId, end]) => ({ sourceImageId, ...end })));
  }
}

export const COPY = 'ami-0aaaaaaaaaaaaaaaa';
export const SNAPSHOTS = ['snap-0aaaaaaaaaaaaaaa1', 'snap-0aaaaaaaaaaaaaaa2'];
export const PARAMETER = '/image-copier/ubuntu';

export function copyMarker(changes: Partial<CopyMarker> = {}): CopyMarker {
  return { copier: COPIER, attempt: 1, bakedAt: BAKED_AT, ...changes };
}

/** The tags with which CopyImage makes an image and its snapshots. */
export function copyTags(marker: CopyMarker = copyMarker()): Tag[] {
  return [
    ...requestTags,
    { key: 'Encrypted', value: 'true' },
    { key: 'CopiedFromAMI', value: SOURCE_IMAGE },
    { key: 'ImageCopier', value: formatMarker(marker) },
  ];
}

export function ownCopy(changes: Partial<OwnCopy> = {}): OwnCopy {
  const { marker = copyMarker() } = changes;
  return {
    imageId: COPY,
    state: 'available',
    name: requestJson.name,
    description: requestJson.description,
    createdAt: new Date(NOW_MS - 600_000).toISOString(),
    sourceImageId: SOURCE_IMAGE,
    sourceRegion: REGION,
    tags: copyTags(marker),
    watermarks: [],
    marker,
    snapshotIds: SNAPSHOTS,
    unencryptedBlanks: [],
    ...changes,
  };
}

export function copySnapshot(changes: Partial<CopySnapshot> = {}): CopySnapshot {
  return { snapshotId: 'snap-1', encrypted: true, kmsKeyArn: target.kmsKeyArn, tags: copyTags(), ...changes };
}

/** What settling sees of an account, in memory: one copy with its snapshots, unless told otherwise. */
export class FakeAccount implements CopyInventory, ImageParameters, CopyResults, NextTries {
  nowMs = NOW_MS;
  copies: OwnCopy[];
  snapshots: CopySnapshot[];
  failedSnapshots: string[] = [];
  isEncryptingByDefault = false;
  /** Snapshots that stay when their image is removed. */
  undeletable: string[] = [];
  readonly parameters = new Map<string, string>();
  readonly ended = new FakeEnded();
  readonly announced: CopyResult[] = [];
  readonly approved: CopyResult[] = [];
  readonly enqueued: { body: string; delaySeconds: number | undefined }[] = [];
  readonly deadLetters: DeadLetter[] = [];
  /** All calls in order; those that are about an image name it. */
  readonly calls: string[] = [];
  /** Which calls fail, by what is listed in `calls` and by their number from 1. */
  fails: (call: string, count: number) => boolean = () => false;
  /** Whether a call that fails is carried out all the same: then only its answer is lost. */
  loseAnswers = false;
  /** How often parameters are read before they show new values. */
  readsUntilStored = 0;
  readonly #taken = new Map<string, string>();
  /** Images that are tagged as copies and are not ours. */
  readonly others: ImageFacts[] = [];
  /** Copies that EC2 does not list by their tags yet. */
  readonly unlisted: string[] = [];

  constructor(...copies: readonly OwnCopy[]) {
    this.copies = copies.length > 0 ? [...copies] : [ownCopy()];
    this.snapshots = this.copies.flatMap(({ snapshotIds, tags, marker: { copier, attempt, bakedAt } }) => {
      const marker = { key: 'ImageCopier', value: formatMarker({ copier, attempt, bakedAt }) };
      return snapshotIds.map((snapshotId) => copySnapshot({ snapshotId, tags: withTags(tags, [marker]) }));
    });
  }

  /** A copy as EC2 shows it now. */
  copy(imageId = COPY): OwnCopy | undefined {
    return this.copies.find((copy) => copy.imageId === imageId);
  }

  findById(imageIds: readonly string[]): Promise<OwnCopy[]> {
    return this.#call('findById', () => this.copies.filter(({ imageId }) => imageIds.includes(imageId)));
  }

  findOpen(): Promise<OwnCopy[]> {
    return this.#call('findOpen', () =>
      this.copies.filter(({ marker }) => !isAnnounced(marker) || isUnapproved(marker)),
    );
  }

  findSettled(key: string, values: readonly string[], bakedSince: string): Promise<OwnCopy[]> {
    return this.#call('findSettled', () =>
      this.copies.filter(
        ({ imageId, state, marker, tags }) =>
          state === 'available' &&
          marker.announcement !== undefined &&
          Date.parse(marker.bakedAt) >= Date.parse(bakedSince) &&
          tags.some((tag) => tag.key === key && values.includes(tag.value)) &&
          !this.unlisted.includes(imageId),
      ),
    );
  }

  snapshotsOf(snapshotIds: readonly string[]): Promise<CopySnapshot[]> {
    return this.#call('snapshotsOf', () => this.snapshots.filter(({ snapshotId }) => snapshotIds.includes(snapshotId)));
  }

  encryptsByDefault(): Promise<boolean> {
    return this.#call('encryptsByDefault', () => this.isEncryptingByDefault);
  }

  deprecate(imageId: string, at: string): Promise<void> {
    return this.#call(`deprecate ${imageId}`, () => {
      this.copies = this.copies.map((copy) => (copy.imageId === imageId ? { ...copy, deprecatesAt: at } : copy));
    });
  }

  tagSnapshots(snapshotIds: readonly string[], tags: readonly Tag[]): Promise<void> {
    return this.#call('tagSnapshots', () => {
      this.snapshots = this.snapshots.map((snapshot) =>
        snapshotIds.includes(snapshot.snapshotId) ? { ...snapshot, tags: withTags(snapshot.tags, tags) } : snapshot,
      );
    });
  }

  mark(imageId: string, marker: CopyMarker): Promise<void> {
    return this.#call(`mark ${marker.announcement?.state ?? ''} ${imageId}`, () => {
      const tag = { key: 'ImageCopier', value: formatMarker(marker) };
      this.copies = this.copies.map((copy) =>
        copy.imageId === imageId ? { ...copy, marker, tags: withTags(copy.tags, [tag]) } : copy,
      );
    });
  }

  disable(imageId: string): Promise<void> {
    return this.#call(`disable ${imageId}`, () => {
      this.copies = this.copies.map((copy) => (copy.imageId === imageId ? { ...copy, state: 'disabled' } : copy));
    });
  }

  remove(imageId: string): Promise<string[]> {
    return this.#call(`remove ${imageId}`, () => {
      const gone = this.copy(imageId)?.snapshotIds;
      this.copies = this.copies.filter((copy) => copy.imageId !== imageId);
      this.snapshots = this.snapshots.filter(({ snapshotId }) => !gone?.includes(snapshotId));
      return this.undeletable;
    });
  }

  removeFailedSnapshots(): Promise<string[]> {
    return this.#call('removeFailedSnapshots', () => this.failedSnapshots.splice(0));
  }

  findLaunchable(imageIds: readonly string[]): Promise<ImageFacts[]> {
    return this.#call('findLaunchable', () =>
      this.copies.filter(({ imageId, state }) => imageIds.includes(imageId) && state === 'available').map(factsOf),
    );
  }

  listCopies(): Promise<ImageFacts[]> {
    return this.#call('listCopies', () => [...this.copies.map(factsOf), ...this.others]);
  }

  getAll(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#call('getAll', () => {
      this.readsUntilStored -= 1;
      if (this.readsUntilStored < 0) this.#store();
      return new Map(Array.from(this.parameters).filter(([name]) => names.includes(name)));
    });
  }

  put(name: string, imageId: string): Promise<void> {
    return this.#call(`put ${imageId}`, () => {
      this.#taken.set(name, imageId);
      if (this.readsUntilStored <= 0) this.#store();
    });
  }

  list(): Promise<ImageParameter[]> {
    return this.#call('list', () => Array.from(this.parameters, ([name, imageId]) => ({ name, imageId })));
  }

  announce(result: CopyResult): Promise<void> {
    return this.#call(`announce ${result.imageId}`, () => {
      this.announced.push(result);
    });
  }

  announceApproval(result: CopyResult): Promise<void> {
    return this.#call(`announceApproval ${result.imageId}`, () => {
      this.approved.push(result);
    });
  }

  enqueue(body: string, delaySeconds?: number): Promise<void> {
    return this.#call('enqueue', () => {
      this.enqueued.push({ body, delaySeconds });
    });
  }

  deadLetter(letter: DeadLetter): Promise<void> {
    return this.#call('deadLetter', () => {
      this.deadLetters.push(letter);
    });
  }

  #store(): void {
    for (const [name, imageId] of this.#taken) this.parameters.set(name, imageId);
    this.#taken.clear();
  }

  async #call<T>(call: string, carryOut: () => T): Promise<T> {
    const count = this.calls.push(call);
    const failure = this.fails(call, count) ? new Error(`${call} failed`) : undefined;
    if (failure && !this.loseAnswers) throw failure;
    const answer = await Promise.resolve(carryOut());
    if (failure) throw failure;
    return answer;
  }
}

/** The source images that settling sees, in memory, behind the gate for a watermark. */
export class FakeSources implements SourcesSeen {
  marks: SourceMarks[] = [];
  /** Each call: the images it is about, and their Region. */
  readonly calls: string[] = [];
  failure: Error | undefined;

  findMarks(imageIds: readonly string[], region: string): Promise<SourceMarks[]> {
    this.calls.push(`${imageIds.join(',')} in ${region}`);
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(this.marks.filter(({ imageId }) => imageIds.includes(imageId)));
  }

  gate(approval: Approval = { kind: 'watermark', name: 'approved' }): Gate {
    return { approval, trustedOwners: [SOURCE_ACCOUNT], sources: this };
  }

  approve(imageId: string = SOURCE_IMAGE): void {
    this.marks.push(sourceMarks({ imageId, watermarks: [{ key: `${SOURCE_ACCOUNT}:approved`, imageId }] }));
  }
}

export function sourceMarks(changes: Partial<SourceMarks> = {}): SourceMarks {
  return { imageId: SOURCE_IMAGE, ownerId: SOURCE_ACCOUNT, watermarks: [], tags: [], ...changes };
}

/** A copy as the listings of images show it. */
function factsOf({ imageId, state, sourceImageId, sourceRegion, tags, marker, snapshotIds }: OwnCopy): ImageFacts {
  return {
    imageId,
    ownerId: ACCOUNT,
    state,
    source: { imageId: sourceImageId, region: sourceRegion },
    tags: withTags(tags, [{ key: MARKER, value: formatMarker(marker) }]),
    devices: snapshotIds.map((snapshotId) => ebsDevice({ snapshotId })),
  };
}

/** EC2 sets tags by their names. */
function withTags(tags: readonly Tag[], changes: readonly Tag[]): Tag[] {
  return [...tags.filter(({ key }) => !changes.some((change) => change.key === key)), ...changes];
}

export function settleContext(account: FakeAccount, changes: Partial<SettleCopiesContext> = {}): SettleCopiesContext {
  return {
    account: ACCOUNT,
    region: REGION,
    kmsKeyArn: target.kmsKeyArn,
    failedCopyDelaySeconds: 300,
    overdueSeconds: 86_400,
    parameterPath: '/image-copier',
    recipeTag: 'Recipe',
    inventory: account,
    parameters: account,
    ended: account.ended,
    results: account,
    nextTries: account,
    nowMs: () => account.nowMs,
    pause: (ms) => {
      account.nowMs += ms;
      return Promise.resolve();
    },
    ...changes,
  };
}

/** Settles one copy alone; what puts it off is thrown. */
export async function settleCopy(copy: OwnCopy, context: SettleContext): Promise<SettleOutcome | undefined> {
  const [settled] = await settleBatch([copy], context);
  if (settled?.end instanceof Error) throw settled.end;
  return settled?.end;
}

/** What SSM answers where there is no parameter of a name. */
export function parameterNotFound(): Error {
  return Object.assign(new Error('UnknownError'), { name: 'ParameterNotFound' });
}

/** Answers a mocked command with one page after the other. The inputs are copied: the SDK asks for all with one object. */
export function answerPages(
  command: { callsFake(answer: (input: object) => Promise<object>): unknown },
  ...pages: readonly object[]
): object[] {
  const inputs: object[] = [];
  command.callsFake((input) => {
    const page = pages[inputs.push({ ...input }) - 1];
    return page ? Promise.resolve(page) : Promise.reject(new Error('There are no more pages.'));
  });
  return inputs;
}

export const TOPIC = `arn:aws:sns:${REGION}:${SOURCE_ACCOUNT}:amigo-DEMO-notify`;
const WATCH_QUEUE = `arn:aws:sqs:${REGION}:${SOURCE_ACCOUNT}:amigo-DEMO-notify-watch`;

export const watchEnvironment = {
  AWS_LAMBDA_FUNCTION_NAME: 'amigo-DEMO-notify-watch',
  TOPIC_ARN: TOPIC,
  REQUESTS_QUEUE_ARN: `${WATCH_QUEUE}-requests`,
  RESULTS_QUEUE_ARN: `${WATCH_QUEUE}-results`,
  AWAITED_QUEUE_URL: 'https://sqs.test/awaited',
  UNHEARD_QUEUE_URL: 'https://sqs.test/unheard',
  RESULTS_LOG_GROUP: '/image-copier/amigo-DEMO-notify/results',
  OVERDUE_SECONDS: '86400',
};

/** The source account in memory, in which some accounts have subscribed. */
export class FakeWatch implements Subscribers, GivenResults, WatchQueues {
  nowMs = NOW_MS;
  subscribed: string[] = [ACCOUNT, '333333333333'];
  readonly noted: GivenResult[] = [];
  readonly reported: DeadLetter[] = [];
  readonly awaited: { body: string; requestedAtMs: number }[] = [];
  readonly postponed: { receiptHandle: string; seconds: number }[] = [];

  list(): Promise<readonly string[]> {
    return Promise.resolve(this.subscribed);
  }

  note(result: GivenResult): Promise<void> {
    this.noted.push(result);
    return Promise.resolve();
  }

  of(sourceAmi: string): Promise<readonly GivenResult[]> {
    return Promise.resolve(this.noted.filter((result) => result.sourceAmi === sourceAmi));
  }

  report(letter: DeadLetter): Promise<void> {
    this.reported.push(letter);
    return Promise.resolve();
  }

  await(body: string, requestedAtMs: number): Promise<void> {
    this.awaited.push({ body, requestedAtMs });
    return Promise.resolve();
  }

  postpone(receiptHandle: string, seconds: number): Promise<void> {
    this.postponed.push({ receiptHandle, seconds });
    return Promise.resolve();
  }
}

export function watchContext(watch: FakeWatch): WatchContext {
  return { overdueSeconds: 86_400, subscribers: watch, results: watch, queues: watch, nowMs: () => watch.nowMs };
}
