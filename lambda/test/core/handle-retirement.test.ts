import { beforeEach, describe, expect, it } from '@jest/globals';
import { handleRetirement, type RetirementContext } from '../../src/core/handle-retirement.ts';
import { ACCOUNT, delivery, NOW_MS, REGION } from '../factories.ts';
import { announcedCopy, copyId, DAY_MS, ImageAccount, sourceId } from '../image-account.ts';

const AT = new Date(NOW_MS).toISOString();
let account: ImageAccount;

beforeEach(() => {
  account = new ImageAccount(...[1, 2, 3].map((number) => announcedCopy({ number })));
  account.parameters.set('/image-copier/ubuntu', copyId(3));
});

const handle = async (message: unknown, context: Partial<RetirementContext> = {}, untilMs = Infinity) =>
  await handleRetirement(delivery({ body: JSON.stringify(message) }), account.context(context), untilMs);
const retire = (images: string[], quarantineDays = 7) => ({ retire: { images, quarantineDays } });
const revoke = (sourceAmis: string[], changes = {}) => ({
  revoke: { sourceAmis, sourceRegion: REGION, reason: 'CVE-2026-1', at: AT, ...changes },
});
const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };

describe('a message to retire images', () => {
  it('is done, and says what became of each', async () => {
    expect(await handle(retire([copyId(1), copyId(3), 'ami-0']))).toMatchObject({
      outcome: 'done',
      messageId: 'message-1',
      request: 'retire',
      images: [
        { outcome: 'gone', image: 'ami-0' },
        { outcome: 'quarantined', image: copyId(1) },
        { outcome: 'kept', image: copyId(3) },
      ],
      revocations: [],
    });
  });

  it('finds copies by their source image, each once', async () => {
    const { images } = await handle(retire([sourceId(1), copyId(1)]));
    expect(images).toMatchObject([{ outcome: 'quarantined', image: copyId(1) }]);
  });

  it('of AMIgo removes at once what nothing uses', async () => {
    const amis = [{ account: ACCOUNT, id: copyId(1) }];
    expect(await handle({ amis })).toMatchObject({ outcome: 'done', images: [{ outcome: 'retired' }] });
  });

  it('of AMIgo for other accounts is ignored, and asks nothing', async () => {
    account.fails = () => true;
    const amis = [{ account: '333333333333', id: copyId(1) }];
    expect(await handle({ amis })).toEqual({
      outcome: 'ignored',
      messageId: 'message-1',
      request: 'retire',
      images: [],
      revocations: [],
    });
  });

  it('is tried again where a part is put off, and keeps what is done', async () => {
    account.fails = (call) => call === `disable ${copyId(1)}`;
    expect(await handle(retire([copyId(1), copyId(2)]))).toMatchObject({
      outcome: 'retried',
      reason: {
        code: 'RetirementPutOff',
        message: `A part could not be done (${copyId(1)}): disable ${copyId(1)} failed`,
      },
      retryInSeconds: 45,
      images: [{ outcome: 'putOff' }, { outcome: 'quarantined' }],
    });
    expect(account.queue.postponed).toHaveLength(1);
  });

  it('is tried again where the time was not enough', async () => {
    expect(await handle(retire([copyId(1)]), {}, NOW_MS)).toMatchObject({
      outcome: 'retried',
      reason: { code: 'ImagesRemain', message: 'The time was not enough for 1 images.' },
    });
  });

  it('goes to the dead letters with its reason once it was tried for long enough', async () => {
    account.fails = (call) => call === 'images';
    account.nowMs += 6 * 3600 * 1000;
    expect(await handle(retire([copyId(1)]))).toMatchObject({ outcome: 'refused', request: 'retire' });
    expect(account.queue.deadLetters).toMatchObject([{ reason: { code: 'InternalError' } }]);
  });

  it('that cannot be read goes to the dead letters', async () => {
    expect(await handle({ retire: 1 })).toMatchObject({
      outcome: 'refused',
      reason: { code: 'InvalidRequest' },
      images: [],
    });
    expect(account.queue.deadLetters).toMatchObject([{ body: '{"retire":1}' }]);
  });
});

