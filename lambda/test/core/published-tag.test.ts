import { describe, expect, it } from '@jest/globals';
import { checksumsOf, formatPublished, parsePublished, partOf } from '../../src/core/published-tag.ts';

const AT = '2026-11-30T14:00:00.000Z';
const IMAGE = `ami-${'0'.repeat(32)}`;
const copies = Array.from({ length: 5000 }, (_, index) => ({
  account: String(100_000_000_000 + index),
  region: 'ap-southeast-3',
}));

describe('the tag that says what was published', () => {
  it('fits into a tag for thousands of accounts', () => {
    const value = formatPublished(AT, IMAGE, checksumsOf(copies));

    expect(value.length).toBeLessThanOrEqual(256);
    expect(parsePublished(value, IMAGE)).toEqual(checksumsOf(copies));
  });

  it.each([
    undefined,
    '',
    AT,
    `${AT} ${IMAGE} ${'x'.repeat(191)}`,
    `${AT} ${IMAGE} ${'x'.repeat(193)}`,
    `${AT} ami-0bbb ${'x'.repeat(192)}`,
  ])('says nothing where it is %j', (value) => {
    expect(parsePublished(value, IMAGE)).toBeUndefined();
  });

  it('changes in the part of an account that comes, and in no other', () => {
    const [newcomer = { account: '', region: '' }, ...before] = copies;
    const [one, other] = [checksumsOf(before), checksumsOf(copies)];

    expect(other.flatMap((sum, part) => (sum === one[part] ? [] : [part]))).toEqual([partOf(newcomer)]);
  });

  it('is the same in whatever order accounts are listed', () => {
    expect(checksumsOf(copies.toReversed())).toEqual(checksumsOf(copies));
  });

  it('puts the copies of an account into parts by its Region too', () => {
    const parts = ['eu-west-1', 'us-east-1', 'eu-central-1', 'us-west-2'].map((region) =>
      partOf({ account: '222222222222', region }),
    );

    expect(new Set(parts).size).toBeGreaterThan(1);
  });
});
