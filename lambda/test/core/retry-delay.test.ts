import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

  it.each([1, 6])('gives as many tries in %d h as docs/messages.md says', (hours) => {
    const document = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'messages.md'), 'utf8');

    expect(document).toMatch(
      new RegExp(`${triesIn(hours, ALMOST_ONE)} to ${triesIn(hours, 0)} times in ${hours} hours?\\b`),
    );
  });
});

/** Deliveries until the first one that comes when so many hours are over, if each comes as soon as it may. */
function triesIn(hours: number, random: number): number {
  let tries = 1;
  for (let seconds = 0; seconds < hours * 3600; tries += 1) seconds += retryDelaySeconds(tries, random);
  return tries;
}
