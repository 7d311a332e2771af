import { describe, expect, it } from '@jest/globals';
import { retryDelaySeconds } from '../../src/core/retry-delay.ts';

const ALMOST_ONE = 0.999999;

describe('retryDelaySeconds', () => {
  it.each([
    [1, 30, 60],
    [2, 60, 120],
    [4, 240, 480],
    [5, 450, 900],
    [1000, 450, 900],
  ])('after delivery %d waits between %d and %d seconds', (receiveCount, least, most) => {
    expect(retryDelaySeconds(receiveCount, 0)).toBe(least);
    expect(retryDelaySeconds(receiveCount, ALMOST_ONE)).toBe(most);
  });
});