describe('a message to restore images', () => {
  it('makes them launchable', async () => {
    await handle(retire([copyId(1)]));
    expect(await handle({ restore: { images: [copyId(1)] } })).toMatchObject({
      outcome: 'done',
      request: 'restore',
      images: [{ outcome: 'restored' }],
    });
    expect(account.state(copyId(1))).toBe('available');
  });

  it('is tried again where that fails', async () => {
    await handle(retire([copyId(1)]));
    account.fails = (call) => call.startsWith('enable');
    expect(await handle({ restore: { images: [copyId(1)] } })).toMatchObject({ outcome: 'retried' });
  });
});

describe('a message to revoke images', () => {
  it('tells of each, and has each looked at again', async () => {
    const report = await handle(revoke([sourceId(3), sourceId(1)]));
    expect(report).toMatchObject({
      outcome: 'done',
      request: 'revoke',
      revocations: [{ sourceAmi: sourceId(3) }, { sourceAmi: sourceId(1) }],
    });
    expect(account.told).toMatchObject([
      { kind: 'Image Revoked', sourceAmi: sourceId(3), images: [copyId(3)] },
      { kind: 'Image Revoked', sourceAmi: sourceId(1), images: [copyId(1)] },
    ]);
    expect(account.told[0]).not.toHaveProperty('errors');
    expect(account.enqueued.map(({ body, delaySeconds }) => [JSON.parse(body) as unknown, delaySeconds])).toEqual(
      [sourceId(3), sourceId(1)].map((id) => [revoke([id], { again: true }), 180]),
    );
  });

  it('that looks again says nothing where nothing was to be done', async () => {
    await handle(revoke([sourceId(3)]));
    account.told.length = 0;
    account.enqueued.length = 0;
    expect(await handle(revoke([sourceId(3)], { again: true }))).toMatchObject({ outcome: 'done' });
    expect(account.told).toEqual([]);
    expect(account.enqueued).toEqual([]);
  });

  it('that looks again puts right what a settling did meanwhile', async () => {
    await handle(revoke([sourceId(3)]));
    account.told.length = 0;
    account.parameters.set('/image-copier/ubuntu', copyId(3));
    await handle(revoke([sourceId(3)], { again: true }));
    expect(account.parameters.get('/image-copier/ubuntu')).toBe(copyId(2));
    expect(account.told).toMatchObject([{ parameters: [{ from: copyId(3), to: copyId(2) }] }]);
  });

  it('tells what could not be done, and is tried again', async () => {
    account.fails = (call) => call === `disable ${copyId(3)}`;
    expect(await handle(revoke([sourceId(3), sourceId(1)]))).toMatchObject({
      outcome: 'retried',
      reason: { code: 'RevocationPutOff', message: `${copyId(3)}: disable ${copyId(3)} failed` },
    });
    expect(account.told).toMatchObject([{ problems: [`${copyId(3)}: disable ${copyId(3)} failed`] }, { problems: [] }]);
    expect(account.state(copyId(1))).toBe('disabled');
  });

  it('of images of strangers is a dead letter, and the others are revoked', async () => {
    const catalogue: RetirementContext['catalogue'] = {
      findSource: (id) =>
        Promise.resolve(id === 'ami-9' ? { ownerId: '999999999999', state: 'available', createdAt: AT } : undefined),
    };
    expect(await handle(revoke(['ami-9', sourceId(3)]), { catalogue })).toMatchObject({
      outcome: 'refused',
      reason: { code: 'UntrustedOwner' },
      revocations: [{ sourceAmi: sourceId(3) }],
    });
  });

  it('is undone by another one', async () => {
    await handle(revoke([sourceId(3)]));
    const at = new Date(NOW_MS + 1).toISOString();
    const { unrevoke } = { unrevoke: { ...revoke([sourceId(3)]).revoke, at } };
    expect(await handle({ unrevoke })).toMatchObject({ outcome: 'done', request: 'unrevoke' });
    expect(account.state(copyId(3))).toBe('available');
    expect(account.told.at(-1)).toMatchObject({ kind: 'Revocation Undone', images: [copyId(3)] });
  });
});

