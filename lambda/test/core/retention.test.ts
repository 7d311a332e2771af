import { describe, expect, it } from '@jest/globals';
import { retentionCandidates, ruleOf, type Retention } from '../../src/core/retention.ts';
import { ACCOUNT, COPIER, NOW_MS } from '../factories.ts';
import { announcedCopy, copyId, type CopyOf } from '../image-account.ts';

const RULES = { copier: COPIER, account: ACCOUNT, recipeTag: 'Recipe' };
const retention: Retention = { keepNewest: 2, minAgeDays: 0, quarantineDays: 7, recipes: {} };
const candidates = (copies: readonly CopyOf[], changes: Partial<Retention> = {}) =>
  retentionCandidates(copies.map(announcedCopy), { ...retention, ...changes }, RULES, NOW_MS);
const numbers = (...list: number[]): CopyOf[] => list.map((number) => ({ number }));
const going = (...list: number[]) => list.map((number) => ({ imageId: copyId(number), quarantineDays: 7 }));

describe('the retention policy', () => {
  it('lets all but the newest copies of a recipe go', () => {
    expect(candidates(numbers(3, 1, 4, 2))).toEqual(going(2, 1));
  });

  it('counts each recipe by itself', () => {
    const copies = [1, 2, 3].flatMap((number) => [{ number }, { number: number + 10, recipe: 'centos' }]);
    expect(candidates(copies)).toEqual(going(1, 11));
  });

  it('lets none go that is younger than it says', () => {
    // The copies are of one day each; the thirtieth is of today.
    expect(candidates(numbers(30, 29, 20, 19), { minAgeDays: 10 })).toEqual(going(20, 19));
    expect(candidates(numbers(30, 29, 20, 19), { minAgeDays: 10.5 })).toEqual(going(19));
  });

  it('has other rules for some recipes', () => {
    const copies = [1, 2, 3].flatMap((number) => [{ number }, { number: number + 10, recipe: 'centos' }]);
    const recipes = { centos: { keepNewest: 1, quarantineDays: 0 } };
    expect(candidates(copies, { recipes })).toEqual([
      ...going(1),
      { imageId: copyId(12), quarantineDays: 0 },
      { imageId: copyId(11), quarantineDays: 0 },
    ]);
  });

  it.each([
    ['pending', { state: 'pending' }],
    ['disabled', { state: 'disabled' }],
    ['not announced', { marker: { announcement: { state: 'announcing', settledAt: '2026-11-20T00:00:00.000Z' } } }],
    ['revoked', { marker: { end: { state: 'revoked', at: '2026-11-20T00:00:00.000Z' } } }],
    ['of another copier', { marker: { copier: 'golden' } }],
    ['without a recipe', { changes: { tags: [] } }],
  ] as const)('neither counts nor lets go a copy that is %s', (_what, change) => {
    const copies = [{ number: 9, ...change }, ...numbers(1, 2, 3), { number: 0, ...change }];
    expect(candidates(copies)).toEqual(going(1));
  });

  it('takes no copy that is not approved for one of the newest, and lets it go once it is older than they are', () => {
    const unapproved = (number: number): CopyOf => {
      const announcement = { state: 'announced', settledAt: '2026-11-20T00:00:00.000Z', unapproved: true } as const;
      return { number, marker: { announcement } };
    };
    const copies = [unapproved(7), ...numbers(6), unapproved(5), ...numbers(4), unapproved(3), ...numbers(2)];
    expect(candidates(copies)).toEqual(going(3, 2));
  });

  it('is not deceived by a recipe that is named like an object’s own machinery', () => {
    expect(ruleOf('constructor', retention)).toEqual({ keepNewest: 2, minAgeDays: 0, quarantineDays: 7 });
    const recipes = JSON.parse('{"__proto__":{"keepNewest":1}}') as Retention['recipes'];
    expect(ruleOf('__proto__', { ...retention, recipes })).toMatchObject({ keepNewest: 1 });
  });
});
