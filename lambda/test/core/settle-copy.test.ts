import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CopySnapshot, OwnCopy } from '../../src/core/copy-inventory.ts';
import { parseCopyRequest } from '../../src/core/copy-request.ts';
import { RejectedError, ThrottledError, UncertainError } from '../../src/core/errors.ts';
import type { ImageState, SourceImages } from '../../src/core/image-catalogue.ts';
import type { SettleContext } from '../../src/core/settle-context.ts';
import {
  ACCOUNT,
  BAKED_AT,
  COPY,
  copyMarker,
  copyRequest,
  copySnapshot,
  copyTags,
  FakeAccount,
  FakeCatalogue,
  FakeSources,
  NOW_MS,
  ownCopy,
  PARAMETER,
  REGION,
  requestJson,
  settleContext,
  settleCopy,
  SNAPSHOTS,
  SOURCE_ACCOUNT,
  SOURCE_IMAGE,
  sourceImage,
  sourceMarks,
  target,
} from '../factories.ts';

const OTHER = 'ami-0eeeeeeeeeeeeeeee';
const OTHER_SNAPSHOT = 'snap-0eeeeeeeeeeeeeeee';
const QUARTER_MS = 15 * 60 * 1000;
const NOW = new Date(NOW_MS).toISOString();
const LATER = new Date(NOW_MS + QUARTER_MS).toISOString();
let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
});

/** Settles the copy as EC2 shows it at this moment; one that is gone is settled no more. */
async function settle(changes: Partial<SettleContext> = {}) {
  const copy = account.copy();
  return copy && (await settleCopy(copy, settleContext(account, changes)));
}

function untag(key: string): void {
  account.snapshots = account.snapshots.map((snapshot) =>
    snapshot.snapshotId === SNAPSHOTS[1]
      ? { ...snapshot, tags: snapshot.tags.filter((tag) => tag.key !== key) }
      : snapshot,
  );
}

/** A copy of another image of the same recipe. */
function otherCopy(bakedAt: string, changes: Partial<OwnCopy> = {}): OwnCopy {
  const marker = copyMarker({ bakedAt, announcement: { state: 'announced', settledAt: NOW } });
  return ownCopy({ imageId: OTHER, marker, snapshotIds: [OTHER_SNAPSHOT], ...changes });
}

const NEWER = '2026-11-23T22:10:00.001Z';
const OLDER = '2026-11-23T22:09:59.999Z';

