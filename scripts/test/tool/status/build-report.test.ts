import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../tool/common/in-environments.ts';
import type { Copier } from '../../../tool/common/environment.ts';
import {
  buildReport,
  imagesWithGaps,
  withSharing,
  type ReportInput,
  type SourceImage,
} from '../../../tool/status/build-report.ts';
import type { CopyInAccount, CopierFacts } from '../../../tool/status/copier-facts.ts';

const source = (imageId: string, hour: number, more: Partial<SourceImage> = {}): SourceImage => ({
  imageId,
  region: 'eu-west-1',
  name: imageId,
  bakedAt: `2026-11-23T${String(hour).padStart(2, '0')}:00:00.000Z`,
  recipe: 'ubuntu',
  ...more,
});
const OLD = source('ami-01', 1);
const NEW = source('ami-02', 2);

function copyOf({ imageId, bakedAt }: SourceImage, more: Partial<CopyInAccount> = {}): CopyInAccount {
  return {
    fact: {
      imageId: `copy-of-${imageId}`,
      sourceImageId: imageId,
      bakedAt,
      startedAt: bakedAt,
      settledAt: bakedAt,
      attempt: 1,
    },
    state: 'available',
    isOurs: true,
    recipe: 'ubuntu',
    size: { gib: 0, by: 'full' },
    ...more,
  };
}

function unsettled(image: SourceImage, more: Partial<CopyInAccount> = {}): CopyInAccount {
  const { imageId, bakedAt } = image;
  return {
    ...copyOf(image, more),
    fact: { imageId: `copy-of-${imageId}`, sourceImageId: imageId, bakedAt, startedAt: bakedAt, attempt: 1 },
  };
}

const copierIn = (accountId: string, region = 'eu-west-1') =>
  ({
    ...{ accountId, account: accountId, region, labels: {} },
    ...{ parameterPath: '/image-copier', recipeTag: 'Recipe' },
  }) as Copier;

function inAccount(facts: Partial<CopierFacts>, at = copierIn('222222222222')): Outcome<CopierFacts> {
  return { copier: at, value: { copies: [], channels: [], failures: [], ...facts } };
}

type Sharing = Parameters<typeof withSharing>[1];

function stateOf(
  outcome: Outcome<CopierFacts>,
  { sharedWith = new Map(), ...more }: Partial<ReportInput> & { sharedWith?: Sharing } = {},
) {
  const report = buildReport({
    readAt: '2026-11-24T00:00:00.000Z',
    outcomes: [outcome],
    sources: [OLD, NEW],
    rows: 'recipes',
    ...more,
  });
  return withSharing(report, sharedWith).rows[0]?.cells[0];
}

