import { describe, expect, it } from '@jest/globals';
import type { Copier } from '../../../tool/common/environment.ts';
import type { Outcome } from '../../../tool/common/in-environments.ts';
import {
  buildFleet,
  onlyRecipes,
  type CopyOfRecipe,
  type FleetFacts,
  type FleetSource,
  type ImageFact,
  type InstanceFact,
} from '../../../tool/fleet/build-fleet.ts';
import type { RunningInstance } from '../../../tool/fleet/report.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const SOURCE = '111111111111';
const READ_AT = '2026-11-30T00:00:00.000Z';
const MADE_AT = '2026-11-29T12:00:00.000Z';

/** When the source image of this number was baked. */
const bakedAt = (build: number) => `2026-11-${String(build).padStart(2, '0')}T10:00:00.000Z`;

function copyOf(build: number, changes: Partial<CopyOfRecipe> = {}): CopyOfRecipe {
  const source = { sourceImageId: `ami-source${build}`, sourceRegion: 'eu-west-1' };
  return { ...source, recipe: 'ubuntu', bakedAt: bakedAt(build), isReady: true, ...changes };
}

function image(imageId: string, changes: Partial<ImageFact> = {}): ImageFact {
  return { imageId, name: `name-of-${imageId}`, createdAt: MADE_AT, isRevoked: false, ...changes };
}

/** The copy of a source image. */
function copy(build: number, changes: Partial<CopyOfRecipe> = {}, imageChanges: Partial<ImageFact> = {}): ImageFact {
  return image(`ami-copy${build}`, { name: `ubuntu_${build}`, copy: copyOf(build, changes), ...imageChanges });
}

function sourceImage(build: number, changes: Partial<FleetSource> = {}): FleetSource {
  return {
    imageId: `ami-source${build}`,
    region: 'eu-west-1',
    name: `ubuntu_${build}`,
    bakedAt: bakedAt(build),
    recipe: 'ubuntu',
    isRevoked: false,
    ...changes,
  };
}

function made(imageId: string, of: string, changes: Partial<ImageFact> = {}): ImageFact {
  return image(imageId, { source: { imageId: of, region: 'eu-west-1' }, ...changes });
}

/** A running instance of an image that the account owns. */
function instanceOf(imageId: string, changes: Partial<InstanceFact> = {}): InstanceFact {
  return { instanceId: 'i-1', imageId, ownerId: PAYMENTS, name: `name-of-${imageId}`, createdAt: MADE_AT, ...changes };
}

function environment(accountId: string, account: string, region = 'eu-west-1'): Copier {
  const names = { name: 'image-copier', parameterPath: '/image-copier', recipeTag: 'Recipe', copyTags: [] };
  return { accountId, account, region, labels: {}, ...names, aws: {} as Copier['aws'] };
}

function facts(changes: Partial<FleetFacts>): FleetFacts {
  return { instances: [], images: [], others: new Map(), ...changes };
}

interface Case {
  readonly images?: readonly ImageFact[];
  readonly elsewhere?: readonly ImageFact[];
  readonly sources?: readonly FleetSource[];
  readonly others?: Readonly<Record<string, string>>;
}

function fleetOf(instances: readonly InstanceFact[], { images = [], elsewhere = [], sources = [], others = {} }: Case) {
  const outcomes: Outcome<FleetFacts>[] = [
    {
      copier: environment(PAYMENTS, 'payments'),
      value: facts({ instances, images, others: new Map(Object.entries(others)) }),
    },
    { copier: environment(WEB, 'web'), value: facts({ images: elsewhere }) },
  ];
  return buildFleet({ readAt: READ_AT, recipeTag: 'Recipe', outcomes, sources });
}

/** What is said of one instance. */
function verdictOf(instance: InstanceFact, given: Case): Partial<RunningInstance> | undefined {
  return fleetOf([instance], given).instances[0];
}

const UBUNTU = [copy(1), copy(2), copy(3)];