describe('settleCopy of an available copy', () => {
  it('tells everybody what was copied', async () => {
    expect(await settle()).toEqual({ kind: 'settled', parameter: PARAMETER, copySeconds: 600 });
    expect(account.announced).toEqual([
      {
        sourceAmi: SOURCE_IMAGE,
        sourceRegion: REGION,
        account: ACCOUNT,
        region: REGION,
        imageId: COPY,
        name: requestJson.name,
        kmsKeyArn: target.kmsKeyArn,
        snapshotIds: SNAPSHOTS,
        unencryptedDevices: [],
        tags: { ...requestJson.tags, Encrypted: 'true', CopiedFromAMI: SOURCE_IMAGE },
        startedAt: '2026-11-23T23:50:00.000Z',
        settledAt: NOW,
        attempt: 1,
        withinMinutes: null,
        parameter: PARAMETER,
        parameterReason: null,
        reason: null,
      },
    ]);
    expect(account.parameters).toEqual(new Map([[PARAMETER, COPY]]));
    expect(account.copy()?.marker).toEqual(copyMarker({ announcement: { state: 'announced', settledAt: NOW } }));
  });

  const STEPS = [
    'snapshotsOf',
    `mark announcing ${COPY}`,
    'tagSnapshots',
    'getAll',
    'findSettled',
    `put ${COPY}`,
    'getAll',
    `announce ${COPY}`,
    `mark announced ${COPY}`,
  ];

  it('verifies, decides, points the parameter to it, announces, and notes that last', async () => {
    untag('Recipe');
    await settle();

    expect(account.calls).toEqual(STEPS);
  });

  describe.each([
    ['fails', false],
    ['is carried out, and its answer is lost', true],
  ])('where a call %s', (_what, loseAnswers) => {
    it.each(STEPS.map((step, index) => [index + 1, step] as const))('goes on after call %d, %s', async (failing) => {
      untag('Recipe');
      account.loseAnswers = loseAnswers;
      account.fails = (_call, count) => count === failing;
      await expect(settle()).rejects.toThrow(`${STEPS[failing - 1] ?? ''} failed`);
      const decidedBefore = account.copy()?.marker.announcement?.settledAt;
      if (failing < STEPS.indexOf(`announce ${COPY}`) + 1) expect(account.announced).toEqual([]);

      account.nowMs += QUARTER_MS;
      await settle();

      const settledAt = decidedBefore ?? LATER;
      expect(account.copy()?.marker.announcement).toEqual({ state: 'announced', settledAt });
      expect(new Set(account.announced.map((result) => JSON.stringify(result))).size).toBe(1);
      expect(account.announced[0]).toMatchObject({ imageId: COPY, settledAt, reason: null });
      expect(account.parameters).toEqual(new Map([[PARAMETER, COPY]]));
      expect(account.snapshots.every(({ tags }) => tags.some(({ key }) => key === 'Recipe'))).toBe(true);
    });

    it('decides once', async () => {
      account.loseAnswers = loseAnswers;
      account.fails = (call) => call.startsWith('announce');
      for (let sweeps = 0; sweeps < 4; sweeps += 1) {
        await expect(settle()).rejects.toThrow('announce');
        account.nowMs += QUARTER_MS;
      }
      account.fails = () => false;
      await settle();

      expect(new Set(account.announced.map((result) => result.settledAt))).toEqual(new Set([NOW]));
    });
  });

  it('does nothing for a copy that is announced', async () => {
    account = new FakeAccount(
      ownCopy({ marker: copyMarker({ announcement: { state: 'announced', settledAt: NOW } }) }),
    );

    expect(await settle()).toEqual({ kind: 'known' });
    expect(account.calls).toEqual([]);
  });

  it('verifies it against the key that it was ordered under, whatever the key is by now', async () => {
    const kmsKeyArn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/earlier`;
    account = new FakeAccount(ownCopy({ marker: copyMarker({ keyId: 'earlier' }) }));
    account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, kmsKeyArn }));

    expect(await settle()).toMatchObject({ kind: 'settled' });
    expect(account.announced).toMatchObject([{ kmsKeyArn }]);
  });

  describe('with empty volumes', () => {
    const blank = ownCopy({ unencryptedBlanks: ['/dev/xvdcz'] });

    it('is announced with the devices that EC2 leaves unencrypted', async () => {
      account = new FakeAccount(blank);

      expect(await settle()).toMatchObject({ kind: 'settled', unencryptedDevices: ['/dev/xvdcz'] });
      expect(account.announced).toMatchObject([{ snapshotIds: SNAPSHOTS, unencryptedDevices: ['/dev/xvdcz'] }]);
    });

    it('is announced without them where the account encrypts by default', async () => {
      account = new FakeAccount(blank);
      account.isEncryptingByDefault = true;

      expect(await settle()).not.toHaveProperty('unencryptedDevices');
      expect(account.announced).toMatchObject([{ unencryptedDevices: [] }]);
    });
  });

  describe('of an image that is deprecated some day', () => {
    const SOME_DAY = '2028-11-23T22:10:00.000Z';
    const MINUTE_LATER = new Date(NOW_MS + 60_000).toISOString();
    let catalogue: FakeCatalogue;
    let sources: { findSources: jest.Mock<SourceImages['findSources']> };

    beforeEach(() => {
      catalogue = new FakeCatalogue();
      catalogue.source = sourceImage({ deprecatesAt: SOME_DAY });
      sources = {
        findSources: jest.fn(async ([id = '']: readonly string[]) => {
          const source = await catalogue.findSource();
          return new Map(source ? [[id, source]] : []);
        }),
      };
    });

    it('is deprecated then too, before it is announced', async () => {
      expect(await settle({ sources })).toMatchObject({ kind: 'settled', deprecatesAt: SOME_DAY });
      expect(account.copy()?.deprecatesAt).toBe(SOME_DAY);
      expect(account.calls.slice(-3)).toEqual([`deprecate ${COPY}`, `announce ${COPY}`, `mark announced ${COPY}`]);
      expect(sources.findSources.mock.calls).toEqual([[[SOURCE_IMAGE], REGION]]);
    });

    it.each([
      ['long ago', '2020-01-01T00:00:00.000Z', MINUTE_LATER],
      ['within the minute', new Date(NOW_MS + 59_999).toISOString(), MINUTE_LATER],
      ['after a minute', new Date(NOW_MS + 60_001).toISOString(), new Date(NOW_MS + 60_001).toISOString()],
    ])('is deprecated as soon as EC2 allows where the image is so %s', async (_when, deprecatesAt, expected) => {
      catalogue.source = sourceImage({ deprecatesAt });

      expect(await settle({ sources })).toMatchObject({ deprecatesAt: expected });
      expect(account.copy()?.deprecatesAt).toBe(expected);
    });

    it.each([
      ['the image is not deprecated', sourceImage()],
      ['the image is shared no more', undefined],
    ])('is not deprecated where %s', async (_why, source) => {
      catalogue.source = source;
      const outcome = await settle({ sources });

      expect(outcome).toMatchObject({ kind: 'settled' });
      expect(outcome).not.toHaveProperty('deprecatesAt');
      expect(outcome).not.toHaveProperty('notDeprecated');
      expect(account.calls).not.toContain(`deprecate ${COPY}`);
    });

    it('is not deprecated unless that is asked for', async () => {
      expect(await settle()).not.toHaveProperty('deprecatesAt');
      expect(account.calls).not.toContain(`deprecate ${COPY}`);
    });

    it('keeps the time that it has', async () => {
      account = new FakeAccount(ownCopy({ deprecatesAt: MINUTE_LATER }));

      expect(await settle({ sources })).toMatchObject({ kind: 'settled', deprecatesAt: MINUTE_LATER });
      expect(account.copy()?.deprecatesAt).toBe(MINUTE_LATER);
      expect(sources.findSources).not.toHaveBeenCalled();
    });

    it('waits for what may work later, without being announced', async () => {
      sources.findSources.mockRejectedValueOnce(new ThrottledError('RequestLimitExceeded', 'slow down'));
      await expect(settle({ sources })).rejects.toThrow('slow down');
      expect(account.announced).toEqual([]);
      expect(account.parameters).toEqual(new Map([[PARAMETER, COPY]]));

      account.nowMs += QUARTER_MS;
      expect(await settle({ sources })).toMatchObject({ kind: 'settled', deprecatesAt: SOME_DAY });
      expect(account.announced).toMatchObject([{ settledAt: NOW }]);
    });

    it.each([
      ['a right is missing', new UncertainError('UnauthorizedOperation', 'not authorized')],
      ['EC2 refuses the time', new RejectedError('InvalidParameterValue', 'not authorized')],
    ])('is announced all the same where %s, and says so', async (_why, error) => {
      sources.findSources.mockRejectedValue(error);

      expect(await settle({ sources })).toMatchObject({ kind: 'settled', notDeprecated: 'not authorized' });
      expect(account.announced).toHaveLength(1);
      expect(account.copy()?.marker.announcement?.state).toBe('announced');
    });
  });

  describe('that is not verified', () => {
    const KEY = 'arn:aws:kms:eu-west-1:222222222222:key/other';
    const [first = '', second = ''] = SNAPSHOTS;
    const sound = copySnapshot({ snapshotId: first });

    it.each([
      ['no snapshot is shown', ownCopy({ snapshotIds: [] }), [], 'EC2 shows no snapshot of it.'],
      ['a snapshot is missing', ownCopy(), [sound], `EC2 does not show ${second}.`],
      [
        'a snapshot is not encrypted',
        ownCopy(),
        [sound, copySnapshot({ snapshotId: second, encrypted: false })],
        `${second} is not encrypted.`,
      ],
      [
        'a snapshot is encrypted under another key',
        ownCopy(),
        [sound, copySnapshot({ snapshotId: second, kmsKeyArn: KEY })],
        `${second} is encrypted under ${KEY}, not under ${target.kmsKeyArn}.`,
      ],
      [
        'a snapshot is under the key of now, and was ordered under an earlier one',
        ownCopy({ marker: copyMarker({ keyId: 'other' }) }),
        [sound, copySnapshot({ snapshotId: second })],
        `${first} is encrypted under ${target.kmsKeyArn}, not under ${KEY}.`,
      ],
      [
        'EC2 names no key',
        ownCopy(),
        [{ snapshotId: first, encrypted: true, tags: copyTags() }],
        `${first} is encrypted under no known key, not under ${target.kmsKeyArn}.`,
      ],
    ])('announces nothing where %s', async (_what, copy, snapshots, reason) => {
      account = new FakeAccount(copy);
      account.snapshots = snapshots;

      expect(await settle()).toEqual({ kind: 'unverified', reason });
      expect(account.calls).toEqual(['snapshotsOf']);
    });

    it('announces nothing although its announcement was decided', async () => {
      account = new FakeAccount(
        ownCopy({ marker: copyMarker({ announcement: { state: 'announcing', settledAt: NOW } }) }),
      );
      account.snapshots = [sound];

      expect(await settle()).toMatchObject({ kind: 'unverified' });
      expect(account.announced).toEqual([]);
    });
  });

  describe('with tags on its snapshots', () => {
    const [, second = ''] = SNAPSHOTS;
    const tagsOf = (snapshotId: string) => account.snapshots.find((each) => each.snapshotId === snapshotId)?.tags;

    it('leaves complete ones alone, whatever else they hold', async () => {
      account.snapshots = account.snapshots.map((snapshot) => ({
        ...snapshot,
        tags: [...snapshot.tags, { key: 'Backup', value: 'yes' }],
      }));

      expect(await settle()).not.toHaveProperty('repairedSnapshots');
      expect(account.calls).not.toContain('tagSnapshots');
    });

    it.each(['Recipe', 'Encrypted', 'CopiedFromAMI', 'ImageCopier'])('adds %s where it is missing', async (key) => {
      untag(key);

      expect(await settle()).toMatchObject({ kind: 'settled', repairedSnapshots: [second] });
      const marker = copyMarker({ announcement: { state: 'announced', settledAt: NOW } });
      expect(tagsOf(second)).toEqual(expect.arrayContaining(copyTags(marker)));
    });

    it('is not content with the value in another tag', async () => {
      untag('Recipe');
      account.snapshots = account.snapshots.map((snapshot) => ({
        ...snapshot,
        tags: [...snapshot.tags, { key: 'Other', value: 'ubuntu' }],
      }));

      expect(await settle()).toMatchObject({ repairedSnapshots: [second] });
    });

    it('fixes a tag that was changed', async () => {
      untag('Recipe');
      account.snapshots = account.snapshots.map((snapshot) => ({
        ...snapshot,
        tags: [{ key: 'Recipe', value: 'windows' }, ...snapshot.tags.filter(({ key }) => key !== 'Recipe')],
      }));

      expect(await settle()).toMatchObject({ repairedSnapshots: SNAPSHOTS });
      expect(tagsOf(second)).toContainEqual({ key: 'Recipe', value: 'ubuntu' });
    });

    it('is not content with the marker in another tag', async () => {
      untag('ImageCopier');
      const value = `image-copier attempt=1 baked=${BAKED_AT}`;
      account.snapshots = account.snapshots.map((snapshot) => ({
        ...snapshot,
        tags: [...snapshot.tags, { key: 'Other', value }],
      }));

      expect(await settle()).toMatchObject({ repairedSnapshots: [second] });
    });

    it("takes another copier's marker for none", async () => {
      account.snapshots = account.snapshots.map((snapshot) => ({
        ...snapshot,
        tags: copyTags({ ...copyMarker(), copier: 'golden' }),
      }));

      expect(await settle()).toMatchObject({ repairedSnapshots: SNAPSHOTS });
    });

    it('marks what it repairs as announced: its role may delete nothing that is marked so', async () => {
      untag('ImageCopier');
      await settle();

      expect(tagsOf(second)).toContainEqual({
        key: 'ImageCopier',
        value: `image-copier announced=${NOW} attempt=1 baked=${BAKED_AT}`,
      });
    });

    it('asks of snapshots none of the shared tags, which only images have', async () => {
      const sharedTag = { key: 'ec2:SharedTag/Recipe', value: 'ubuntu' };
      account = new FakeAccount(ownCopy({ tags: [sharedTag, ...copyTags()] }));
      account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, tags: copyTags() }));

      expect(await settle()).not.toHaveProperty('repairedSnapshots');
      expect(account.announced[0]?.tags).toHaveProperty([sharedTag.key], 'ubuntu');
    });

    it('repairs snapshots without the shared tags', async () => {
      account = new FakeAccount(ownCopy({ tags: [{ key: 'ec2:SharedTag/Recipe', value: 'ubuntu' }, ...copyTags()] }));
      account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, tags: copyTags() }));
      untag('Recipe');

      expect(await settle()).toMatchObject({ repairedSnapshots: [second] });
      expect(tagsOf(second)?.map(({ key }) => key)).not.toContain('ec2:SharedTag/Recipe');
    });

    it("keeps a tag that has AWS's prefix further on", async () => {
      account = new FakeAccount(ownCopy({ tags: [{ key: 'my-aws:a', value: 'b' }, ...copyTags()] }));
      await settle();

      expect(account.announced[0]?.tags).toHaveProperty(['my-aws:a'], 'b');
    });

    it.each(['aws:dlm:managed', 'AWS:dlm:managed'])("leaves AWS's own tag %s to AWS", async (key) => {
      const marker = copyMarker();
      account = new FakeAccount(ownCopy({ tags: [{ key, value: 'true' }, ...copyTags(marker)] }));
      account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, tags: copyTags(marker) }));

      expect(await settle()).not.toHaveProperty('repairedSnapshots');
      expect(account.announced[0]?.tags).not.toHaveProperty([key]);
    });
  });
});

describe("the recipe's parameter", () => {
  /** Settles the copy beside others, with a parameter that points to `current`. */
  async function settleBeside(others: readonly OwnCopy[], current?: string) {
    account = new FakeAccount(ownCopy(), ...others);
    if (current !== undefined) account.parameters.set(PARAMETER, current);
    const outcome = await settle();
    expect(outcome?.kind).toBe('settled');
    return outcome?.parameter;
  }
  const pointsTo = () => account.parameters.get(PARAMETER);
  const isPut = () => account.calls.some((call) => call.startsWith('put'));

  it.each([
    ['without a recipe', [], 'There is no tag Recipe.'],
    ['that cannot be a name', [{ key: 'Recipe', value: 'a b' }], 'The value of the tag Recipe, "a b", cannot end'],
    [
      "that is a channel's name",
      [{ key: 'Recipe', value: 'ubuntu/channels/prod' }],
      'The value of the tag Recipe, "ubuntu/channels/prod", gives no parameter of its own',
    ],
  ])('is not there for a copy %s, and log and result say so', async (_what, tags, reason) => {
    account = new FakeAccount(ownCopy({ tags }));

    expect(await settle()).toEqual(
      expect.objectContaining({ kind: 'settled', parameter: expect.stringContaining(`none: ${reason}`) as unknown }),
    );
    expect(account.calls).not.toContain('getAll');
    expect(account.announced).toEqual([
      expect.objectContaining({ parameter: null, parameterReason: expect.stringContaining(reason) as unknown }),
    ]);
  });

  it('has more levels for a recipe with slashes', async () => {
    account = new FakeAccount(ownCopy({ tags: [{ key: 'Recipe', value: 'linux/ubuntu' }] }));
    await settle();

    expect(account.parameters).toEqual(new Map([['/image-copier/linux/ubuntu', COPY]]));
    expect(account.announced).toMatchObject([{ parameter: '/image-copier/linux/ubuntu', parameterReason: null }]);
  });

  it('is named by the path and the tag that are configured', async () => {
    await settle({ parameterPath: '/golden/images', recipeTag: 'AmigoStage' });

    expect(account.parameters).toEqual(new Map([['/golden/images/PROD', COPY]]));
  });

  it('moves forward', async () => {
    expect(await settleBeside([otherCopy(OLDER)], OTHER)).toBe(PARAMETER);
    expect(pointsTo()).toBe(COPY);
  });

  it.each([
    ['announced', 'announced'],
    ['decided', 'announcing'],
  ] as const)('stays at a newer copy that is %s', async (_what, state) => {
    const marker = copyMarker({ bakedAt: NEWER, announcement: { state, settledAt: NOW } });

    expect(await settleBeside([otherCopy(NEWER, { marker })], OTHER)).toBe(`none: ${OTHER} is of a newer image`);
    expect(isPut()).toBe(false);
  });

  it.each([
    ['that could not set it yet', undefined],
    ['where AWS has stored the value of an older one late', COPY],
  ])('is set for a newer copy %s', async (_what, current) => {
    expect(await settleBeside([otherCopy(NEWER)], current)).toBe(`none: ${OTHER} is of a newer image`);
    expect(pointsTo()).toBe(OTHER);
  });

  it('stays at a newer copy that EC2 does not list by its tags yet', async () => {
    account = new FakeAccount(ownCopy(), otherCopy(NEWER));
    account.unlisted.push(OTHER);
    account.parameters.set(PARAMETER, OTHER);

    expect(await settle()).toMatchObject({ kind: 'settled', parameter: `none: ${OTHER} is of a newer image` });
    expect(pointsTo()).toBe(OTHER);
  });

  it.each([
    ['is not settled', otherCopy(NEWER, { marker: copyMarker({ bakedAt: NEWER }) })],
    ['is disabled', otherCopy(NEWER, { state: 'disabled' })],
    ['is of another recipe', otherCopy(NEWER, { tags: [{ key: 'Recipe', value: 'windows' }] })],
    ['was baked at the same time', otherCopy(BAKED_AT)],
  ])('does not wait for a copy that %s', async (_what, other) => {
    expect(await settleBeside([other])).toBe(PARAMETER);
    expect(pointsTo()).toBe(COPY);
  });

  it('leaves a newer copy that cannot be launched any more', async () => {
    await settleBeside([otherCopy(NEWER, { state: 'disabled' })], OTHER);

    expect(pointsTo()).toBe(COPY);
  });

  describe('beside a newer copy whose marker was set by hand', () => {
    const change = (changes: Partial<CopySnapshot>) => {
      account.snapshots = account.snapshots.map((snapshot) =>
        snapshot.snapshotId === OTHER_SNAPSHOT ? { ...snapshot, ...changes } : snapshot,
      );
    };

    beforeEach(() => {
      account = new FakeAccount(ownCopy(), otherCopy(NEWER));
      account.parameters.set(PARAMETER, OTHER);
    });

    it.each([
      ['under another key', { kmsKeyArn: `${target.kmsKeyArn}0` }],
      ['not encrypted', { encrypted: false }],
    ])('takes its place where its snapshot is %s', async (_what, changes) => {
      change(changes);

      expect(await settle()).toMatchObject({ kind: 'settled', parameter: PARAMETER });
      expect(pointsTo()).toBe(COPY);
    });

    it('does not go back because EC2 does not show its snapshot at the moment', async () => {
      account.snapshots = account.snapshots.filter(({ snapshotId }) => snapshotId !== OTHER_SNAPSHOT);

      expect(await settle()).toMatchObject({ kind: 'settled', parameter: `none: ${OTHER} is of a newer image` });
      expect(pointsTo()).toBe(OTHER);
    });
  });

  it('leaves a newer copy that is not verified, though it points to it', async () => {
    await settleBeside([otherCopy(NEWER, { marker: copyMarker({ bakedAt: NEWER }) })], OTHER);

    expect(pointsTo()).toBe(COPY);
  });

  it("takes the place of an image that is no copy of this copier's", async () => {
    await settleBeside([], 'ami-0123');

    expect(pointsTo()).toBe(COPY);
  });

  it('is not written where it is right', async () => {
    expect(await settleBeside([otherCopy(OLDER)], COPY)).toBe(PARAMETER);
    expect(isPut()).toBe(false);
  });

  it('compares times, not texts', async () => {
    await settleBeside([otherCopy('2026-11-23T22:10:00Z')], OTHER);

    expect(pointsTo()).toBe(COPY);
  });

  it('is read until AWS has stored it', async () => {
    account.readsUntilStored = 10;

    expect(await settle()).toMatchObject({ kind: 'settled' });
    expect(account.calls.filter((call) => call === 'getAll')).toHaveLength(11);
    expect(account.nowMs).toBe(NOW_MS + 50 + 100 + 200 + 400 + 5 * 800);
  });

  it('holds back the announcement while AWS has not stored it', async () => {
    account.readsUntilStored = 11;

    await expect(settle()).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'ParameterNotStored',
      message: `AWS took ${COPY} for ${PARAMETER}, but has not stored it.`,
    });
    expect(account.announced).toEqual([]);
    expect(account.copy()?.marker.announcement?.state).toBe('announcing');
    await settle();
    expect(account.announced).toHaveLength(1);
  });

  it.each([
    ['in order', ['old', 'new']],
    ['out of order', ['new', 'old']],
  ])('ends at the newest of copies that finish %s', async (_what, order) => {
    const copies = { old: ownCopy(), new: otherCopy(NEWER, { marker: copyMarker({ bakedAt: NEWER }) }) };
    copies.new = { ...copies.new, snapshotIds: ['snap-new'] };
    account = new FakeAccount(copies.old, copies.new);
    for (const name of order) await settleCopy(copies[name as keyof typeof copies], settleContext(account));

    expect(pointsTo()).toBe(OTHER);
    expect(account.announced).toHaveLength(2);
  });
});

describe('settleCopy of a failed copy', () => {
  const failed = (attempt: number, changes: Partial<OwnCopy> = {}) =>
    ownCopy({ state: 'failed', stateReason: 'Client.InternalError: key', marker: copyMarker({ attempt }), ...changes });
  const byName = (a: { key: string }, b: { key: string }) => a.key.localeCompare(b.key);
  function readRequest(body: string | undefined) {
    const request = parseCopyRequest(body ?? '');
    return { ...request, tags: request.tags.toSorted(byName) };
  }
  const original = (attempt: number) =>
    copyRequest({
      targetAccounts: [ACCOUNT],
      tags: copyRequest().tags.toSorted(byName),
      retry: { attempt, after: COPY },
    });

  describe.each([1, 2])('at attempt %d', (attempt) => {
    beforeEach(() => {
      account = new FakeAccount(failed(attempt));
    });

    it('enqueues the same request again, later, and after this one', async () => {
      expect(await settle()).toEqual({ kind: 'failed', reason: 'Client.InternalError: key', retryInSeconds: 300 });
      expect(account.enqueued).toEqual([{ body: expect.any(String) as unknown, delaySeconds: 300 }]);
      expect(readRequest(account.enqueued[0]?.body)).toEqual(original(attempt + 1));
      expect(account.deadLetters).toEqual([]);
      expect(account.announced).toEqual([]);
    });

    it('is asked for once more alone, however often EC2 refuses to remove it', async () => {
      account.fails = (call, count) => call === `remove ${COPY}` && count < 5;

      await expect(settle()).rejects.toThrow(`remove ${COPY} failed`);
      await expect(settle()).rejects.toThrow(`remove ${COPY} failed`);
      await settle();

      expect(account.enqueued).toHaveLength(1);
      expect(account.copy()).toBeUndefined();
    });

    it('enqueues before it removes the image, which carries the request until then', async () => {
      await settle();

      expect(account.calls).toEqual(['enqueue', `remove ${COPY}`]);
      expect(account.copies).toEqual([]);
      expect(account.snapshots).toEqual([]);
    });

    it.each([
      ['enqueueing fails', 1, false, 1],
      ['the answer to enqueueing is lost', 1, true, 2],
      ['removing fails', 2, false, 1],
      ['the answer to removing is lost', 2, true, 1],
    ])('loses no request where %s', async (_what, failing, loseAnswers, requests) => {
      account.loseAnswers = loseAnswers;
      account.fails = (_call, count) => count === failing;
      await expect(settle()).rejects.toThrow('failed');
      await settle();

      expect(account.copies).toEqual([]);
      expect(account.enqueued).toHaveLength(requests);
      expect(new Set(account.enqueued.map(({ body }) => body)).size).toBe(1);
    });
  });

  describe('at the last attempt', () => {
    const STEPS = ['deadLetter', `mark announcing ${COPY}`, `announce ${COPY}`, `remove ${COPY}`];

    beforeEach(() => {
      account = new FakeAccount(failed(3));
    });

    it('gives up in sight of all: a dead letter, an announcement', async () => {
      expect(await settle()).toEqual({ kind: 'givenUp', reason: 'Client.InternalError: key' });
      expect(account.calls).toEqual(STEPS);
      expect(account.deadLetters).toEqual([
        {
          body: expect.any(String) as unknown,
          reason: { code: 'CopyFailed', message: 'EC2 failed to copy it 3 times. Client.InternalError: key' },
          requestedAtMs: NOW_MS - 600_000,
          attempt: 3,
        },
      ]);
      expect(account.announced).toEqual([
        expect.objectContaining({ imageId: COPY, attempt: 3, settledAt: NOW, reason: 'Client.InternalError: key' }),
      ]);
      expect(account.enqueued).toEqual([]);
      expect(account.copies).toEqual([]);
    });

    it('leaves a letter that starts afresh when it is redriven', async () => {
      await settle();

      expect(readRequest(account.deadLetters[0]?.body)).toEqual(original(1));
    });

    it('leaves one letter, however often its announcement fails', async () => {
      account.fails = (call) => call.startsWith('announce');
      for (let sweeps = 0; sweeps < 4; sweeps += 1) await expect(settle()).rejects.toThrow('announce');

      expect(account.deadLetters).toHaveLength(1);
      expect(account.copies).toHaveLength(1);
    });

    it('never sets the parameter', async () => {
      await settle();

      expect(account.parameters.size).toBe(0);
    });

    it.each(STEPS.flatMap((step, index) => [false, true].map((lose) => [step, lose, index + 1] as const)))(
      'ends the same where "%s" is interrupted (carried out: %s)',
      async (_step, loseAnswers, failing) => {
        account.loseAnswers = loseAnswers;
        account.fails = (_call, count) => count === failing;
        await expect(settle()).rejects.toThrow('failed');
        const decidedBefore = account.copy()?.marker.announcement?.settledAt;
        account.nowMs += QUARTER_MS;
        await settle();

        expect(account.copies).toEqual([]);
        expect(new Set(account.deadLetters.map(({ body }) => body)).size).toBe(1);
        const settledAt = failing === STEPS.length ? NOW : (decidedBefore ?? LATER);
        expect(new Set(account.announced.map((result) => result.settledAt))).toEqual(new Set([settledAt]));
      },
    );
  });

  it.each([
    ['failed', 1],
    ['givenUp', 3],
  ])('names the snapshots that EC2 would not delete: %s', async (kind, attempt) => {
    account = new FakeAccount(failed(attempt));
    account.undeletable = ['snap-1'];

    expect(await settle()).toMatchObject({ kind, undeletedSnapshots: ['snap-1'] });
  });

  it('asks for the next try in the same hurry, and says in the end how much that was', async () => {
    const hurried = { marker: copyMarker({ attempt: 1, withinMinutes: 45 }) };
    account = new FakeAccount(failed(1, hurried));
    await settle();

    expect(readRequest(account.enqueued[0]?.body)).toMatchObject({ withinMinutes: 45 });

    account = new FakeAccount(failed(3, { marker: copyMarker({ attempt: 3, withinMinutes: 45 }) }));
    await settle();

    expect(account.announced).toMatchObject([{ withinMinutes: 45 }]);
  });

  it('counts no further than the last attempt', async () => {
    account = new FakeAccount(failed(9));

    expect(await settle()).toMatchObject({ kind: 'givenUp' });
  });

  it.each(['failed', 'error', 'invalid'] as const)('says so where EC2 gives no reason for %s', async (state) => {
    const { stateReason, ...copy } = failed(1, { state });
    account = new FakeAccount(copy);

    expect(stateReason).toBeDefined();
    expect(await settle()).toMatchObject({ kind: 'failed', reason: `EC2 gives no reason; the image is ${state}.` });
  });
});

describe('settleCopy of any other copy', () => {
  it.each<ImageState>(['pending', 'transient', 'deregistered', 'disabled'])('waits while it is %s', async (state) => {
    account = new FakeAccount(ownCopy({ state }));

    expect(await settle()).toEqual({ kind: 'waiting' });
    expect(account.calls).toEqual([]);
  });
});

describe('a copy of a revoked image', () => {
  const REVOKED = { kind: 'revoked', at: '2026-11-23T23:00:00.000Z', reason: 'CVE-2026-1' } as const;
  const end = { state: 'revoked', at: REVOKED.at } as const;

  it('is marked and disabled, and never announced', async () => {
    const account = new FakeAccount();
    account.ended.ends.set(SOURCE_IMAGE, REVOKED);
    expect(await settleCopy(ownCopy(), settleContext(account))).toEqual({ kind: 'revoked', reason: 'CVE-2026-1' });
    expect(account.copy()).toMatchObject({ state: 'disabled', marker: { end, announcement: { state: 'announcing' } } });
    expect(account.announced).toEqual([]);
    expect(account.parameters.size).toBe(0);
  });

  it('is asked for after the mark: a revocation that comes later finds a copy that is being announced', async () => {
    const account = new FakeAccount();
    const context = settleContext(account);
    const findAll = async (sourceImageIds: readonly string[]) => {
      expect(account.copy()?.marker.announcement?.state).toBe('announcing');
      return await account.ended.findAll(sourceImageIds);
    };
    const ended = { findAll, find: () => Promise.reject(new Error('is asked for all of them at once')) };
    expect(await settleCopy(ownCopy(), { ...context, ended })).toMatchObject({ kind: 'settled' });
    expect.assertions(2);
  });

  it('that was revoked while EC2 made it is disabled once it is available', async () => {
    const copy = ownCopy({ marker: copyMarker({ end }) });
    const account = new FakeAccount(copy);
    expect(await settleCopy(copy, settleContext(account))).toEqual({ kind: 'revoked' });
    expect(account.calls).toEqual([`disable ${copy.imageId}`]);
  });

  // EC2's event of its being enabled wakes settle-copy before unrevoke has taken the mark away.
  it('stays enabled while its revocation is being taken back', async () => {
    const copy = ownCopy({ marker: copyMarker({ end }) });
    const account = new FakeAccount(copy);
    account.ended.ends.set(SOURCE_IMAGE, { ...REVOKED, kind: 'unrevoked' });
    expect(await settleCopy(copy, settleContext(account))).toEqual({ kind: 'known' });
    expect(account.calls).toEqual([]);
  });

  it.each([
    ['is pending', 'pending', end],
    ['has failed', 'failed', end],
    ['is disabled', 'disabled', end],
    ['is retired', 'available', { state: 'retired', at: REVOKED.at }],
  ] as const)('is left as it is if it %s', async (_what, state, is) => {
    const copy = ownCopy({ state, marker: copyMarker({ end: is }) });
    const account = new FakeAccount(copy);
    expect(await settleCopy(copy, settleContext(account))).toEqual({ kind: 'known' });
    expect(account.calls).toEqual([]);
  });

  it('is no newer copy for a parameter', async () => {
    const marker = copyMarker({
      bakedAt: '2026-11-24T00:00:00.000Z',
      announcement: { state: 'announced', settledAt: '2026-11-24T00:00:00.000Z' },
      end,
    });
    const account = new FakeAccount(ownCopy(), ownCopy({ imageId: 'ami-0b', marker, snapshotIds: ['snap-b'] }));
    expect(await settleCopy(ownCopy(), settleContext(account))).toMatchObject({ kind: 'settled' });
    expect(account.parameters.get(PARAMETER)).toBe(COPY);
  });
});

describe('settleCopy with a gate', () => {
  const WAITS =
    `It waits for the approval of its source image ${SOURCE_IMAGE} in ${REGION}, ` +
    `which needs the watermark approved of ${SOURCE_ACCOUNT}.`;
  const watermarksOf = (imageId: string) => [{ key: `${SOURCE_ACCOUNT}:approved`, imageId }];
  let sources: FakeSources;
  const settleAtGate = () => settle({ gate: sources.gate() });
  /** Announces the copy, and leaves it before the gate. */
  async function reachGate(): Promise<void> {
    await settleAtGate();
    account.calls.length = 0;
    sources.calls.length = 0;
  }

  beforeEach(() => {
    sources = new FakeSources();
  });

  it('points the parameter to a copy of an approved image at once', async () => {
    sources.approve();

    expect(await settleAtGate()).toEqual({ kind: 'settled', parameter: PARAMETER, copySeconds: 600 });
    expect(account.announced).toMatchObject([{ parameter: PARAMETER, parameterReason: null }]);
    expect(account.copy()?.marker.announcement).toEqual({ state: 'announced', settledAt: NOW });
    expect(sources.calls).toEqual([`${SOURCE_IMAGE} in ${REGION}`]);
  });

  it('asks for nothing where the copy has the watermark itself', async () => {
    account = new FakeAccount(ownCopy({ watermarks: watermarksOf(SOURCE_IMAGE) }));

    expect(await settleAtGate()).toMatchObject({ kind: 'settled', parameter: PARAMETER });
    expect(sources.calls).toEqual([]);
  });

  it('announces a copy of an image that is not approved, and leaves the parameter alone', async () => {
    account.parameters.set(PARAMETER, OTHER);

    expect(await settleAtGate()).toEqual({
      kind: 'settled',
      parameter: `none: ${WAITS}`,
      sourceSeen: false,
      copySeconds: 600,
    });
    expect(account.announced).toMatchObject([{ imageId: COPY, parameter: null, parameterReason: WAITS, reason: null }]);
    expect(account.parameters).toEqual(new Map([[PARAMETER, OTHER]]));
    expect(account.copy()?.marker.announcement).toEqual({ state: 'announced', settledAt: NOW, unapproved: true });
  });

  it('lets a copy pass that can have no parameter', async () => {
    account = new FakeAccount(ownCopy({ tags: [] }));

    expect(await settleAtGate()).toMatchObject({ kind: 'settled', parameter: 'none: There is no tag Recipe.' });
    expect(account.copy()?.marker.announcement).not.toHaveProperty('unapproved');
    expect(sources.calls).toEqual([]);
  });

  it('waits where it cannot be read, and says why', async () => {
    sources.failure = new ThrottledError('RequestLimitExceeded', 'slow down');
    sources.approve();

    expect(await settleAtGate()).toMatchObject({ kind: 'settled', approvalError: sources.failure });
    expect(account.announced).toMatchObject([{ parameter: null, parameterReason: WAITS }]);
  });

  it('says the same where it has to announce twice, though the image was approved in between', async () => {
    account.fails = (call) => call === `mark announced ${COPY}`;
    await expect(settleAtGate()).rejects.toThrow('mark announced');
    account.fails = () => false;
    sources.approve();
    account.nowMs += QUARTER_MS;

    expect(await settleAtGate()).toMatchObject({ kind: 'settled', parameter: `none: ${WAITS}` });
    expect(account.announced).toHaveLength(2);
    expect(account.announced[1]).toEqual(account.announced[0]);
    expect(await settleAtGate()).toMatchObject({ kind: 'approved', parameter: PARAMETER });
  });

  describe('of a copy that waits', () => {
    beforeEach(reachGate);

    it('does nothing while its image is not approved', async () => {
      sources.marks = [sourceMarks()];

      expect(await settleAtGate()).toEqual({ kind: 'unapproved', reason: WAITS, sourceSeen: true });
      expect(account.calls).toEqual([]);
      expect(sources.calls).toEqual([`${SOURCE_IMAGE} in ${REGION}`]);
    });

    const STEPS = [
      'snapshotsOf',
      'getAll',
      'findSettled',
      `put ${COPY}`,
      'getAll',
      `announceApproval ${COPY}`,
      `mark announced ${COPY}`,
    ];

    it('verifies it again, points the parameter to it, tells everybody, and notes that last', async () => {
      sources.approve();

      expect(await settleAtGate()).toEqual({ kind: 'approved', parameter: PARAMETER });
      expect(account.calls).toEqual(STEPS);
      const [copied] = account.announced;
      expect(account.approved).toEqual([{ ...copied, parameter: PARAMETER, parameterReason: null }]);
      expect(account.announced).toHaveLength(1);
      expect(account.copy()?.marker.announcement).toEqual({ state: 'announced', settledAt: NOW });
      expect(await settleAtGate()).toEqual({ kind: 'known' });
    });

    it.each(STEPS.map((step, index) => [index + 1, step] as const))('goes on after call %d, %s', async (failing) => {
      sources.approve();
      account.fails = (_call, count) => count === failing;
      await expect(settleAtGate()).rejects.toThrow(`${STEPS[failing - 1] ?? ''} failed`);

      account.nowMs += QUARTER_MS;
      expect(await settleAtGate()).toMatchObject({ kind: 'approved', parameter: PARAMETER });
      expect(new Set(account.approved.map((result) => JSON.stringify(result))).size).toBe(1);
      expect(account.parameters).toEqual(new Map([[PARAMETER, COPY]]));
    });

    it('leaves the parameter to a newer copy that is approved', async () => {
      const newer = otherCopy(NEWER);
      account.copies.push(newer);
      account.snapshots.push(copySnapshot({ snapshotId: OTHER_SNAPSHOT }));
      account.parameters.set(PARAMETER, OTHER);
      sources.approve();

      expect(await settleAtGate()).toEqual({ kind: 'approved', parameter: `none: ${OTHER} is of a newer image` });
      expect(account.parameters).toEqual(new Map([[PARAMETER, OTHER]]));
    });

    it('passes over a newer copy that is not approved, also where somebody has pointed the parameter to it', async () => {
      const announcement = { state: 'announced', settledAt: NOW, unapproved: true } as const;
      const marker = copyMarker({ bakedAt: NEWER, announcement });
      account.copies.push(otherCopy(NEWER, { marker, sourceImageId: 'ami-0b' }));
      account.snapshots.push(copySnapshot({ snapshotId: OTHER_SNAPSHOT }));
      account.parameters.set(PARAMETER, OTHER);
      sources.approve();

      expect(await settleAtGate()).toEqual({ kind: 'approved', parameter: PARAMETER });
      expect(account.parameters).toEqual(new Map([[PARAMETER, COPY]]));
    });

    it.each<[what: string, approves: (image: string) => void]>([
      ['is approved', (image) => sources.marks.push(sourceMarks({ imageId: image, watermarks: watermarksOf(image) }))],
      ['cannot be read', () => (sources.failure = new ThrottledError('RequestLimitExceeded', 'slow down'))],
    ])('does not go back from a newer copy whose approval is not noted yet, and %s', async (_what, approves) => {
      const announcement = { state: 'announced', settledAt: NOW, unapproved: true } as const;
      const marker = copyMarker({ bakedAt: NEWER, announcement });
      account.copies.push(otherCopy(NEWER, { marker, sourceImageId: 'ami-0b' }));
      account.snapshots.push(copySnapshot({ snapshotId: OTHER_SNAPSHOT }));
      account.parameters.set(PARAMETER, OTHER);
      account.copies = account.copies.map((copy) =>
        copy.imageId === COPY ? { ...copy, watermarks: watermarksOf(SOURCE_IMAGE) } : copy,
      );
      approves('ami-0b');

      expect(await settleAtGate()).toEqual({ kind: 'approved', parameter: `none: ${OTHER} is of a newer image` });
      expect(account.parameters).toEqual(new Map([[PARAMETER, OTHER]]));
    });

    it('is not opened where it is no longer as it was verified', async () => {
      sources.approve();
      account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, encrypted: false }));

      expect(await settleAtGate()).toMatchObject({ kind: 'unverified' });
      expect(account.parameters).toEqual(new Map());
    });

    it('is not opened where its image was revoked', async () => {
      sources.approve();
      await account.ended.note(SOURCE_IMAGE, { kind: 'revoked', at: NOW, reason: 'bad' });

      expect(await settleAtGate()).toEqual({ kind: 'known' });
      expect(account.parameters).toEqual(new Map());
    });

    it('is left alone while it is disabled', async () => {
      sources.approve();
      account.copies = account.copies.map((copy) => ({ ...copy, state: 'disabled' }));

      expect(await settleAtGate()).toEqual({ kind: 'known' });
    });

    it('still waits where it is to go', async () => {
      const end = { state: 'asked', at: NOW, quarantineDays: 7 } as const;
      account.copies = account.copies.map((copy) => ({ ...copy, marker: { ...copy.marker, end } }));
      sources.approve();

      expect(await settleAtGate()).toMatchObject({ kind: 'approved' });
      expect(account.copy()?.marker).toMatchObject({ end, announcement: { state: 'announced', settledAt: NOW } });
    });
  });
});
