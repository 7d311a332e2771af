import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CopyInventory, OwnCopy } from '../../src/core/copy-inventory.ts';
import type { CopyResult } from '../../src/core/copy-results.ts';
import { findDangling, settleNamed, sweep } from '../../src/core/settle-copies.ts';
import { copyMarker, FakeAccount, FakeSources, NOW_MS, ownCopy, settleContext, SOURCE_IMAGE } from '../factories.ts';

const UNTIL_MS = NOW_MS + 20_000;
let account: FakeAccount;

/** Copies of one recipe; the day is that of their source images. */
function copyOf(day: number, changes: Partial<OwnCopy> = {}): OwnCopy {
  const marker = copyMarker({ bakedAt: `2026-11-0${day}T00:00:00.000Z` });
  return ownCopy({ imageId: `ami-0${day}`, marker, snapshotIds: [`snap-0${day}`], ...changes });
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `ami-0${index + 1}`);

/** Copies of one recipe, each of an image that was baked a minute after that of the one before. */
function many(count: number): OwnCopy[] {
  return ids(count).map((imageId, index) => {
    const marker = copyMarker({ bakedAt: new Date(NOW_MS - 86_400_000 + index * 60_000).toISOString() });
    return ownCopy({ imageId, marker, snapshotIds: [imageId.replace('ami', 'snap')] });
  });
}

function ofRecipe(copy: OwnCopy, recipe: string): OwnCopy {
  return { ...copy, tags: copy.tags.map((tag) => (tag.key === 'Recipe' ? { ...tag, value: recipe } : tag)) };
}

beforeEach(() => {
  account = new FakeAccount(copyOf(2), copyOf(3), copyOf(1));
});

const context = () => settleContext(account);
const announced = () => account.announced.map(({ imageId }) => imageId);
const sweepAll = (untilMs = UNTIL_MS) => sweep(context(), untilMs);