describe('what an instance runs', () => {
  it.each<[string, InstanceFact, Case, Partial<RunningInstance>]>([
    [
      'the newest copy',
      instanceOf('ami-copy3'),
      { images: UBUNTU },
      { state: 'current', behind: 0, recipe: 'ubuntu', sourceImageId: 'ami-source3', bakedAt: bakedAt(3) },
    ],
    [
      'an older copy',
      instanceOf('ami-copy1'),
      { images: UBUNTU },
      { state: 'behind', behind: 2, recipe: 'ubuntu', sourceImageId: 'ami-source1', bakedAt: bakedAt(1) },
    ],
    [
      'a copy that is older than two copies of the same source image',
      instanceOf('ami-copy1'),
      { images: [copy(1), copy(2), { ...copy(2), imageId: 'ami-again' }] },
      { state: 'behind', behind: 1 },
    ],
    [
      'another copy of the newest source image',
      instanceOf('ami-again'),
      { images: [copy(2), { ...copy(2), imageId: 'ami-again' }] },
      { state: 'current', behind: 0 },
    ],
    [
      'a copy with newer ones that cannot be used',
      instanceOf('ami-copy1'),
      { images: [copy(1), copy(2, { isReady: false }), copy(3, { recipe: 'debian' })] },
      { state: 'current', behind: 0 },
    ],
    [
      'a copy with newer ones in another account alone',
      instanceOf('ami-copy1'),
      { images: [copy(1)], elsewhere: [copy(2)] },
      { state: 'current', behind: 0 },
    ],
    [
      'a copy without a recipe',
      instanceOf('ami-copy1'),
      { images: [copy(1, { recipe: undefined }), copy(2, { recipe: undefined })] },
      { state: 'unknown', reason: 'The copy has no tag Recipe.', bakedAt: bakedAt(1) },
    ],
    [
      'the newest copy, which was never verified',
      instanceOf('ami-copy1'),
      { images: [copy(1, { isReady: false, flaw: 'The copy is not encrypted.' })] },
      { state: 'unknown', recipe: 'ubuntu', reason: 'The copy is not encrypted.' },
    ],
    [
      'an older copy that was never verified',
      instanceOf('ami-copy1'),
      { images: [copy(1, { isReady: false, flaw: 'The copy is not encrypted.' }), copy(2)] },
      { state: 'behind', behind: 1 },
    ],
    [
      'a copy that was retired',
      instanceOf('ami-copy1'),
      { images: [copy(1, { isReady: false }), copy(2)] },
      { state: 'behind', behind: 1 },
    ],
    [
      'an image that was made of a copy',
      instanceOf('ami-own'),
      { images: [...UBUNTU, made('ami-own', 'ami-between'), made('ami-between', 'ami-copy2')] },
      { state: 'behind', behind: 1, recipe: 'ubuntu', copyId: 'ami-copy2', bakedAt: bakedAt(2) },
    ],
    [
      "another account's copy, which it shares",
      instanceOf('ami-copy2', { ownerId: WEB }),
      { images: [copy(3)], elsewhere: [copy(2)] },
      { state: 'behind', behind: 1, recipe: 'ubuntu' },
    ],
    [
      'an image that was made of nothing',
      instanceOf('ami-own'),
      { images: [image('ami-own')] },
      { state: 'no copy', bakedAt: MADE_AT, reason: 'It is no copy.' },
    ],
    [
      "somebody else's image",
      instanceOf('ami-amazon', { ownerId: '137112412989' }),
      {},
      { state: 'no copy', bakedAt: MADE_AT, reason: 'Its image belongs to account 137112412989.' },
    ],
    [
      "an image that was made of somebody else's",
      instanceOf('ami-own'),
      { images: [made('ami-own', 'ami-amazon')], others: { 'ami-amazon': '137112412989' } },
      { state: 'no copy', reason: 'Its image was made of ami-amazon, which belongs to account 137112412989.' },
    ],
    [
      'an image that was made of one that is gone',
      instanceOf('ami-own'),
      { images: [made('ami-own', 'ami-gone')] },
      { state: 'unknown', reason: 'Its image was made of ami-gone in eu-west-1, which EC2 does not show.' },
    ],
    [
      'images that EC2 says were made of each other',
      instanceOf('ami-one'),
      { images: [made('ami-one', 'ami-two'), made('ami-two', 'ami-one')] },
      { state: 'unknown' },
    ],
    [
      'the source image itself',
      instanceOf('ami-source1', { ownerId: SOURCE }),
      { sources: [sourceImage(1)] },
      { state: 'no copy', recipe: 'ubuntu', bakedAt: bakedAt(1), reason: 'It runs the source image itself.' },
    ],
    [
      'an image that was made of the source image',
      instanceOf('ami-own'),
      { images: [made('ami-own', 'ami-source1')], sources: [sourceImage(1)] },
      {
        state: 'no copy',
        recipe: 'ubuntu',
        reason: 'Its image was made of the source image ami-source1, not of a copy.',
      },
    ],
    [
      'an image whose owner EC2 does not tell',
      { instanceId: 'i-1', imageId: 'ami-never' },
      {},
      { state: 'unknown', reason: 'EC2 does not tell whom its image belongs to.' },
    ],
  ])('is known of %s', (_what, instance, given, expected) => {
    expect(verdictOf(instance, given)).toMatchObject(expected);
  });

  it.each<[string, InstanceFact, Case]>([
    ['a copy', instanceOf('ami-copy1'), { images: [copy(1, {}, { isRevoked: true })] }],
    [
      'a copy without a recipe',
      instanceOf('ami-copy1'),
      { images: [copy(1, { recipe: undefined }, { isRevoked: true })] },
    ],
    [
      'an image that was made of a revoked copy',
      instanceOf('ami-own'),
      { images: [copy(1, {}, { isRevoked: true }), made('ami-own', 'ami-copy1')] },
    ],
    [
      'an image of a copy that is not revoked',
      instanceOf('ami-own'),
      { images: [copy(1), made('ami-own', 'ami-copy1', { isRevoked: true })] },
    ],
    ["somebody's image that is no copy", instanceOf('ami-own'), { images: [image('ami-own', { isRevoked: true })] }],
    [
      'an image that was made of one that is gone',
      instanceOf('ami-own'),
      { images: [made('ami-own', 'ami-gone', { isRevoked: true })] },
    ],
    [
      'a copy whose source image is revoked, where the account has not come to it',
      instanceOf('ami-copy1'),
      { images: [copy(1)], sources: [sourceImage(1, { isRevoked: true })] },
    ],
    [
      'a copy that another account has revoked already',
      instanceOf('ami-copy1'),
      { images: [copy(1)], elsewhere: [copy(1, {}, { isRevoked: true, imageId: 'ami-other' })] },
    ],
    [
      'the source image itself',
      instanceOf('ami-source1', { ownerId: SOURCE }),
      { sources: [sourceImage(1, { isRevoked: true })] },
    ],
    [
      'a source image that only copies of it tell of',
      instanceOf('ami-source1', { ownerId: SOURCE }),
      { images: [copy(1, {}, { isRevoked: true })] },
    ],
    [
      'an image that was made of the source image',
      instanceOf('ami-own'),
      { images: [made('ami-own', 'ami-source1')], sources: [sourceImage(1, { isRevoked: true })] },
    ],
    [
      'an image that is gone, by its name',
      instanceOf('ami-gone', { name: 'ubuntu_1' }),
      { images: [copy(2)], sources: [sourceImage(1, { isRevoked: true })] },
    ],
  ])('is revoked if it is %s', (_what, instance, given) => {
    expect(verdictOf(instance, given)).toMatchObject({ state: 'revoked' });
  });

  it('is not revoked because an older copy of the recipe is', () => {
    const images = [copy(1, {}, { isRevoked: true }), copy(2)];

    expect(verdictOf(instanceOf('ami-copy2'), { images })).toMatchObject({ state: 'current' });
  });

  it('says how far behind a revoked copy is', () => {
    const images = [copy(1, { isReady: false }, { isRevoked: true }), copy(2)];

    expect(verdictOf(instanceOf('ami-copy1'), { images })).toMatchObject({ state: 'revoked', behind: 1 });
  });
});

