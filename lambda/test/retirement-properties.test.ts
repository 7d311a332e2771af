import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AccountImage, ImageReference } from '../src/core/account-images.ts';
import { handleRetirement } from '../src/core/handle-retirement.ts';
import { ACCOUNT, delivery, NOW_MS, REGION } from './factories.ts';
import { announcedCopy, copyId, DAY_MS, ImageAccount, sourceId } from './image-account.ts';

/** How often the property is tried. It is the one that decides whether anything in use can be lost. */
const RUNS = 10_000;
const RECIPES = ['ubuntu', 'centos'] as const;
const MOST_IMAGES = 5;

/** What is asked of every account of a run. */
interface Rules {
  readonly keepNewest: number;
  readonly minAgeDays: number;
  readonly quarantineDays: number;
  readonly rollbackDepth: number;
}

/** An image at the beginning. */
interface Start {
  readonly recipe: (typeof RECIPES)[number];
  readonly kind: 'ours' | 'unannounced' | 'theirs' | 'forged' | 'pending';
  readonly isProtected: boolean;
  readonly keep: boolean;
  /** Days since its last launch, if there was any. */
  readonly launchedDaysAgo: number | undefined;
}

/** What happens next. Numbers stand for images, by their place, where there are any. */
type Step =
  | { readonly kind: 'sweep' }
  | { readonly kind: 'amigo' | 'retire' | 'restore' | 'revoke' | 'unrevoke'; readonly images: readonly number[] }
  | { readonly kind: 'wait'; readonly days: number }
  | { readonly kind: 'use' | 'build' | 'roll back'; readonly image: number }
  | { readonly kind: 'free' | 'bake' | 'blind' | 'see' };

/** A step of the copier with what goes wrong in it: a call after which it is killed, and one before which an instance is launched. */
interface Turn {
  readonly step: Step;
  readonly killedAt: number | undefined;
  readonly launch: { readonly at: number; readonly image: number } | undefined;
}

const place = fc.nat({ max: MOST_IMAGES - 1 });
const places = fc.array(place, { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'sweep' }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('amigo', 'retire'), images: places }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('restore', 'revoke', 'unrevoke'), images: places }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), days: fc.integer({ min: 0, max: 9 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('use', 'build', 'roll back'), image: place }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('free', 'bake', 'blind', 'see') }) },
);
const turn: fc.Arbitrary<Turn> = fc.record({
  step,
  killedAt: fc.option(fc.nat({ max: 12 }), { nil: undefined, freq: 2 }),
  launch: fc.option(fc.record({ at: fc.nat({ max: 8 }), image: place }), { nil: undefined }),
});
const start: fc.Arbitrary<Start> = fc.record({
  recipe: fc.constantFrom(...RECIPES),
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Start['kind']>('ours') },
    { weight: 1, arbitrary: fc.constantFrom<Start['kind']>('unannounced', 'theirs', 'forged', 'pending') },
  ),
  isProtected: fc.boolean().map((value) => value && true),
  keep: fc.boolean(),
  launchedDaysAgo: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
});
const rare = <T>(value: fc.Arbitrary<T>, usual: T) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: value });
const mostlyFree = start.chain((image) =>
  fc.record({ isProtected: rare(fc.constant(true), false), keep: rare(fc.constant(true), false) }).map((changes) => ({
    ...image,
    ...changes,
  })),
);
const rules: fc.Arbitrary<Rules> = fc.record({
  keepNewest: fc.integer({ min: 1, max: 3 }),
  minAgeDays: fc.integer({ min: 0, max: 20 }),
  quarantineDays: fc.integer({ min: 0, max: 5 }),
  rollbackDepth: fc.integer({ min: 0, max: 2 }),
});

const FORGED_KEY = 'arn:aws:kms:eu-west-1:222222222222:key/forged';

