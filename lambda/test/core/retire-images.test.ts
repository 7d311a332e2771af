import { beforeEach, describe, expect, it } from '@jest/globals';
import { formatForeignMark } from '../../src/core/account-images.ts';
import { formatMarker } from '../../src/core/copy-marker.ts';
import { restoreImages, retireImages, type RetireContext, type Retirement } from '../../src/core/retire-images.ts';
import { COPIER, copyMarker, NOW_MS, REGION } from '../factories.ts';
import { announcedCopy, copyId, DAY_MS, ImageAccount, sourceId } from '../image-account.ts';

const AT = new Date(NOW_MS).toISOString();
const OLD = copyId(1);
let account: ImageAccount;

beforeEach(() => {
  account = new ImageAccount(...[1, 2, 3].map((number) => announcedCopy({ number })));
  account.parameters.set('/image-copier/ubuntu', copyId(3));
});

const how = (changes: Partial<Retirement> = {}): Retirement => ({
  imageId: OLD,
  quarantineDays: 7,
  isAsked: true,
  ...changes,
});
const retire = async (changes: Partial<Retirement> = {}, context: Partial<RetireContext> = {}) =>
  await retireImages([how(changes)], account.context(context), Infinity);
const uses = (imageId: string) => ({ imageId, kind: 'instance', name: 'i-1' });
const marker = (end: Parameters<typeof copyMarker>[0]) =>
  formatMarker(
    copyMarker({ bakedAt: bakedAt(1), announcement: { state: 'announced', settledAt: bakedAt(1) }, ...end }),
  );
const bakedAt = (number: number) => announcedCopy({ number }).createdAt;
const reason = (code: string, message: string) => ({ code, message });
const USED = reason('Referenced', 'The instance i-1 uses it.');
const about = { image: OLD, sourceImage: sourceId(1), recipe: 'ubuntu' };

