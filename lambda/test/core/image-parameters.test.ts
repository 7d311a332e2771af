import { describe, expect, it } from '@jest/globals';
import { recipeParameter } from '../../src/core/image-parameters.ts';

const names = { parameterPath: '/image-copier', recipeTag: 'Recipe' };
const tagged = (value: string) => [
  { key: 'Name', value: 'other' },
  { key: 'Recipe', value },
];
const levels = (count: number) => Array.from({ length: count }, () => 'x').join('/');

describe('recipeParameter', () => {
  it.each(['ubuntu', 'linux/ubuntu', 'Ubuntu_24.04-arm64', levels(14), 'x'.repeat(256), 'aws', '...'])(
    'is below the path for %s',
    (recipe) => {
      expect(recipeParameter(tagged(recipe), names)).toEqual({ recipe, name: `/image-copier/${recipe}` });
    },
  );

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
