import type { CopyRequest, Tag } from '../src/core/copy-request.ts';
import type { Target, Targets } from '../src/core/image-targets.ts';
import type { PublishContext, RequestTopics, SourceImages, TaggedImage } from '../src/core/publish-image.ts';
import { TARGETS_TAG, type Permissions, type Sharing } from '../src/core/source-image.ts';
import { NOW_MS, REGION, SOURCE_ACCOUNT } from './factories.ts';

/** An image of the source account, as it is baked. */
export function bakedImage(
  changes: Partial<Omit<TaggedImage, 'tags'>> = {},
  tags: Record<string, string> = {},
): TaggedImage {
  const all = { [TARGETS_TAG]: '*', Recipe: 'ubuntu', ...tags };
  return {
    imageId: 'ami-0123456789abcdef0',
    ownerId: SOURCE_ACCOUNT,
    createdAt: '2026-11-23T22:10:00.000Z',
    name: 'ubuntu_1',
    description: '',
    snapshotIds: ['snap-1', 'snap-2'],
    productCodes: [],
    tags: Object.entries(all).map(([key, value]) => ({ key, value })),
    ...changes,
  };
}

/** A source account in memory, which does each call at once. */
export class FakeSourceAccount implements SourceImages, Targets, RequestTopics {
  /** What was called that changes or tells something, in order. */
  readonly calls: string[] = [];
  readonly requests: { readonly region: string; readonly request: CopyRequest }[] = [];
  readonly launchers = new Map<string, Set<string>>();
  readonly snapshotUsers = new Map<string, Set<string>>();
  images: TaggedImage[];
  targets: Target[];
  reads = 0;
  /** Is asked before each call that changes something, and may throw. */
  before: (call: string) => void = () => undefined;

  constructor(images: readonly TaggedImage[], targets: readonly Target[]) {
    this.images = [...images];
    this.targets = [...targets];
  }

  context(changes: Partial<PublishContext> = {}): PublishContext {
    const ports = { images: this, targets: this, organization: undefined, topics: this };
    return { region: REGION, recipeTag: 'Recipe', unshare: false, ...ports, nowMs: () => NOW_MS, ...changes };
  }

  findTagged(imageIds?: readonly string[]): Promise<TaggedImage[]> {
    return Promise.resolve(this.images.filter(({ imageId }) => imageIds?.includes(imageId) ?? true));
  }

  list(): Promise<Target[]> {
    return Promise.resolve(this.targets);
  }

  sharingOf({ imageId, ownerId, snapshotIds }: TaggedImage): Promise<Sharing> {
    this.reads += 1;
    return Promise.resolve({
      ownerId,
      launchers: [...(this.launchers.get(imageId) ?? [])],
      isPublic: false,
      organizations: [],
      snapshotUsers: new Map(snapshotIds.map((id) => [id, [...(this.snapshotUsers.get(id) ?? [])]])),
    });
  }

  allow(imageId: string, permissions: Permissions): Promise<void> {
    return this.#change('allow', imageId, permissions, (users, accounts) => {
      for (const account of accounts) users.add(account);
    });
  }

  withdraw(imageId: string, permissions: Permissions): Promise<void> {
    return this.#change('withdraw', imageId, permissions, (users, accounts) => {
      for (const account of accounts) users.delete(account);
    });
  }

  tag(imageId: string, tags: readonly Tag[]): Promise<void> {
    return this.#call(`tag ${tags.map(({ key }) => key).join(' ')}`, () => {
      this.images = this.images.map((image) =>
        image.imageId === imageId
          ? { ...image, tags: [...new Map([...image.tags, ...tags].map((tag) => [tag.key, tag])).values()] }
          : image,
      );
    });
  }

  publish(region: string, body: string): Promise<void> {
    return this.#call(`publish ${region}`, () => {
      this.requests.push({ region, request: JSON.parse(body) as CopyRequest });
    });
  }

  /** Who was asked, by Region. */
  asked(): (readonly [string, readonly string[]])[] {
    return this.requests.map(({ region, request }) => [region, request.targetAccounts] as const);
  }

  tagOf(imageId: string, name: string): string | undefined {
    return this.images.find((image) => image.imageId === imageId)?.tags.find(({ key }) => key === name)?.value;
  }

  async #change(
    what: string,
    imageId: string,
    { launch, snapshots }: Permissions,
    change: (users: Set<string>, accounts: readonly string[]) => void,
  ): Promise<void> {
    const changed = (of: Map<string, Set<string>>, id: string, accounts: readonly string[]) => {
      const users = of.get(id) ?? new Set();
      of.set(id, users);
      change(users, accounts);
    };
    if (launch.length > 0) {
      await this.#call(`${what} launch`, () => {
        changed(this.launchers, imageId, launch);
      });
    }
    for (const [snapshotId, accounts] of snapshots) {
      await this.#call(`${what} ${snapshotId}`, () => {
        changed(this.snapshotUsers, snapshotId, accounts);
      });
    }
  }

  #call(what: string, change: () => void): Promise<void> {
    return Promise.resolve().then(() => {
      this.before(what);
      this.calls.push(what);
      change();
    });
  }
}

export const publishEnvironment = {
  AWS_LAMBDA_FUNCTION_NAME: 'amigo-DEMO-notify-publish',
  RECIPE_TAG: 'Recipe',
  TARGETS_PATH: '/image-copier-targets/amigo-DEMO-notify',
  TOPIC_ARN: `arn:aws:sns:${REGION}:${SOURCE_ACCOUNT}:amigo-DEMO-notify`,
  UNSHARE: 'false',
};