describe('retiring an image', () => {
  it('puts one that nothing uses into quarantine: first the mark, then it is disabled', async () => {
    const until = new Date(NOW_MS + 7 * DAY_MS).toISOString();
    expect(await retire()).toEqual([{ outcome: 'quarantined', ...about, quarantineUntil: until }]);
    expect(account.calls).toEqual([`mark ${OLD} retired`, `disable ${OLD}`, 'tell Image Quarantined']);
    expect(account.tag(OLD)).toBe(marker({ end: { state: 'retired', at: AT, quarantineDays: 7 } }));
    expect(account.snapshots[0]?.tags).toContainEqual({ key: 'ImageCopier', value: account.tag(OLD) });
    expect(account.told).toEqual([
      {
        kind: 'Image Quarantined',
        imageId: OLD,
        sourceAmi: sourceId(1),
        sourceRegion: REGION,
        name: 'ubuntu_1',
        recipe: 'ubuntu',
        reasons: [],
        quarantineUntil: until,
        remainingSnapshots: [],
        at: AT,
      },
    ]);
  });

  it('removes it once the quarantine is over, and notes that before', async () => {
    await retire();
    account.nowMs += 7 * DAY_MS;
    account.calls.length = 0;
    expect(await retire({ isAsked: false })).toEqual([{ outcome: 'retired', ...about }]);
    expect(account.calls).toEqual([`note ${sourceId(1)} retired`, `deregister ${OLD}`, 'tell Image Retired']);
    expect(account.image(OLD)).toBeUndefined();
    expect(account.snapshots.map(({ snapshotId }) => snapshotId)).toEqual(['snap-2', 'snap-3']);
    expect(account.ended.ends.get(sourceId(1))).toEqual({
      kind: 'retired',
      at: new Date(account.nowMs).toISOString(),
      reason: `Its copy ${OLD} was retired.`,
    });
  });

  it('leaves it alone until then', async () => {
    await retire();
    account.nowMs += 7 * DAY_MS - 1;
    account.calls.length = 0;
    expect(await retire({ isAsked: false, quarantineDays: 0 })).toMatchObject([{ outcome: 'quarantined' }]);
    expect(account.calls).toEqual([]);
  });

  it('removes one without quarantine at once, after it was disabled and looked at again', async () => {
    expect(await retire({ quarantineDays: 0 })).toEqual([{ outcome: 'retired', ...about }]);
    expect(account.calls).toEqual([
      `mark ${OLD} retired`,
      `disable ${OLD}`,
      `note ${sourceId(1)} retired`,
      `deregister ${OLD}`,
      'tell Image Retired',
    ]);
  });

  it('keeps one that is used, and remembers that it is to go', async () => {
    account.references = [uses(OLD)];
    expect(await retire()).toEqual([{ outcome: 'kept', ...about, reasons: [USED] }]);
    expect(account.calls).toEqual([`mark ${OLD} asked`, 'tell Image Kept']);
    expect(account.tag(OLD)).toBe(marker({ end: { state: 'asked', at: AT, quarantineDays: 7 } }));
    expect(account.told).toMatchObject([{ kind: 'Image Kept', reasons: [USED] }]);
    expect(account.state(OLD)).toBe('available');
  });

  it('neither marks nor tells of one that only a policy lets go', async () => {
    account.references = [uses(OLD)];
    expect(await retire({ isAsked: false })).toEqual([{ outcome: 'kept', ...about, reasons: [USED] }]);
    expect(account.calls).toEqual([]);
  });

  it('marks one only once that is to go', async () => {
    account.references = [uses(OLD)];
    await retire();
    account.nowMs += 1;
    await retire({ quarantineDays: 3 });
    expect(account.calls.filter((call) => call.startsWith('mark'))).toHaveLength(1);
  });

  it('makes one launchable again that something began to use while it was being disabled', async () => {
    account.before = (call) => {
      if (call.startsWith('disable')) account.references = [uses(OLD)];
    };
    expect(await retire({ quarantineDays: 0 })).toEqual([{ outcome: 'restored', ...about, reasons: [USED] }]);
    expect(account.calls).toEqual([
      `mark ${OLD} retired`,
      `disable ${OLD}`,
      `enable ${OLD}`,
      `mark ${OLD} none`,
      'tell Image Restored',
    ]);
    expect(account.tag(OLD)).toBe(marker({}));
    expect(account.state(OLD)).toBe('available');
    expect(account.snapshots[0]?.tags).toContainEqual({ key: 'ImageCopier', value: marker({}) });
  });

  it('makes one in quarantine launchable again that is used', async () => {
    await retire();
    account.nowMs += 9 * DAY_MS;
    account.parameters.set('/image-copier/pinned', OLD);
    const pinned = reason('Parameter', 'The parameter /image-copier/pinned points to it.');
    expect(await retire({ isAsked: false })).toEqual([{ outcome: 'restored', ...about, reasons: [pinned] }]);
    expect(account.state(OLD)).toBe('available');
  });

  it('leaves one in quarantine where it cannot be seen what uses it', async () => {
    await retire();
    account.nowMs += 9 * DAY_MS;
    account.unreadable = ['Instances could not be read: AccessDenied'];
    const [outcome] = await retire({ isAsked: false });
    expect(outcome).toMatchObject({ outcome: 'kept', reasons: [{ code: 'Unreadable' }] });
    expect(account.state(OLD)).toBe('disabled');
    expect(account.tag(OLD)).toContain('retired=');
  });

  it('goes on with one that was marked and not disabled', async () => {
    account.fails = (call) => call.startsWith('disable');
    expect(await retire()).toMatchObject([
      { outcome: 'putOff', image: OLD, error: { message: `disable ${OLD} failed` } },
    ]);
    account.fails = () => false;
    expect(await retire({ isAsked: false })).toMatchObject([{ outcome: 'quarantined' }]);
    expect(account.state(OLD)).toBe('disabled');
  });

  it('does not disable one that was marked and is used by now', async () => {
    account.fails = (call) => call.startsWith('disable');
    await retire();
    account.fails = () => false;
    account.references = [uses(OLD)];
    expect(await retire({ isAsked: false })).toMatchObject([{ outcome: 'restored' }]);
    expect(account.tag(OLD)).toBe(marker({}));
  });

  it('takes one that somebody has disabled into quarantine as it is', async () => {
    account.all = account.all.map((image) => (image.imageId === OLD ? { ...image, state: 'disabled' } : image));
    expect(await retire()).toMatchObject([{ outcome: 'quarantined' }]);
    expect(account.calls).not.toContain(`disable ${OLD}`);
  });

  it('says that there is no such image', async () => {
    expect(await retire({ imageId: 'ami-0' })).toEqual([{ outcome: 'gone', image: 'ami-0' }]);
  });

  it('is done though nobody can be told', async () => {
    account.fails = (call) => call.startsWith('tell');
    const [outcome] = await retire({ quarantineDays: 0 });
    expect(outcome).toMatchObject({ outcome: 'retired', untold: { message: 'tell Image Retired failed' } });
  });

  it('keeps the note of a revocation', async () => {
    const revoked = { kind: 'revoked', at: AT, reason: 'Bad.' } as const;
    account.ended.ends.set(sourceId(1), revoked);
    await retire({ quarantineDays: 0 });
    expect(account.ended.ends.get(sourceId(1))).toEqual(revoked);
  });

  it('disables a revoked image that still can be launched, and looks again at what uses it before it is removed', async () => {
    const revoked = announcedCopy({ number: 1, marker: { end: { state: 'revoked', at: AT } } });
    account = new ImageAccount(revoked, announcedCopy({ number: 2 }), announcedCopy({ number: 3 }));
    account.before = (call) => {
      if (call === `disable ${OLD}`) account.references = [uses(OLD)];
    };
    expect(await retire({ quarantineDays: 0 })).toMatchObject([{ outcome: 'kept', reasons: [USED] }]);
    expect(account.image(OLD)?.state).toBe('disabled');
    expect(account.tag(OLD)).toBe(marker({ end: { state: 'revoked', at: AT } }));
  });

  it('removes a revoked image that still can be launched once it is disabled, if nothing uses it', async () => {
    account.all = [
      announcedCopy({ number: 1, marker: { end: { state: 'revoked', at: AT } } }),
      announcedCopy({ number: 2 }),
    ];
    expect(await retire()).toMatchObject([{ outcome: 'retired' }]);
    expect(account.calls.slice(0, 2)).toEqual([`disable ${OLD}`, `mark ${OLD} retired`]);
  });

  it('removes a revoked image at once: it has been disabled since', async () => {
    account.all = [
      announcedCopy({ number: 1, state: 'disabled', marker: { end: { state: 'revoked', at: AT } } }),
      announcedCopy({ number: 2 }),
    ];
    expect(await retire()).toMatchObject([{ outcome: 'retired' }]);
  });
});

