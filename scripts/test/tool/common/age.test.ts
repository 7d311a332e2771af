import { describe, expect, it } from '@jest/globals';
import { age } from '../../../tool/common/age.ts';

describe('age', () => {
  it.each([
    [-5000, '0 s'],
    [0, '0 s'],
    [119_999, '119 s'],
    [120_000, '2 min'],
    [7_199_999, '119 min'],
    [7_200_000, '2 h'],
    [172_799_999, '47 h'],
    [172_800_000, '2 d'],
  ])('shows %d ms as %s', (ms, shown) => {
    expect(age(ms)).toBe(shown);
  });
});