describe('the state of a recipe in an account', () => {
  it.each<[string, Partial<CopierFacts>, object]>([
    ['available with an announced copy of the newest image', { copies: [copyOf(NEW)] }, { state: 'available' }],
    [
      "available with a copy of AMIgo's copier, which announces nothing",
      { copies: [unsettled(NEW, { isOurs: false })] },
      { state: 'available' },
    ],
    ['pending while EC2 copies', { copies: [unsettled(NEW, { state: 'pending' })] }, { state: 'pending' }],
    [
      'pending until it is verified',
      { copies: [unsettled(NEW)] },
      { state: 'pending', reason: 'EC2 has copied it; it is not verified and announced yet.' },
    ],
    [
      'failed with what EC2 says',
      { copies: [unsettled(NEW, { state: 'failed', stateReason: 'KMS key is disabled' })] },
      { state: 'failed', reason: 'KMS key is disabled' },
    ],
    [
      'failed with the reason of the dead letter',
      { copies: [copyOf(OLD)], failures: [{ sourceImageId: 'ami-02', reason: 'UntrustedOwner' }] },
      { state: 'failed', reason: 'UntrustedOwner' },
    ],
    [
      'pending, not failed, while another try is on its way',
      {
        copies: [unsettled(NEW, { state: 'pending' })],
        failures: [{ sourceImageId: 'ami-02', reason: 'an earlier request' }],
      },
      { state: 'pending' },
    ],
    ['failed for a copy that somebody disabled', { copies: [copyOf(NEW, { state: 'disabled' })] }, { state: 'failed' }],
    ['stale with a copy of an older image alone', { copies: [copyOf(OLD)] }, { state: 'stale' }],
    ['missing with nothing', {}, { state: 'missing' }],
    ['missing with a copy of another recipe', { copies: [copyOf(OLD, { recipe: 'debian' })] }, { state: 'missing' }],
  ])('is %s', (_, facts, expected) => {
    expect(stateOf(inAccount(facts))).toMatchObject(expected);
  });

  it('says of a recipe that cannot be the name of a parameter that none points to its copies', () => {
    const reasonOf = (recipe: string, more: Partial<CopyInAccount> = {}) =>
      stateOf(inAccount({ copies: [copyOf(NEW, { recipe, ...more })] }), { sources: [{ ...NEW, recipe }] })?.reason;

    expect(reasonOf('ubuntu 24')).toMatch(
      /^The value of the tag Recipe, "ubuntu 24", cannot end the name of a parameter:/,
    );
    expect(reasonOf('linux/ubuntu')).toBeUndefined();
    // AMIgo's copier has no parameters at all.
    expect(reasonOf('ubuntu 24', { isOurs: false })).toBeUndefined();
  });

  it('is stale with the newest of the older copies', () => {
    const older = [0, 1].map((hour) => copyOf(source(`ami-0${hour}`, hour)));

    expect(stateOf(inAccount({ copies: older }))).toEqual({ state: 'stale', copy: older[1]?.fact });
  });

  it('is unknown with why the account could not be read', () => {
    expect(stateOf({ copier: copierIn('222222222222'), problem: 'Access denied.' })).toEqual({
      state: 'unknown',
      reason: 'Access denied.',
    });
  });

  it('is not shared where the newest image is not, and stale with that reason where an older copy is', () => {
    const sharedWith = new Map([['ami-02', ['333333333333']]]);

    expect(stateOf(inAccount({}), { sharedWith })).toEqual({ state: 'not shared' });
    expect(stateOf(inAccount({ copies: [copyOf(OLD)] }), { sharedWith })).toMatchObject({
      state: 'stale',
      reason: 'The newest image is not shared with the account.',
    });
  });

  it('is unknown where it is not known whom the newest image is shared with, and stale with that reason where an older copy is', () => {
    const sharedWith: Sharing = new Map([['ami-02', { problem: 'Rate exceeded.' }]]);

    expect(stateOf(inAccount({}), { sharedWith })).toEqual({ state: 'unknown', reason: 'Rate exceeded.' });
    expect(stateOf(inAccount({ copies: [copyOf(OLD)] }), { sharedWith })).toMatchObject({
      state: 'stale',
      reason: 'Rate exceeded.',
    });
    expect(stateOf(inAccount({ copies: [copyOf(NEW)] }), { sharedWith })).toMatchObject({ state: 'available' });
  });

  it('is missing where the image is shared with an organization, whose members EC2 does not tell', () => {
    expect(stateOf(inAccount({}), { sharedWith: new Map([['ami-02', 'many']]) })).toEqual({ state: 'missing' });
  });
});