describe('the snapshots of a removed image', () => {
  it.each([
    ['success', undefined],
    ['skipped', undefined],
    ['missing-permissions', ['snap-1']],
    ['internal-error', ['snap-1']],
    ['client-error', ['snap-1']],
  ])('where EC2 says %s of one', async (code, remainingSnapshots) => {
    account.undeletable.set('snap-1', code);
    const [outcome] = await retire({ quarantineDays: 0 });
    expect(outcome?.remainingSnapshots).toEqual(remainingSnapshots);
    expect(account.told).toMatchObject([{ kind: 'Image Retired', remainingSnapshots: remainingSnapshots ?? [] }]);
  });

  it('are asked for once more where EC2 failed, and are no error where they are gone then', async () => {
    account.undeletable.set('snap-1', 'internal-error');
    account.before = (call) => {
      if (call.startsWith('deleteSnapshot')) account.undeletable.clear();
    };
    const [outcome] = await retire({ quarantineDays: 0 });
    expect(outcome).toEqual({ outcome: 'retired', ...about });
    expect(account.calls).toContain('deleteSnapshot snap-1');
  });

  it('remain where that fails too', async () => {
    account.undeletable.set('snap-1', 'internal-error');
    account.fails = (call) => call.startsWith('deleteSnapshot');
    expect(await retire({ quarantineDays: 0 })).toMatchObject([{ outcome: 'retired', remainingSnapshots: ['snap-1'] }]);
  });

  it('that are not marked as ours are left as they are', async () => {
    account.snapshots = account.snapshots.map((each) => (each.snapshotId === 'snap-1' ? { ...each, tags: [] } : each));
    await retire();
    expect(account.snapshots[0]?.tags).toEqual([]);
    expect(account.tag(OLD)).toContain('retired=');
  });
});

describe('retiring several images', () => {
  it('reads what uses them once for each ten, and once more for those that it disabled', async () => {
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
    account = new ImageAccount(...[...numbers, 13].map((number) => announcedCopy({ number })));
    let reads = 0;
    account.fails = (call) => {
      if (call === 'references') reads += 1;
      return false;
    };
    const outcomes = await retireImages(
      numbers.map((number) => how({ imageId: copyId(number) })),
      account.context(),
      Infinity,
    );
    expect(outcomes.map(({ image, outcome }) => `${image} ${outcome}`)).toEqual(
      numbers.map((number) => `${copyId(number)} quarantined`),
    );
    expect(reads).toBe(4);
  });

  it('goes on where one fails', async () => {
    account.fails = (call) => call === `disable ${OLD}`;
    const outcomes = await retireImages([how(), how({ imageId: copyId(2) })], account.context(), Infinity);
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['putOff', 'quarantined']);
  });

  it.each(['images', 'snapshots', 'parameters', 'references'])(
    'puts all off where the %s cannot be read',
    async (what) => {
      account.fails = (call) => call === what;
      expect(await retire()).toMatchObject([{ outcome: 'putOff', image: OLD, error: { message: `${what} failed` } }]);
      expect(account.calls).toEqual([]);
    },
  );

  it('begins nothing after its time', async () => {
    expect(await retireImages([how()], account.context(), NOW_MS)).toEqual([]);
  });
});

