import { describe, expect, it } from '@jest/globals';
import { channelOf, channelParameter, pointAll, recipeParameter } from '../../src/core/image-parameters.ts';

const names = { parameterPath: '/image-copier', recipeTag: 'Recipe' };
const tagged = (value: string) => [
  { key: 'Name', value: 'other' },
  { key: 'Recipe', value },
];
const levels = (count: number) => Array.from({ length: count }, () => 'x').join('/');

describe('recipeParameter', () => {
  it.each([
    'ubuntu',
    'linux/ubuntu',
    'Ubuntu_24.04-arm64',
    levels(14),
    'x'.repeat(256),
    'aws',
    '...',
    'channels',
    'channels/prod',
    'ubuntu/channels',
    'ubuntu/channels/prod/1',
  ])('is below the path for %s', (recipe) => {
    expect(recipeParameter(tagged(recipe), names)).toEqual({ recipe, name: `/image-copier/${recipe}` });
  });

  it.each([
    ['nothing', ''],
    ['a space', 'ubuntu 24'],
    ['a colon', 'ubuntu:24'],
    ['a slash at the start', '/ubuntu'],
    ['a slash at the end', 'ubuntu/'],
    ['two slashes', 'linux//ubuntu'],
    ['a step up', '../other'],
    ['a step nowhere', 'linux/./ubuntu'],
    ['a line break', 'ubuntu\n'],
    ['letters beyond ASCII', 'übuntu'],
    ['15 levels below the path', levels(15)],
  ])('is none for %s', (_what, recipe) => {
    const found = recipeParameter(tagged(recipe), names);

    expect(found).not.toHaveProperty('name');
    expect(found).toMatchObject({
      recipe,
      reason: expect.stringMatching(
        /^The value of the tag Recipe, ".*", cannot end the name of a parameter: /,
      ) as unknown,
    });
  });

  it('counts the levels of the path', () => {
    const deep = { ...names, parameterPath: `/${levels(13)}` };

    expect(recipeParameter(tagged('linux/ubuntu'), deep)).toHaveProperty('name');
    expect(recipeParameter(tagged('linux/ubuntu/24'), deep)).toMatchObject({
      reason: expect.stringContaining(`of which there may be 15 with /${levels(13)}.`) as unknown,
    });
  });

  it('is none without the tag', () => {
    expect(recipeParameter([], { ...names, recipeTag: 'Role' })).toEqual({ reason: 'There is no tag Role.' });
  });
});

describe('a channel', () => {
  it.each([
    ['ubuntu', 'prod'],
    ['linux/ubuntu', 'wave-1'],
    ['channels', 'channels'],
    ['ubuntu/channels', 'x'.repeat(64)],
    [levels(12), '2026.11'],
  ])('of %s has a parameter below that of its recipe, by which it is known: %s', (recipe, channel) => {
    const name = `/image-copier/${recipe}/channels/${channel}`;

    expect(channelParameter({ recipe, channel }, names)).toBe(name);
    expect(channelOf(name, names)).toEqual({ recipe, channel });
  });

  it.each([
    ['no text', 'ubuntu', ''],
    ['a slash', 'ubuntu', 'prod/eu'],
    ['a step up', 'ubuntu', '..'],
    ['a space', 'ubuntu', 'my prod'],
    ['65 characters', 'ubuntu', 'x'.repeat(65)],
    ['too many levels', levels(13), 'prod'],
  ])('has none with %s', (_what, recipe, channel) => {
    expect(channelParameter({ recipe, channel }, names)).toBeUndefined();
  });

  it.each([
    ['a recipe', '/image-copier/ubuntu'],
    ['a recipe of several levels', '/image-copier/linux/ubuntu/24'],
    ['a recipe below channels', '/image-copier/channels/prod'],
    ['a recipe that ends with channels', '/image-copier/ubuntu/channels'],
    ["another copier's", '/other/ubuntu/channels/prod'],
    ['a path that begins alike', '/image-copier-2/ubuntu/channels/prod'],
  ])('is not what %s has', (_what, name) => {
    expect(channelOf(name, names)).toBeUndefined();
  });

  it.each(['ubuntu/channels/prod', 'channels/channels/prod', 'a/channels/b/channels/c'])(
    'keeps its name from the recipe %s',
    (recipe) => {
      expect(recipeParameter(tagged(recipe), names)).toEqual({
        recipe,
        reason: expect.stringMatching(
          /^The value of the tag Recipe, ".*", gives no parameter of its own: that name is kept for the channel ".*" of the recipe ".*"\.$/,
        ) as unknown,
      });
    },
  );
});

describe('pointAll', () => {
  /** Parameters, each of which is stored after it was looked for so many times. */
  function storedAfter(looks: Readonly<Record<string, number>>) {
    const taken = new Map<string, string>();
    const calls: string[] = [];
    const pauses: number[] = [];
    let looked = 0;
    const parameters = {
      put: (name: string, imageId: string) => {
        calls.push(`put ${name}`);
        if (!(name in looks)) return Promise.reject(new Error('not authorized'));
        taken.set(name, imageId);
        return Promise.resolve();
      },
      getAll: (names: readonly string[]) => {
        looked += 1;
        calls.push(`getAll ${names.join(' ')}`);
        return Promise.resolve(new Map(Array.from(taken).filter(([name]) => looked > (looks[name] ?? Infinity))));
      },
    };
    const pause = (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    };
    return { calls, pauses, pointing: { parameters, pause } };
  }
  const wanted = new Map([
    ['/a', 'ami-1'],
    ['/b', 'ami-2'],
    ['/c', 'ami-3'],
  ]);

  it('sets each once, and looks for all that are missing together, after ever longer pauses', async () => {
    const { calls, pauses, pointing } = storedAfter({ '/a': 0, '/b': 2, '/c': 2 });

    expect(await pointAll(wanted, pointing)).toEqual(new Map());
    expect(calls).toEqual(['put /a', 'put /b', 'put /c', 'getAll /a /b /c', 'getAll /b /c', 'getAll /b /c']);
    expect(pauses).toEqual([50, 100]);
  });

  it('says which could not be set, and which AWS has not stored', async () => {
    const { pauses, pointing } = storedAfter({ '/a': 0, '/b': Infinity });

    const failed = await pointAll(wanted, pointing);
    expect(Array.from(failed, ([name, { message }]) => `${name}: ${message}`)).toEqual([
      '/c: not authorized',
      '/b: AWS took ami-2 for /b, but has not stored it.',
    ]);
    expect(pauses).toHaveLength(9);
  });

  it('says of each that is missing where SSM cannot be asked', async () => {
    const { pointing } = storedAfter({ '/a': 0, '/b': 0, '/c': 0 });
    const parameters = { ...pointing.parameters, getAll: () => Promise.reject(new Error('slow down')) };

    const failed = await pointAll(wanted, { ...pointing, parameters });
    expect([...failed.values()].map(({ message }) => message)).toEqual(['slow down', 'slow down', 'slow down']);
  });

  it('asks for nothing where nothing is wanted', async () => {
    const { calls, pointing } = storedAfter({});

    expect(await pointAll(new Map(), pointing)).toEqual(new Map());
    expect(calls).toEqual([]);
  });
});
