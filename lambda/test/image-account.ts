import {
  FOREIGN_MARK,
  formatForeignMark,
  type AccountImage,
  type AccountImages,
  type ImageReference,
  type ImageReferences,
  type SnapshotDeletion,
} from '../src/core/account-images.ts';
import type { CopySnapshot } from '../src/core/copy-inventory.ts';
import { formatMarker, MARKER, type CopyMarker } from '../src/core/copy-marker.ts';
import type { Tag } from '../src/core/copy-request.ts';
import type { RetirementContext } from '../src/core/handle-retirement.ts';
import type { ImageState, SourceImage } from '../src/core/image-catalogue.ts';
import type { EndedSources } from '../src/core/ended-sources.ts';
import type { ImageParameters } from '../src/core/image-parameters.ts';
import { snapshotIdsOf } from '../src/core/ownership.ts';
import type { RetirementResult, RevocationResult } from '../src/core/retirement-results.ts';
import {
  ACCOUNT,
  COPIER,
  copyMarker,
  FakeEnded,
  FakeQueue,
  NOW_MS,
  REGION,
  SOURCE_ACCOUNT,
  target,
} from './factories.ts';

export const DAY_MS = 24 * 3600 * 1000;

export interface CopyOf {
  /** Its place among the images of its recipe, 1 for the oldest: it makes the ids and the times. */
  readonly number: number;
  readonly recipe?: string;
  readonly state?: ImageState;
  readonly marker?: Partial<CopyMarker>;
  readonly tags?: readonly Tag[];
  readonly changes?: Partial<AccountImage>;
}

export function copyId(number: number): string {
  return `ami-c${String(number).padStart(16, '0')}`;
}

export function sourceId(number: number): string {
  return `ami-a${String(number).padStart(16, '0')}`;
}

/** A verified and announced copy of ours, baked a day after the one before it, the thirtieth of which is of today. */
export function announcedCopy({
  number,
  recipe = 'ubuntu',
  state = 'available',
  marker,
  tags = [],
  changes,
}: CopyOf): AccountImage {
  const bakedAt = new Date(NOW_MS - (30 - number) * DAY_MS).toISOString();
  const full = copyMarker({ bakedAt, announcement: { state: 'announced', settledAt: bakedAt }, ...marker });
  return {
    imageId: copyId(number),
    ownerId: ACCOUNT,
    state,
    source: { imageId: sourceId(number), region: REGION },
    name: `${recipe}_${number}`,
    createdAt: bakedAt,
    isProtected: false,
    tags: [
      { key: 'Recipe', value: recipe },
      { key: 'CopiedFromAMI', value: sourceId(number) },
      { key: MARKER, value: formatMarker(full) },
      ...tags,
    ],
    devices: [{ name: '/dev/xvda', snapshotId: `snap-${number}`, encrypted: true }],
    ...changes,
  };
}

/** What retire-image sees of an account, in memory. */
export class ImageAccount {
  nowMs = NOW_MS;
  all: AccountImage[];
  snapshots: CopySnapshot[];
  references: ImageReference[] = [];
  unreadable: string[] = [];
  /** What EC2 says of snapshots that it does not delete at once. */
  readonly undeletable = new Map<string, string>();
  /** Images that have as many tags as EC2 allows. */
  readonly full: string[] = [];
  source: SourceImage | undefined;
  readonly parameters = new Map<string, string>();
  readonly ended = new FakeEnded();
  readonly queue = new FakeQueue();
  readonly told: (RetirementResult | RevocationResult)[] = [];
  readonly enqueued: { body: string; delaySeconds: number }[] = [];
  /** All calls that change something, in order. */
  readonly calls: string[] = [];
  /** Which calls fail, by what is listed in `calls`, reads by their name. */
  fails: (call: string) => boolean = () => false;
  /** Is told of each call before it is carried out. */
  before: (call: string) => void = () => undefined;

  constructor(...images: readonly AccountImage[]) {
    this.all = [...images];
    this.snapshots = images.flatMap(({ tags, ...image }) =>
      snapshotIdsOf(image).map((snapshotId) => ({ snapshotId, encrypted: true, kmsKeyArn: target.kmsKeyArn, tags })),
    );
  }

  image(imageId: string): AccountImage | undefined {
    return this.all.find((image) => image.imageId === imageId);
  }

  state(imageId: string): ImageState | undefined {
    return this.image(imageId)?.state;
  }

  tag(imageId: string, key = MARKER): string | undefined {
    return this.image(imageId)?.tags.find((tag) => tag.key === key)?.value;
  }