describe('an image that this copier did not make', () => {
  const tags = [{ key: 'BuiltBy', value: 'amigo' }];
  const THEIRS = copyId(7);

  beforeEach(() => {
    account.all.push(announcedCopy({ number: 7, recipe: 'other', changes: { imageId: THEIRS, tags } }));
  });

  it('is retired if its tags allow it, with a mark of its own', async () => {
    expect(await retire({ imageId: THEIRS }, { retireTagged: tags })).toMatchObject([
      { outcome: 'quarantined', image: THEIRS },
    ]);
    expect(account.tag(THEIRS, 'ImageCopierEnd')).toBe(
      formatForeignMark(COPIER, { state: 'retired', at: AT, quarantineDays: 7 }),
    );
    account.nowMs += 7 * DAY_MS;
    expect(await retire({ imageId: THEIRS }, { retireTagged: tags })).toEqual([{ outcome: 'retired', image: THEIRS }]);
    expect(account.ended.ends.size).toBe(0);
  });

  it('is kept, and not marked, if they do not', async () => {
    expect(await retire({ imageId: THEIRS })).toMatchObject([{ outcome: 'kept', reasons: [{ code: 'NotOurs' }] }]);
    expect(account.calls).toEqual(['tell Image Kept']);
  });

  it('is put off where it has no room for the mark', async () => {
    account.full.push(THEIRS);
    expect(await retire({ imageId: THEIRS }, { retireTagged: tags })).toMatchObject([
      { outcome: 'putOff', error: { message: `${THEIRS} has no room for one more tag, ImageCopierEnd. Remove one.` } },
    ]);
    expect(account.state(THEIRS)).toBe('available');
  });

  it('loses its mark when it is restored', async () => {
    await retire({ imageId: THEIRS }, { retireTagged: tags });
    expect(await restoreImages([THEIRS], account.context())).toMatchObject([{ outcome: 'restored' }]);
    expect(account.tag(THEIRS, 'ImageCopierEnd')).toBeUndefined();
    expect(account.state(THEIRS)).toBe('available');
  });
});

describe('restoring an image', () => {
  const restore = async (id = OLD) => await restoreImages([id], account.context());

  it('makes one in quarantine launchable, first that, then the mark', async () => {
    await retire();
    account.calls.length = 0;
    expect(await restore()).toEqual([{ outcome: 'restored', ...about, reasons: [] }]);
    expect(account.calls).toEqual([`enable ${OLD}`, `mark ${OLD} none`, 'tell Image Restored']);
    expect(account.tag(OLD)).toBe(marker({}));
  });

  it('finds it by its source image', async () => {
    await retire();
    expect(await restore(sourceId(1))).toMatchObject([{ outcome: 'restored', image: OLD }]);
  });

  it('takes back that it is to go', async () => {
    account.references = [uses(OLD)];
    await retire();
    expect(await restore()).toMatchObject([{ outcome: 'restored' }]);
    expect(account.tag(OLD)).toBe(marker({}));
  });

  it('leaves one that is not retired', async () => {
    expect(await restore()).toMatchObject([{ outcome: 'kept', reasons: [{ code: 'NotRetired' }] }]);
    expect(account.calls).toEqual([]);
  });

  it('lets one that is gone be asked for again', async () => {
    await retire({ quarantineDays: 0 });
    expect(await restore(sourceId(1))).toEqual([{ outcome: 'gone', image: sourceId(1) }]);
    expect(account.ended.ends.size).toBe(0);
  });

  it('never lets a revoked one be launched', async () => {
    account.ended.ends.set(sourceId(1), { kind: 'revoked', at: AT, reason: 'Bad.' });
    account.all = account.all.map((image) =>
      image.imageId === OLD
        ? announcedCopy({
            number: 1,
            state: 'disabled',
            marker: { end: { state: 'retired', at: AT, quarantineDays: 0 } },
          })
        : image,
    );
    expect(await restore()).toMatchObject([{ outcome: 'kept', reasons: [{ code: 'Revoked' }] }]);
    expect(account.state(OLD)).toBe('disabled');
    expect(account.tag(OLD)).toBe(marker({ end: { state: 'revoked', at: AT } }));
    expect(account.ended.ends.get(sourceId(1))).toMatchObject({ kind: 'revoked' });
  });
});