function imageOf({ recipe, kind, isProtected, keep, launchedDaysAgo }: Start, number: number): AccountImage {
  const isTheirs = kind === 'theirs';
  return announcedCopy({
    number,
    recipe,
    ...(kind === 'pending' && { state: 'pending' }),
    ...((kind === 'unannounced' || kind === 'pending') && { marker: { announcement: undefined as never } }),
    changes: {
      isProtected,
      ...(launchedDaysAgo !== undefined && {
        lastLaunchedAt: new Date(NOW_MS - launchedDaysAgo * DAY_MS).toISOString(),
      }),
      ...(isTheirs && {
        tags: [
          { key: 'Recipe', value: recipe },
          { key: 'CopiedFromAMI', value: sourceId(number) },
        ],
      }),
    },
    tags: keep && !isTheirs ? [{ key: 'keep', value: 'yes' }] : [],
  });
}

/** An account that checks each step of the copier against what holds at that moment, in words of its own. */
class World {
  readonly account: ImageAccount;
  readonly #rules: Rules;
  readonly #forged: readonly string[];
  #numbers: number;
  #calls = 0;
  #turn: Turn | undefined;
  /** What the copier had read when it took a step: what came after that it cannot know. */
  #seen: readonly ImageReference[] = [];
  readonly #killed: object[] = [];
  /** The source images that are revoked. */
  readonly revoked = new Set<string>();

  constructor(starts: readonly Start[], ruling: Rules) {
    this.#rules = ruling;
    this.account = new ImageAccount(...starts.map((each, index) => imageOf(each, index + 1)));
    this.#numbers = starts.length;
    this.#forged = starts.flatMap(({ kind }, index) => (kind === 'forged' ? copyId(index + 1) : []));
    this.account.snapshots = this.account.snapshots.map((snapshot) =>
      this.#forged.some((id) => this.account.image(id)?.devices[0]?.snapshotId === snapshot.snapshotId)
        ? { ...snapshot, kmsKeyArn: FORGED_KEY }
        : snapshot,
    );
    for (const recipe of RECIPES) this.#pointToNewest(recipe);
    this.account.before = (call) => {
      this.#before(call);
    };
    this.account.fails = (call) => {
      this.#calls += 1;
      if (call === 'references') this.#seen = [...this.account.references];
      return this.#turn?.killedAt !== undefined && this.#calls > this.#turn.killedAt;
    };
  }

  async take(next: Turn): Promise<void> {
    const { step: what } = next;
    const at = this.account.all;
    const image = 'image' in what ? at[what.image] : undefined;
    switch (what.kind) {
      case 'wait':
        this.account.nowMs += what.days * DAY_MS;
        return;
      case 'use':
        if (image?.state === 'available') this.#refer(image.imageId, 'launch template');
        return;
      case 'build':
        if (image?.state === 'available') this.#build(image);
        return;
      case 'roll back':
        if (image?.state === 'available' && this.#isVersion(image)) {
          this.account.parameters.set(`/image-copier/${recipeOf(image)}`, image.imageId);
        }
        return;
      case 'free':
        this.account.references = [];
        return;
      case 'bake':
        this.#bake();
        return;
      case 'blind':
        this.account.unreadable = ['Instances could not be read'];
        return;
      case 'see':
        this.account.unreadable = [];
        return;
      case 'sweep':
        await this.#redeliver();
    }
    // No two decisions are of one moment.
    this.account.nowMs += 1;
    await this.#handle(messageOf(what, at, this.account.nowMs), next);
    if (what.kind === 'revoke') for (const id of sourcesOf(what.images, at)) this.revoked.add(id);
    if (what.kind === 'unrevoke') for (const id of sourcesOf(what.images, at)) this.revoked.delete(id);
  }

  /** What was killed, its queue delivers again. */
  async #redeliver(): Promise<void> {
    for (const message of this.#killed.splice(0)) expect(await this.#handle(message, undefined)).not.toBe('retried');
  }