describe('an image that is gone', () => {
  const gone = instanceOf('ami-gone', { name: 'ubuntu_1' });

  it.each<[string, Case]>([
    ['a copy in another account', { images: [copy(2)], elsewhere: [copy(1)] }],
    ['a source image', { images: [copy(2)], sources: [sourceImage(1)] }],
  ])('is told by the name of %s', (_what, given) => {
    expect(verdictOf(gone, given)).toMatchObject({
      state: 'behind',
      behind: 1,
      recipe: 'ubuntu',
      sourceImageId: 'ami-source1',
      bakedAt: bakedAt(1),
    });
  });

  it('is not said to be current', () => {
    expect(verdictOf(gone, { images: [], sources: [sourceImage(1)] })).toMatchObject({
      state: 'unknown',
      recipe: 'ubuntu',
      reason: 'Its image is gone, and there is no newer copy.',
    });
  });

  it('is of the source image in its own Region', () => {
    const american = sourceImage(4, { region: 'us-east-1', name: 'ubuntu_1', imageId: 'ami-american' });
    const ofAmerica = { ...american, isRevoked: true };

    expect(verdictOf(gone, { images: [copy(2)], sources: [ofAmerica, sourceImage(1)] })).toMatchObject({
      state: 'behind',
      sourceImageId: 'ami-source1',
    });
  });

  it.each<[string, InstanceFact, Case, string]>([
    ['another name', instanceOf('ami-gone'), { elsewhere: [copy(1)] }, 'no copy or source image has its name'],
    [
      'no name',
      { instanceId: 'i-1', imageId: 'ami-gone', ownerId: PAYMENTS, createdAt: MADE_AT },
      { elsewhere: [copy(1)] },
      'no copy or source image has its name',
    ],
    [
      'the name of images of two recipes',
      gone,
      { elsewhere: [copy(1)], sources: [sourceImage(2, { name: 'ubuntu_1', recipe: 'debian' })] },
      'images of several recipes have its name',
    ],
    [
      'the name of an image that is no copy',
      instanceOf('ami-gone', { name: 'name-of-ami-own' }),
      { images: [image('ami-own')] },
      'no copy or source image has its name',
    ],
  ])('is unknown with %s', (_what, instance, given, reason) => {
    expect(verdictOf(instance, given)).toMatchObject({
      state: 'unknown',
      bakedAt: MADE_AT,
      reason: `Its image is gone, and ${reason}.`,
    });
  });

  it('is not told by its name where it belongs to somebody else', () => {
    const instance = instanceOf('ami-gone', { name: 'ubuntu_1', ownerId: '999999999999' });

    expect(verdictOf(instance, { images: [copy(1), copy(2)] })).toMatchObject({ state: 'no copy' });
  });
});

