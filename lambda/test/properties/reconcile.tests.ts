import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { digestOf } from '../../src/core/asked-requests.ts';
import type { OwnCopy } from '../../src/core/copy-inventory.ts';
import { parseCopyRequest } from '../../src/core/copy-request.ts';
import { COPIED_FROM } from '../../src/core/copy-tags.ts';
import type { SourceEnd } from '../../src/core/ended-sources.ts';
import type { ImageState } from '../../src/core/image-catalogue.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import type { SharedImage } from '../../src/core/shared-images.ts';
import { copyMarker, copyTags, FakeAccount, NOW_MS, ownCopy, REGION, SOURCE_ACCOUNT } from '../factories.ts';
import { reconcileContext, sharedImage, SharedInMemory } from '../shared-images.ts';

/** What is known of one image: how it is shared, and what became of it here. */
interface Fate {
  readonly day: number;
  readonly recipe: string;
  readonly ownerId: string;
  readonly state: ImageState;
  readonly regions: readonly string[];
  readonly isShared: boolean;
  readonly copy: ImageState | null;
  readonly end: SourceEnd['kind'] | null;
  readonly refused: 'so' | 'otherwise' | null;
  readonly askedHoursAgo: number | null;
}

const NONE = fc.constant(null);
const usually = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) });

const fate: fc.Arbitrary<Fate> = fc.record({
  day: fc.integer({ min: 1, max: 28 }),
  recipe: fc.constantFrom('ubuntu', 'centos'),
  ownerId: usually(SOURCE_ACCOUNT, '999999999999'),
  state: usually<ImageState>('available', 'pending', 'disabled', 'failed'),
  regions: usually<readonly string[]>([REGION], ['us-east-1'], [REGION, 'us-east-1'], []),
  isShared: usually(true, false),
  copy: fc.oneof(
    { weight: 4, arbitrary: NONE },
    { weight: 3, arbitrary: fc.constantFrom<ImageState>('pending', 'available', 'disabled', 'failed') },
  ),
  end: fc.oneof(
    { weight: 5, arbitrary: NONE },
    { weight: 2, arbitrary: fc.constantFrom<SourceEnd['kind']>('retired', 'revoked', 'unrevoked') },
  ),
  refused: fc.oneof({ weight: 5, arbitrary: NONE }, { weight: 2, arbitrary: fc.constantFrom('so', 'otherwise') }),
  askedHoursAgo: fc.oneof({ weight: 5, arbitrary: NONE }, { weight: 2, arbitrary: fc.constantFrom(1, 5, 6, 30) }),
});

interface Known extends Fate {
  readonly image: SharedImage;
}

function accountOf(fates: readonly Fate[]) {
  const known = fates.map((each, index): Known => {
    const imageId = `ami-a${String(index).padStart(16, '0')}`;
    const { day, recipe, ownerId, state, regions } = each;
    return { ...each, image: sharedImage(day, { imageId, recipe, ownerId, state, regions }) };
  });
  const account = new FakeAccount();
  account.copies = known.flatMap(({ copy, recipe, image }): OwnCopy[] => {
    if (copy === null) return [];
    const marker = copyMarker({ bakedAt: image.createdAt });
    const changes: Readonly<Record<string, string>> = { [COPIED_FROM]: image.imageId, Recipe: recipe };
    const tags = copyTags(marker).map(({ key, value }) => ({ key, value: changes[key] ?? value }));
    const imageId = image.imageId.replace('ami-a', 'ami-c');
    return [ownCopy({ imageId, sourceImageId: image.imageId, state: copy, marker, tags, snapshotIds: [] })];
  });
  const state = new SharedInMemory(...known.filter(({ isShared }) => isShared).map(({ image }) => image));
  const asked = new Map<string, number>();
  for (const { image, end, refused, askedHoursAgo } of known) {
    const { imageId } = image;
    if (end !== null) account.ended.ends.set(imageId, { kind: end, at: '', reason: '' });
    if (refused !== null) state.requests.refusals.set(imageId, { digest: digest(image, refused), at: '', reason: '' });
    if (askedHoursAgo !== null) asked.set(imageId, NOW_MS - askedHoursAgo * 3_600_000);
  }
  state.requests.asked = asked;
  return { known, account, state };
}

function digest({ imageId, name, description, tags }: SharedImage, refused: 'so' | 'otherwise'): string {
  const shared = tags.filter(({ key }) => key !== 'ec2:SharedTag/ImageCopier');
  return digestOf({
    sourceAmi: imageId,
    sourceRegion: REGION,
    targetAccounts: [],
    name: refused === 'so' ? name : `${name} as it was`,
    description,
    tags: shared.map(({ key, value }) => ({ key: key.replace('ec2:SharedTag/', ''), value })),
  });
}

const isLive = ({ copy }: Fate) => copy === 'pending' || copy === 'available' || copy === 'disabled';
const isWanted = ({ ownerId, state, regions, isShared }: Fate) =>
  isShared && ownerId === SOURCE_ACCOUNT && state === 'available' && regions.includes(REGION);
const isLeftOut = ({ end, refused, askedHoursAgo }: Fate) =>
  end === 'retired' || end === 'revoked' || refused === 'so' || (askedHoursAgo !== null && askedHoursAgo < 6);

describe('what the state asks for', () => {
  const state = fc.record({ fates: fc.array(fate, { maxLength: 12 }), newest: fc.integer({ min: 1, max: 3 }) });

  it('is never what must not be asked for, and nothing is missing', async () => {
    await fc.assert(
      fc.asyncProperty(state, async ({ fates, newest }) => {
        const { known, account, state: shared } = accountOf(fates);
        const { errors, remaining } = await reconcile(
          reconcileContext(account, shared, { newest }),
          await account.findLaunchable(account.copies.map(({ imageId }) => imageId)),
          NOW_MS + 1,
        );
        const asked = account.enqueued.map(({ body }) => parseCopyRequest(body).sourceAmi);

        const expected = known.filter((each) => {
          const ofRecipe = known.filter(({ recipe }) => recipe === each.recipe);
          const newer = ofRecipe.filter(({ day }) => day > each.day);
          const before = ofRecipe.filter(
            (other) =>
              isWanted(other) &&
              (other.day > each.day || (other.day === each.day && other.image.imageId < each.image.imageId)),
          );
          const isNewest = before.length < newest;
          return isWanted(each) && isNewest && !isLeftOut(each) && !isLive(each) && !newer.some(isLive);
        });
        expect(asked.toSorted()).toEqual(expected.map(({ image }) => image.imageId).toSorted());
        expect({ errors, remaining }).toEqual({ errors: [], remaining: 0 });
      }),
      { numRuns: 500 },
    );
  });

  it('is asked for once, however often it is looked at', async () => {
    await fc.assert(
      fc.asyncProperty(state, async ({ fates, newest }) => {
        const { account, state: shared } = accountOf(fates);
        const look = async () => await reconcile(reconcileContext(account, shared, { newest }), [], NOW_MS + 1);
        const { asked } = await look();
        expect((await look()).asked).toEqual([]);
        expect(account.enqueued).toHaveLength(asked.length);
      }),
    );
  });
});