  async #handle(message: object, next: Turn | undefined): Promise<string> {
    this.#calls = 0;
    this.#turn = next;
    const { keepNewest, minAgeDays, quarantineDays, rollbackDepth } = this.#rules;
    const context = this.account.context({
      rollbackDepth,
      retention: { keepNewest, minAgeDays, quarantineDays, recipes: {} },
    });
    const sentAtMs = this.account.nowMs;
    const { outcome } = await handleRetirement(
      delivery({ body: JSON.stringify(message), sentAtMs }),
      context,
      Infinity,
    );
    this.#turn = undefined;
    if (outcome === 'retried') this.#killed.push(message);
    return outcome;
  }

  /** Lets everything end that is to end: nothing fails any more, and the days go by. */
  async settle(): Promise<void> {
    this.account.unreadable = [];
    await this.#redeliver();
    for (let sweeps = 0; sweeps < 4; sweeps += 1) {
      this.account.nowMs += 25 * DAY_MS;
      expect(await this.#handle({ source: 'aws.events', 'detail-type': 'Scheduled Event' }, undefined)).toBe('done');
    }
  }

  /** Why an image has to stay as it is now; undefined if it may go. */
  why(image: AccountImage, references: readonly ImageReference[] = this.account.references): string | undefined {
    const { account } = this;
    const { imageId } = image;
    if (!this.#isVersion(image) && !this.#isOurs(image)) return 'not ours';
    if (this.#marker(image).startsWith('image-copier attempt=')) return 'unannounced';
    if (references.some((reference) => reference.imageId === imageId)) return 'referenced';
    if ([...account.parameters.values()].includes(imageId)) return 'parameter';
    if (image.isProtected) return 'protected';
    if (image.tags.some(({ key }) => key === 'keep')) return 'keep';
    if (account.all.some(({ state, source }) => state === 'pending' && source?.imageId === imageId)) return 'building';
    if (account.nowMs - Date.parse(image.lastLaunchedAt ?? '1970-01-01') < 2 * DAY_MS) return 'launched';
    if (account.unreadable.length > 0) return 'unreadable';
    if (this.revoked.has(image.source?.imageId ?? '')) return undefined;
    const recipe = recipeOf(image);
    const line = account.all
      .filter(
        (each) =>
          recipeOf(each) === recipe && (each === image || (each.state === 'available' && this.#isVersion(each))),
      )
      .toSorted((one, other) => (one.imageId < other.imageId ? 1 : -1));
    const index = line.indexOf(image);
    const current = line.findIndex((each) => each.imageId === account.parameters.get(`/image-copier/${recipe}`));
    if (index === 0) return 'newest';
    const isBefore = index > current && index <= Math.max(current, 0) + this.#rules.rollbackDepth;
    return isBefore ? 'rollback' : undefined;
  }

  /** Whether the retention policy lets it go, whatever uses it. */
  isOutdated(image: AccountImage): boolean {
    const recipe = recipeOf(image);
    const newer = this.account.all.filter(
      (each) =>
        recipeOf(each) === recipe &&
        each.imageId > image.imageId &&
        each.state === 'available' &&
        this.#isAnnounced(each),
    );
    const ageMs = this.account.nowMs - Date.parse(image.createdAt);
    return newer.length >= this.#rules.keepNewest && ageMs >= this.#rules.minAgeDays * DAY_MS;
  }

  #before(call: string): void {
    const [what, id = ''] = call.split(' ');
    const { launch } = this.#turn ?? {};
    if (launch?.at === this.#calls) {
      const image = this.account.all[launch.image];
      if (image?.state === 'available') this.#refer(image.imageId, 'instance');
    }
    const image = this.account.image(id);
    if (!image || this.#isRevoking(image)) return;
    if (what === 'disable') expect(this.why(image, this.#seen)).toBeUndefined();
    if (what === 'deregister') {
      expect(image.state).toBe('disabled');
      expect(this.why(image)).toBeUndefined();
    }
  }

  /** A revocation takes away what is in use, too: that is what it is for. */
  #isRevoking({ tags }: AccountImage): boolean {
    return tags.some(({ value }) => value.includes('revoked='));
  }

  #isOurs(image: AccountImage): boolean {
    return image.tags.some(({ key }) => key === 'ImageCopier') && !this.#forged.includes(image.imageId);
  }

  #marker({ tags }: AccountImage): string {
    return tags.find(({ key }) => key === 'ImageCopier')?.value ?? '';
  }

  #isAnnounced(image: AccountImage): boolean {
    return this.#marker(image).startsWith('image-copier announced=');
  }

  #isVersion(image: AccountImage): boolean {
    return this.#isOurs(image) && this.#isAnnounced(image);
  }

  #refer(imageId: string, kind: string): void {
    this.account.references.push({ imageId, kind, name: `${kind} ${this.account.references.length}` });
  }

  #build(image: AccountImage): void {
    this.#numbers += 1;
    const source = { imageId: image.imageId, region: REGION };
    this.account.all.push(announcedCopy({ number: this.#numbers, state: 'pending', changes: { source, tags: [] } }));
  }

  #bake(): void {
    this.#numbers += 1;
    const created = announcedCopy({
      number: this.#numbers,
      changes: { createdAt: new Date(this.account.nowMs).toISOString() },
    });
    this.account.all.push(created);
    this.account.snapshots.push(...new ImageAccount(created).snapshots);
    this.#pointToNewest('ubuntu');
  }

  #pointToNewest(recipe: string): void {
    const versions = this.account.all.filter(
      (image) => recipeOf(image) === recipe && image.state === 'available' && this.#isVersion(image),
    );
    const newest = versions.toSorted((one, other) => (one.imageId < other.imageId ? 1 : -1))[0];
    if (newest) this.account.parameters.set(`/image-copier/${recipe}`, newest.imageId);
  }
}