describe('the report', () => {
  const instances = [
    instanceOf('ami-copy3', { instanceId: 'i-1' }),
    instanceOf('ami-copy2', { instanceId: 'i-2' }),
    instanceOf('ami-gone', { instanceId: 'i-3' }),
  ];

  it('counts instances by recipe, those without one at last', () => {
    const debian = image('ami-debian', { copy: copyOf(1, { recipe: 'debian' }) });
    const report = fleetOf([...instances, instanceOf('ami-debian', { instanceId: 'i-4' })], {
      images: [...UBUNTU, debian],
    });

    const none = { current: 0, behind: 0, revoked: 0, 'no copy': 0, unknown: 0 };
    expect(report.recipes).toEqual([
      { recipe: 'debian', instances: 1, states: { ...none, current: 1 } },
      { recipe: 'ubuntu', instances: 2, states: { ...none, current: 1, behind: 1 } },
      { recipe: null, instances: 1, states: { ...none, unknown: 1 } },
    ]);
  });

  it('has the instances of some recipes alone', () => {
    const report = onlyRecipes(fleetOf(instances, { images: UBUNTU }), ['ubuntu']);

    expect(report.instances.map(({ instanceId }) => instanceId)).toEqual(['i-1', 'i-2']);
    expect(report.recipes.map(({ recipe }) => recipe)).toEqual(['ubuntu']);
  });

  it('names the accounts that could not be read', () => {
    const { environments } = buildFleet({
      readAt: READ_AT,
      recipeTag: 'Recipe',
      outcomes: [{ copier: environment(WEB, 'web'), problem: 'Access denied.' }],
      sources: [],
    });

    expect(environments).toEqual([
      { accountId: WEB, account: 'web', region: 'eu-west-1', labels: {}, problem: 'Access denied.' },
    ]);
  });
});