describe('rows', () => {
  const report = (more: Partial<ReportInput>) =>
    buildReport({ readAt: '', outcomes: [], sources: undefined, rows: 'recipes', ...more });

  it('have the newest image of a recipe in each Region where it is baked, and of all for the other Regions', () => {
    const elsewhere = source('ami-03', 3, { region: 'us-east-1' });
    const { rows } = report({
      sources: [OLD, NEW, elsewhere],
      outcomes: [
        inAccount({ copies: [copyOf(NEW)] }),
        inAccount({ copies: [copyOf(NEW)] }, copierIn('222222222222', 'us-east-1')),
        inAccount({}, copierIn('222222222222', 'eu-central-1')),
        inAccount({ copies: [copyOf(elsewhere)] }, copierIn('222222222222', 'ap-south-1')),
      ],
    });

    expect(rows.map(({ images }) => images.map(({ imageId }) => imageId))).toEqual([['ami-03', 'ami-02']]);
    expect(rows[0]?.cells.map(({ state }) => state)).toEqual(['available', 'stale', 'missing', 'available']);
  });

  it('are content with a newer image of another Region, or one that was baked at the same time', () => {
    const own = source('ami-05', 5, { region: 'us-east-1' });
    const inAmerica = copierIn('222222222222', 'us-east-1');
    const stateWith = (other: SourceImage, copied: SourceImage, more: Partial<CopierFacts> = {}) =>
      stateOf(inAccount({ copies: [copyOf(copied)], ...more }, inAmerica), { sources: [own, other] })?.state;

    expect(stateWith(source('ami-06', 6), source('ami-06', 6))).toBe('available');
    expect(stateWith(source('ami-06', 5), source('ami-06', 5))).toBe('available');
    expect(stateWith(source('ami-06', 4), source('ami-06', 4))).toBe('stale');
    // Somebody pulled it back: what the source account has no more is no image of the recipe.
    expect(stateWith(source('ami-06', 4), source('ami-07', 7))).toBe('stale');
    const failures = [{ sourceImageId: 'ami-06', reason: 'No.' }];
    expect(stateWith(source('ami-06', 6), OLD, { failures })).toBe('failed');
  });

  it('are one for each image if that is wanted, without calling anything stale', () => {
    const { rows } = report({ sources: [OLD, NEW], rows: 'images', outcomes: [inAccount({ copies: [copyOf(OLD)] })] });

    expect(rows.map(({ title, cells }) => [title, cells[0]?.state])).toEqual([
      ['ami-02', 'missing'],
      ['ami-01', 'available'],
    ]);
  });

  it('of an image want no copy in the Regions that have images of the recipe of their own', () => {
    const own = source('ami-03', 3, { region: 'us-east-1' });
    const inAmerica = copierIn('222222222222', 'us-east-1');
    const statesWith = (...outcomes: Outcome<CopierFacts>[]) =>
      report({ sources: [NEW, own], rows: 'images', outcomes }).rows.map(({ title, cells }) => [
        title,
        ...cells.map(({ state }) => state),
      ]);

    expect(
      statesWith(inAccount({}), inAccount({}, inAmerica), inAccount({}, copierIn('222222222222', 'ap-south-1'))),
    ).toEqual([
      ['ami-03', 'not wanted', 'missing', 'missing'],
      ['ami-02', 'missing', 'not wanted', 'missing'],
    ]);
    // One that is there is shown.
    expect(statesWith(inAccount({ copies: [copyOf(NEW)] }, inAmerica), { copier: inAmerica, problem: 'No.' })).toEqual([
      ['ami-03', 'missing', 'unknown'],
      ['ami-02', 'available', 'not wanted'],
    ]);
  });

  it('come from the copies where the source account is not known', () => {
    const { rows } = report({
      outcomes: [inAccount({ copies: [copyOf(OLD)] }), inAccount({ copies: [copyOf(NEW)] }, copierIn('333333333333'))],
    });

    expect(rows[0]?.cells.map(({ state }) => state)).toEqual(['stale', 'available']);
  });
});

describe('gaps', () => {
  it('are images that some account lacks', () => {
    const report = buildReport({
      readAt: '',
      outcomes: [
        inAccount({ copies: [copyOf(NEW), copyOf(source('ami-05', 5), { recipe: 'fedora' })] }),
        inAccount({ copies: [copyOf(source('ami-05', 5), { recipe: 'fedora' })] }, copierIn('333333333333')),
      ],
      sources: [
        NEW,
        source('ami-04', 4, { recipe: 'debian', region: 'us-east-1' }),
        source('ami-05', 5, { recipe: 'fedora', region: 'us-east-1' }),
      ],
      rows: 'recipes',
    });

    expect(imagesWithGaps(report).map(({ imageId }) => imageId)).toEqual(['ami-04', 'ami-02']);
  });
});