describe('settleNamed', () => {
  it('settles the named copies, those of the oldest images first', async () => {
    const { copies, remaining } = await settleNamed(['ami-03', 'ami-01'], context(), UNTIL_MS);

    expect(copies.map(({ copy }) => copy)).toEqual(['ami-01', 'ami-03']);
    expect(remaining).toBe(0);
    expect(account.parameters.get('/image-copier/ubuntu')).toBe('ami-03');
    expect(announced()).toEqual(['ami-01', 'ami-03']);
  });

  it('says what became of each', async () => {
    const { copies } = await settleNamed(['ami-01'], context(), UNTIL_MS);

    expect(copies).toEqual([
      {
        outcome: 'settled',
        copy: 'ami-01',
        sourceImage: SOURCE_IMAGE,
        attempt: 1,
        parameter: '/image-copier/ubuntu',
        copySeconds: 600,
      },
    ]);
  });

  it('knows nothing of other images', async () => {
    expect(await settleNamed(['ami-0ff'], context(), UNTIL_MS)).toEqual({ copies: [], remaining: 0 });
    expect(account.calls).toEqual(['findById']);
  });

  it('orders by times, not by texts', async () => {
    account = new FakeAccount(
      copyOf(1, { marker: copyMarker({ bakedAt: '2026-11-01T00:00:00.500Z' }) }),
      copyOf(2, { marker: copyMarker({ bakedAt: '2026-11-01T00:00:00Z' }) }),
    );
    await settleNamed(['ami-01', 'ami-02'], context(), UNTIL_MS);

    expect(announced()).toEqual(['ami-02', 'ami-01']);
  });

  it('begins no batch of ten when the time is over', async () => {
    account = new FakeAccount(...many(25));
    const clock = { ...context(), nowMs: () => NOW_MS + announced().length * 1_000 };

    const { copies, remaining } = await settleNamed(ids(25), clock, UNTIL_MS);

    expect(copies.map(({ copy }) => copy)).toEqual(ids(20));
    expect(remaining).toBe(5);
    expect(announced()).toEqual(ids(20));
  });

  describe('of a batch', () => {
    const calls = (name: string) => account.calls.filter((call) => call.split(' ')[0] === name).length;

    it('asks once for all of what is asked, and points the parameter of a recipe once', async () => {
      account = new FakeAccount(...many(10));
      await settleNamed(ids(10), context(), UNTIL_MS);

      expect(account.calls.filter((call) => !/^(mark|announce) /.test(call))).toEqual([
        'findById',
        'snapshotsOf',
        'getAll',
        'findSettled',
        'put ami-010',
        'getAll',
      ]);
      expect(calls('mark')).toBe(20);
      expect(announced()).toEqual(ids(10));
      expect(account.parameters).toEqual(new Map([['/image-copier/ubuntu', 'ami-010']]));
    });

    it('goes on with copies of other recipes while one is announced, and in order with those of one', async () => {
      const recipes = many(10).map((copy, index) => ofRecipe(copy, `recipe-${index % 2}`));
      account = new FakeAccount(...recipes);
      let atOnce = 0;
      let most = 0;
      const announce = async (result: CopyResult) => {
        most = Math.max(most, (atOnce += 1));
        await new Promise(setImmediate);
        await account.announce(result);
        atOnce -= 1;
      };
      await settleNamed(ids(10), { ...context(), results: { announce, announceApproval: announce } }, UNTIL_MS);

      expect(most).toBe(2);
      for (const parity of [0, 1]) {
        const wanted = ids(10).filter((_, index) => index % 2 === parity);
        expect(announced().filter((id) => wanted.includes(id))).toEqual(wanted);
      }
      expect(account.parameters).toEqual(
        new Map([
          ['/image-copier/recipe-0', 'ami-09'],
          ['/image-copier/recipe-1', 'ami-010'],
        ]),
      );
    });

    it('never makes more than five calls about copies at the same time', async () => {
      account = new FakeAccount(...many(10).map((copy, index) => ofRecipe(copy, `recipe-${index}`)));
      const { inventory } = context();
      let atOnce = 0;
      let most = 0;
      const marking = new Proxy(inventory, {
        get: (target, name) => {
          if (name !== 'mark') return (target[name as keyof CopyInventory] as () => unknown).bind(target);
          return async (...args: Parameters<CopyInventory['mark']>) => {
            most = Math.max(most, (atOnce += 1));
            await new Promise(setImmediate);
            await target.mark(...args);
            atOnce -= 1;
          };
        },
      });
      await settleNamed(ids(10), { ...context(), inventory: marking }, UNTIL_MS);

      expect(most).toBe(5);
      expect(announced()).toHaveLength(10);
    });

    it('puts off the copies of the recipe alone whose parameter cannot be set', async () => {
      account = new FakeAccount(copyOf(1), ofRecipe(copyOf(2), 'windows'), copyOf(3));
      account.fails = (call) => call === 'put ami-03';
      const { copies } = await settleNamed(['ami-01', 'ami-02', 'ami-03'], context(), UNTIL_MS);

      expect(copies.map(({ copy, outcome }) => `${copy} ${outcome}`)).toEqual([
        'ami-01 putOff',
        'ami-02 settled',
        'ami-03 putOff',
      ]);
      expect(announced()).toEqual(['ami-02']);
    });

    it('puts off all of them where what is asked for all of them fails', async () => {
      account.fails = (call) => call === 'findSettled';
      const { copies } = await settleNamed(['ami-01', 'ami-02', 'ami-03'], context(), UNTIL_MS);

      expect(copies.map(({ outcome, error }) => [outcome, error?.message])).toEqual(
        Array.from({ length: 3 }, () => ['putOff', 'findSettled failed']),
      );
      account.fails = () => false;
      await sweepAll();
      expect(announced()).toEqual(['ami-01', 'ami-02', 'ami-03']);
    });

    it('puts off a copy whose source has an end that cannot be read, and no other', async () => {
      account = new FakeAccount(copyOf(1), copyOf(2, { sourceImageId: 'ami-0b' }));
      const ended = {
        find: () => Promise.resolve(undefined),
        findAll: () => Promise.resolve(new Map([['ami-0b', new Error('not as written')]])),
      };
      const { copies } = await settleNamed(['ami-01', 'ami-02'], { ...context(), ended }, UNTIL_MS);

      expect(copies).toMatchObject([
        { outcome: 'settled' },
        { outcome: 'putOff', error: { message: 'not as written' } },
      ]);
    });
  });

  it('settles the others where one meets an error', async () => {
    account.fails = (call) => call === 'announce ami-02';

    const { copies } = await settleNamed(['ami-01', 'ami-02', 'ami-03'], context(), UNTIL_MS);

    expect(copies).toEqual([
      expect.objectContaining({ copy: 'ami-01', outcome: 'settled' }),
      { copy: 'ami-02', outcome: 'putOff', sourceImage: SOURCE_IMAGE, attempt: 1, error: expect.any(Error) as unknown },
      expect.objectContaining({ copy: 'ami-03', outcome: 'settled' }),
    ]);
    expect(copies[1]?.error?.message).toBe('announce ami-02 failed');
    expect(announced()).toEqual(['ami-01', 'ami-03']);
  });
});