function recipeOf({ tags }: AccountImage): string {
  return tags.find(({ key }) => key === 'Recipe')?.value ?? '';
}

function sourcesOf(images: readonly number[], all: readonly AccountImage[]): string[] {
  return images.flatMap((index) => all[index]?.source?.imageId ?? []);
}

function messageOf(what: Step, all: readonly AccountImage[], nowMs: number): object {
  if (!('images' in what)) return { source: 'aws.events', 'detail-type': 'Scheduled Event' };
  const named = what.images.map((index) => all[index]?.imageId ?? 'ami-0');
  const sources = sourcesOf(what.images, all);
  const decision = {
    sourceAmis: sources.length > 0 ? sources : ['ami-0'],
    sourceRegion: REGION,
    reason: 'bad',
    at: new Date(nowMs).toISOString(),
  };
  switch (what.kind) {
    case 'amigo':
      return { amis: named.map((id) => ({ account: ACCOUNT, id })) };
    case 'retire':
      return { retire: { images: named, quarantineDays: 2 } };
    case 'restore':
      return { restore: { images: named } };
    default:
      return { [what.kind]: decision };
  }
}

describe('the end of images', () => {
  it('takes nothing away that is in use, of no recipe the newest or the ones to go back to, and everything else', async () => {
    const starts = fc.array(mostlyFree, { minLength: 1, maxLength: MOST_IMAGES });
    await fc.assert(
      fc.asyncProperty(starts, rules, fc.array(turn, { maxLength: 8 }), async (images, ruling, turns) => {
        const world = new World(images, ruling);
        for (const next of turns) await world.take(next);
        await world.settle();
        for (const image of world.account.all) {
          const why = world.why(image);
          const isRevoked = world.revoked.has(image.source?.imageId ?? '');
          // What is in use can be launched, unless it is revoked.
          if (why === 'referenced' && !isRevoked) expect(image.state).toBe('available');
          if (why === undefined && !isRevoked && image.state === 'available')
            expect(world.isOutdated(image)).toBe(false);
          if (why === undefined && !isRevoked) expect(image.state).not.toBe('disabled');
        }
      }),
      { numRuns: RUNS },
    );
  }, 300_000);
});