  context(changes: Partial<RetirementContext> = {}): RetirementContext {
    return {
      copier: COPIER,
      account: ACCOUNT,
      region: REGION,
      kmsKeyArn: target.kmsKeyArn,
      parameterPath: '/image-copier',
      recipeTag: 'Recipe',
      rollbackDepth: 0,
      retireTagged: [],
      trustedOwners: [SOURCE_ACCOUNT],
      retrySeconds: 21_600,
      images: this.#images(),
      references: this.#references(),
      parameters: this.#imageParameters(),
      ended: this.#endedSources(),
      results: { tell: (result) => this.#change(`tell ${result.kind}`, () => void this.told.push(result)) },
      catalogue: { findSource: () => this.#read('source', () => this.source) },
      queue: this.queue,
      enqueue: (body, delaySeconds) => this.#change('enqueue', () => void this.enqueued.push({ body, delaySeconds })),
      nowMs: () => this.nowMs,
      random: () => 0.5,
      pause: (ms) => {
        this.nowMs += ms;
        return Promise.resolve();
      },
      ...changes,
    };
  }

  #images(): AccountImages {
    return {
      list: () => this.#read('images', () => [...this.all]),
      snapshotsOf: (ids) =>
        this.#read('snapshots', () => this.snapshots.filter(({ snapshotId }) => ids.includes(snapshotId))),
      mark: (imageId, snapshotIds, marker) =>
        this.#change(`mark ${imageId} ${marker.end?.state ?? 'none'}`, () => {
          const tag = { key: MARKER, value: formatMarker(marker) };
          this.#update(imageId, ({ tags }) => ({ tags: withTag(tags, tag) }));
          this.snapshots = this.snapshots.map((snapshot) =>
            snapshotIds.includes(snapshot.snapshotId) ? { ...snapshot, tags: withTag(snapshot.tags, tag) } : snapshot,
          );
        }),
      markForeign: (imageId, mark) =>
        this.#change(`markForeign ${imageId} ${mark?.state ?? 'none'}`, () => {
          if (mark && this.full.includes(imageId)) return false;
          this.#update(imageId, ({ tags }) => {
            const others = tags.filter(({ key }) => key !== FOREIGN_MARK);
            return { tags: mark ? [...others, { key: FOREIGN_MARK, value: formatForeignMark(COPIER, mark) }] : others };
          });
          return true;
        }),
      disable: (imageId) =>
        this.#change(`disable ${imageId}`, () => {
          this.#update(imageId, () => ({ state: 'disabled' }));
        }),
      enable: (imageId) =>
        this.#change(`enable ${imageId}`, () => {
          this.#update(imageId, () => ({ state: 'available' }));
        }),
      deregister: (imageId) => this.#change(`deregister ${imageId}`, () => this.#deregister(imageId)),
      retiredSnapshots: () =>
        this.#read('retiredSnapshots', () =>
          this.snapshots
            .filter(({ tags }) =>
              tags.some(({ key, value }) => key === MARKER && value.startsWith(`${COPIER} retired=`)),
            )
            .map(({ snapshotId }) => snapshotId),
        ),
      deleteSnapshot: (snapshotId) =>
        this.#change(`deleteSnapshot ${snapshotId}`, () => {
          if (this.#isUsed(snapshotId) || this.undeletable.has(snapshotId)) return false;
          this.snapshots = this.snapshots.filter((snapshot) => snapshot.snapshotId !== snapshotId);
          return true;
        }),
    };
  }

  #references(): ImageReferences {
    const found = (ids: readonly string[]) => this.references.filter(({ imageId }) => ids.includes(imageId));
    return {
      // Also what it was not asked for: whoever reads it has to look at the images.
      find: () =>
        this.#read('references', () => ({ references: [...this.references], unreadable: [...this.unreadable] })),
      countInstances: (ids) =>
        this.#read('instances', () => found(ids).filter(({ kind }) => kind === 'instance').length),
    };
  }

  #imageParameters(): ImageParameters {
    return {
      getAll: (names) =>
        this.#read('parameter', () => new Map(Array.from(this.parameters).filter(([name]) => names.includes(name)))),
      put: (name, imageId) => this.#change(`put ${name} ${imageId}`, () => void this.parameters.set(name, imageId)),
      list: () => this.#read('parameters', () => Array.from(this.parameters, ([name, imageId]) => ({ name, imageId }))),
    };
  }

  #endedSources(): EndedSources {
    const { ended } = this;
    return {
      find: (id) => this.#read('ended', () => ended.ends.get(id)),
      findAll: (ids) => ended.findAll(ids),
      note: (id, end) => this.#change(`note ${id} ${end.kind}`, () => void ended.ends.set(id, end)),
      forget: (id) => this.#change(`forget ${id}`, () => void ended.ends.delete(id)),
      list: () => ended.list(),
    };
  }

  #update(imageId: string, change: (image: AccountImage) => Partial<AccountImage>): void {
    this.all = this.all.map((image) => (image.imageId === imageId ? { ...image, ...change(image) } : image));
  }

  /** As EC2 does: the image goes, also where snapshots stay. */
  #deregister(imageId: string): SnapshotDeletion[] {
    const image = this.image(imageId);
    if (!image) return [];
    this.all = this.all.filter((other) => other !== image);
    return snapshotIdsOf(image).map((snapshotId) => {
      const code = this.#isUsed(snapshotId) ? 'skipped' : (this.undeletable.get(snapshotId) ?? 'success');
      if (code === 'success') this.snapshots = this.snapshots.filter((each) => each.snapshotId !== snapshotId);
      return { snapshotId, code };
    });
  }

  #isUsed(snapshotId: string): boolean {
    return this.all.some((image) => snapshotIdsOf(image).includes(snapshotId));
  }

  #read<T>(call: string, carryOut: () => T): Promise<T> {
    if (this.fails(call)) return Promise.reject(new Error(`${call} failed`));
    return Promise.resolve(carryOut());
  }

  #change<T>(call: string, carryOut: () => T): Promise<T> {
    this.before(call);
    this.calls.push(call);
    return this.#read(call, carryOut);
  }
}

function withTag(tags: readonly Tag[], tag: Tag): Tag[] {
  return [...tags.filter(({ key }) => key !== tag.key), tag];
}