describe('the daily sweep', () => {
  const retention = { keepNewest: 1, minAgeDays: 0, quarantineDays: 7, recipes: {} };

  it('puts into quarantine what the policy lets go', async () => {
    const report = await handle(SWEEP, { retention });
    expect(report).toMatchObject({ outcome: 'done', request: 'sweep', sweep: { remaining: 0, errors: [] } });
    expect(report.images.map(({ image, outcome }) => [image, outcome])).toEqual([
      [copyId(2), 'quarantined'],
      [copyId(1), 'quarantined'],
    ]);
  });

  it('lets nothing go without a policy', async () => {
    expect(await handle(SWEEP)).toMatchObject({ outcome: 'done', images: [] });
    expect(account.calls).toEqual([]);
  });

  it('removes what was long enough in quarantine, also without a policy', async () => {
    await handle(retire([copyId(1)]));
    account.nowMs += 7 * DAY_MS;
    expect(await handle(SWEEP)).toMatchObject({ images: [{ image: copyId(1), outcome: 'retired' }] });
  });

  it('takes up what somebody wants gone once nothing uses it any more, as that was asked for', async () => {
    account.references = [{ imageId: copyId(1), kind: 'instance', name: 'i-1' }];
    await handle(retire([copyId(1)], 0));
    expect(await handle(SWEEP, { retention })).toMatchObject({
      images: [
        { image: copyId(1), outcome: 'kept' },
        { image: copyId(2), outcome: 'quarantined' },
      ],
    });
    account.references = [];
    expect(await handle(SWEEP)).toMatchObject({
      images: [
        { image: copyId(1), outcome: 'retired' },
        { image: copyId(2), outcome: 'quarantined' },
      ],
    });
  });

  it('disables revoked images that can be launched', async () => {
    await handle(revoke([sourceId(3)]));
    account.all = account.all.map((image) => ({ ...image, state: 'available' }));
    expect(await handle(SWEEP)).toMatchObject({ sweep: { disabled: [copyId(3)] } });
  });

  it('deletes snapshots that removed images left, and says which stay', async () => {
    account.undeletable.set('snap-1', 'internal-error').set('snap-2', 'internal-error');
    await handle(retire([copyId(1), copyId(2)], 0));
    await handle(retire([copyId(3)]));
    account.undeletable.delete('snap-1');
    expect(await handle(SWEEP)).toMatchObject({
      sweep: { removedSnapshots: ['snap-1'], remainingSnapshots: ['snap-2'] },
    });
  });

  it('forgets after a year that an image was retired, and never that it is revoked', async () => {
    const old = new Date(NOW_MS - 365 * DAY_MS - 1).toISOString();
    const young = new Date(NOW_MS - 365 * DAY_MS).toISOString();
    const note = (id: string, kind: 'retired' | 'revoked' | 'unrevoked', at: string) =>
      account.ended.ends.set(id, { kind, at, reason: '' });
    note('ami-1', 'retired', old).set('ami-2', { kind: 'retired', at: young, reason: '' });
    note('ami-3', 'revoked', old);
    note('ami-4', 'unrevoked', old);
    await handle(SWEEP);
    expect([...account.ended.ends.keys()]).toEqual(['ami-2', 'ami-3']);
  });

  it.each([
    ['images', 'images failed'],
    ['retiredSnapshots', 'retiredSnapshots failed'],
  ])('is tried again where the %s cannot be read, and does the rest', async (what, message) => {
    account.ended.ends.set('ami-1', { kind: 'retired', at: '2020-01-01T00:00:00.000Z', reason: '' });
    account.fails = (call) => call === what;
    expect(await handle(SWEEP, { retention })).toMatchObject({
      outcome: 'retried',
      reason: { code: 'RetirementPutOff', message: `A part could not be done: ${message}` },
    });
    expect(account.ended.ends.size).toBe(0);
  });
});
