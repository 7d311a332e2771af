import type { ReconcileContext } from '../src/core/reconcile.ts';
import type { SharedImage, SharedImages } from '../src/core/shared-images.ts';
import { sharedTagsOf } from '../src/core/shared-tags.ts';
import { ACCOUNT, COPIER, FakeRequests, REGION, SOURCE_ACCOUNT, target, type FakeAccount } from './factories.ts';

/** An image of the source account that is baked on this day of a month and wants copies in this Region. */
export function sharedImage(
  day: number,
  {
    recipe = 'ubuntu',
    regions = [REGION],
    ...changes
  }: Partial<SharedImage> & { readonly recipe?: string; readonly regions?: readonly string[] } = {},
): SharedImage {
  const tags = [
    { key: 'Recipe', value: recipe },
    { key: 'Name', value: 'bake' },
  ];
  return {
    imageId: `ami-a${String(day).padStart(16, '0')}`,
    region: REGION,
    ownerId: SOURCE_ACCOUNT,
    state: 'available',
    createdAt: `2026-10-${String(day).padStart(2, '0')}T00:00:00.000Z`,
    name: `${recipe}_${day}`,
    description: `bake ${day}`,
    tags: sharedTagsOf(tags, regions),
    ...changes,
  };
}

/** What is shared with the account, and what it noted of requests, in memory. */
export class SharedInMemory implements SharedImages {
  images: SharedImage[];
  readonly requests = new FakeRequests();

  constructor(...images: readonly SharedImage[]) {
    this.images = [...images];
  }

  list(): Promise<SharedImage[]> {
    return Promise.resolve(this.images);
  }
}

export function reconcileContext(
  account: FakeAccount,
  state: SharedInMemory,
  changes: Partial<ReconcileContext> = {},
): ReconcileContext {
  return {
    copier: COPIER,
    account: ACCOUNT,
    region: REGION,
    kmsKeyArn: target.kmsKeyArn,
    recipeTag: 'Recipe',
    trustedOwners: [SOURCE_ACCOUNT],
    newest: 1,
    retrySeconds: 21_600,
    shared: state,
    inventory: account,
    ended: account.ended,
    asked: state.requests,
    refused: state.requests,
    requests: account,
    nowMs: () => account.nowMs,
    ...changes,
  };
}