describe('a copy that is overdue', () => {
  const DAY_MS = 86_400_000;
  const aged = (ageMs: number, changes: Partial<OwnCopy> = {}) => {
    account = new FakeAccount(copyOf(1, { createdAt: new Date(NOW_MS - ageMs).toISOString(), ...changes }));
  };
  const report = async () => (await sweepAll()).copies[0];

  it.each([
    [DAY_MS - 1, undefined],
    [DAY_MS, true],
  ])('is pending for %d ms', async (ageMs, overdue) => {
    aged(ageMs, { state: 'pending' });

    expect(await report()).toMatchObject({ outcome: 'waiting' });
    expect((await report())?.overdue).toBe(overdue);
  });

  it('is not verified, or cannot be settled', async () => {
    aged(DAY_MS);
    account.snapshots = [];
    expect(await report()).toMatchObject({ outcome: 'unverified', overdue: true });

    account.fails = (call) => call === 'snapshotsOf';
    expect(await report()).toMatchObject({ outcome: 'putOff', overdue: true });
  });

  it.each(['available', 'failed'] as const)('is so no longer once it is settled (%s)', async (state) => {
    aged(DAY_MS, { state });

    expect(await report()).not.toHaveProperty('overdue');
  });
});

describe('sweep', () => {
  it('settles all copies that are not announced, once', async () => {
    await sweepAll();
    expect(announced()).toEqual(['ami-01', 'ami-02', 'ami-03']);

    expect(await sweepAll()).toEqual({
      copies: [],
      remaining: 0,
      removedSnapshots: [],
      dangling: [],
      reconciled: { asked: [], remaining: 0 },
      errors: [],
    });
    expect(announced()).toHaveLength(3);
  });

  it('removes the snapshots that failed copies left behind', async () => {
    account.failedSnapshots = ['snap-0f'];

    expect(await sweepAll()).toMatchObject({ removedSnapshots: ['snap-0f'] });
    expect(account.failedSnapshots).toEqual([]);
  });

  it('finds parameters that point to an image that is gone', async () => {
    account.parameters.set('/image-copier/old', 'ami-0gone');

    expect(await sweepAll()).toMatchObject({ dangling: ['/image-copier/old'] });
  });

  it.each([
    ['findOpen', { copies: [], removedSnapshots: ['snap-0f'], dangling: ['/image-copier/old'] }],
    ['removeFailedSnapshots', { removedSnapshots: [], dangling: ['/image-copier/old'] }],
    ['list', { removedSnapshots: ['snap-0f'], dangling: [] }],
    ['findLaunchable', { removedSnapshots: ['snap-0f'], dangling: [] }],
  ])('does all else where %s fails', async (failing, expected) => {
    account.failedSnapshots = ['snap-0f'];
    account.parameters.set('/image-copier/old', 'ami-0gone');
    account.fails = (call) => call === failing;

    const report = await sweepAll();

    expect(report).toMatchObject(expected);
    expect(report.errors.map(({ message }) => message)).toEqual([`${failing} failed`]);
    if (failing !== 'findOpen') expect(announced()).toHaveLength(3);
  });

  describe('with a gate', () => {
    const sourceOf = (day: number) => `ami-a${day}`;
    let sources: FakeSources;
    const sweepAtGate = async () => await sweep(settleContext(account, { gate: sources.gate() }), UNTIL_MS);
    const outcomes = async () => (await sweepAtGate()).copies.map(({ copy, outcome }) => `${copy} ${outcome}`);
    const pointsTo = () => account.parameters.get('/image-copier/ubuntu');

    beforeEach(async () => {
      account = new FakeAccount(...[1, 2, 3].map((day) => copyOf(day, { sourceImageId: sourceOf(day) })));
      sources = new FakeSources();
      await sweepAtGate();
      sources.calls.length = 0;
    });

    it('asks once for the sources of all copies that wait, however many', async () => {
      expect(await outcomes()).toEqual(['ami-01 unapproved', 'ami-02 unapproved', 'ami-03 unapproved']);
      expect(sources.calls).toEqual(['ami-a1,ami-a2,ami-a3 in eu-west-1']);
      expect(announced()).toHaveLength(3);
      expect(account.parameters).toEqual(new Map());
    });

    it.each([
      [[1, 2, 3], 3],
      [[3, 2, 1], 3],
      [[2, 1], 2],
      [[3, 1], 3],
    ])('points to the newest that is approved, in whatever order (%j)', async (order, newest) => {
      for (const day of order) {
        sources.approve(sourceOf(day));
        expect(await outcomes()).toContain(`ami-0${day} approved`);
      }
      expect(pointsTo()).toBe(`ami-0${newest}`);
      expect(account.approved.map(({ imageId }) => imageId)).toEqual(order.map((day) => `ami-0${day}`));
    });

    it('keeps those waiting whose sources cannot be read, and opens them once they can', async () => {
      sources.approve(sourceOf(2));
      sources.failure = new Error('slow down');
      const { copies } = await sweepAtGate();
      expect(copies.map(({ outcome, approvalError }) => [outcome, approvalError?.message])).toEqual(
        Array.from({ length: 3 }, () => ['unapproved', 'slow down']),
      );
      expect(account.parameters).toEqual(new Map());

      sources.failure = undefined;
      expect(await outcomes()).toContain('ami-02 approved');
      expect(pointsTo()).toBe('ami-02');
    });

    it('opens for all once there is no gate any more', async () => {
      await sweepAll();

      expect(pointsTo()).toBe('ami-03');
      expect((await sweepAll()).copies).toEqual([]);
    });

    it('asks nobody where no copy waits', async () => {
      for (const day of [1, 2, 3]) sources.approve(sourceOf(day));
      await sweepAtGate();
      sources.calls.length = 0;

      expect(await outcomes()).toEqual([]);
      expect(sources.calls).toEqual([]);
    });
  });

  it('looks for the rest although the time for copies is over', async () => {
    account.failedSnapshots = ['snap-0f'];

    expect(await sweepAll(NOW_MS)).toMatchObject({ copies: [], remaining: 3, removedSnapshots: ['snap-0f'] });
  });
});

describe('findDangling', () => {
  it('names the parameters of images that cannot be launched', async () => {
    account = new FakeAccount(copyOf(1), copyOf(2, { state: 'disabled' }));
    for (const day of [1, 2, 3]) account.parameters.set(`/image-copier/${day}`, `ami-0${day}`);

    expect(await findDangling(context())).toEqual(['/image-copier/2', '/image-copier/3']);
  });

  it('names a channel too', async () => {
    account = new FakeAccount(copyOf(1, { state: 'disabled' }), copyOf(2));
    account.parameters.set('/image-copier/ubuntu', 'ami-02');
    account.parameters.set('/image-copier/ubuntu/channels/prod', 'ami-01');

    expect(await findDangling(context())).toEqual(['/image-copier/ubuntu/channels/prod']);
  });

  it('asks EC2 nothing while there are no parameters', async () => {
    expect(await findDangling(context())).toEqual([]);
    expect(account.calls).toEqual(['list']);
  });
});