describe('channels', () => {
  const prod = (imageId: string) => ({ recipe: 'ubuntu', channel: 'prod', imageId });
  const channelsIn = (...outcomes: Outcome<CopierFacts>[]) =>
    buildReport({
      readAt: '2026-11-24T00:00:00.000Z',
      outcomes,
      sources: [OLD, NEW],
      rows: 'recipes',
    }).channels?.map(({ accountId, channel, state, sourceImageId }) => [accountId, channel, state, sourceImageId]);
  const other = copierIn('333333333333');

  it('are left out where there are none', () => {
    expect(channelsIn(inAccount({ copies: [copyOf(NEW)] }))).toBeUndefined();
  });

  it('are shown with the images that they point to, and where there is none yet', () => {
    const third = copierIn('444444444444');
    expect(
      channelsIn(
        inAccount({ copies: [copyOf(OLD), copyOf(NEW)], channels: [prod('copy-of-ami-01')] }),
        inAccount({ copies: [copyOf(NEW)] }, other),
        // It has nothing of the recipe, so nobody misses the channel there.
        inAccount({}, third),
        { copier: copierIn('555555555555'), problem: 'No.' },
      ),
    ).toEqual([
      ['222222222222', 'prod', 'available', 'ami-01'],
      ['333333333333', 'prod', 'not set', undefined],
    ]);
  });

  it.each<[string, Partial<CopyInAccount>, string]>([
    ['disabled', { state: 'disabled' }, 'disabled'],
    ['revoked', { state: 'disabled', end: { state: 'revoked', at: '2026-11-23T12:00:00.000Z' } }, 'revoked'],
    ['to go, and can be launched', { end: { state: 'asked', at: '2026-11-23T12:00:00.000Z' } }, 'available'],
  ])('say so of a copy that is %s', (_what, more, state) => {
    const facts = { copies: [copyOf(OLD, more)], channels: [prod('copy-of-ami-01')] };
    expect(channelsIn(inAccount(facts))).toEqual([['222222222222', 'prod', state, 'ami-01']]);
  });

  it('say so of what is no copy, and come by recipe and name', () => {
    const canary = { ...prod('ami-gone'), channel: 'canary' };
    const debian = { ...prod('ami-gone'), recipe: 'debian' };
    expect(channelsIn(inAccount({ channels: [prod('ami-gone'), canary, debian] }))).toEqual([
      ['222222222222', 'prod', 'no copy', undefined],
      ['222222222222', 'canary', 'no copy', undefined],
      ['222222222222', 'prod', 'no copy', undefined],
    ]);
  });
});

describe('the end of copies', () => {
  const report = (copies: readonly CopyInAccount[], more: Partial<ReportInput> = {}) =>
    buildReport({
      readAt: '2026-11-24T00:00:00.000Z',
      outcomes: [inAccount({ copies })],
      sources: [OLD, NEW],
      rows: 'recipes',
      ...more,
    });

  it('is shown of copies that are revoked, in quarantine, or to go', () => {
    const at = '2026-11-23T12:00:00.000Z';
    const { ended } = report([
      copyOf(NEW),
      copyOf(OLD, { state: 'disabled', end: { state: 'revoked', at } }),
      copyOf(OLD, { state: 'disabled', end: { state: 'retired', at, quarantineDays: 7 } }),
      copyOf(OLD, { end: { state: 'asked', at, quarantineDays: 7 }, endReasons: ['The instance i-1 uses it.'] }),
    ]);

    expect(ended?.map(({ state, reasons }) => [state, ...reasons])).toEqual([
      ['revoked'],
      ['retired', 'It may be removed from 2026-11-30T12:00:00.000Z on.'],
      ['asked', 'The instance i-1 uses it.'],
    ]);
  });

  it('lets nobody have a copy of what was taken away, where the source account is not asked', () => {
    const revoked = copyOf(NEW, { state: 'disabled', end: { state: 'revoked', at: NEW.bakedAt } });
    const { rows } = report([copyOf(OLD), revoked], { sources: undefined });

    expect(rows.map(({ images, cells }) => [images[0]?.imageId, cells[0]?.state])).toEqual([['ami-01', 'available']]);
  });

  it('says of a copy that was revoked alone that it is', () => {
    const revoked = copyOf(NEW, { state: 'disabled', end: { state: 'revoked', at: NEW.bakedAt } });

    expect(report([revoked]).rows[0]?.cells[0]).toMatchObject({ state: 'failed', reason: 'The copy is revoked.' });
  });

  it('adds up what the copies of a recipe take', () => {
    const { storage } = report([
      copyOf(OLD, { size: { gib: 2, by: 'full' } }),
      copyOf(NEW, { size: { gib: 8, by: 'volume' } }),
    ]);

    expect(storage).toEqual([{ recipe: 'ubuntu', copies: 2, gib: 10, dollarsPerMonth: 0.5, isFullSize: false }]);
  });

  it('is left out where there is none, and no size is known', () => {
    const shown = report([copyOf(NEW)]);

    expect(shown).not.toHaveProperty('ended');
    expect(shown).not.toHaveProperty('storage');
  });
});
