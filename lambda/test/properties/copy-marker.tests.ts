import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  formatMarker,
  markerPatterns,
  MAX_ATTEMPTS,
  parseMarker,
  settledPatterns,
  type CopyMarker,
} from '../../src/core/copy-marker.ts';
import { anyText, isoTime } from './arbitraries.ts';

const copier = fc.stringMatching(/^[A-Za-z0-9_-]{1,38}$/);
const marker: fc.Arbitrary<CopyMarker> = fc.record(
  {
    copier,
    attempt: fc.integer({ min: 1, max: MAX_ATTEMPTS }),
    bakedAt: isoTime,
    keyId: fc.stringMatching(/^(mrk-)?[0-9a-f-]{1,36}$/),
    announcement: fc.record(
      {
        state: fc.constantFrom('announcing', 'announced'),
        settledAt: isoTime,
        unapproved: fc.constant<true>(true),
      },
      { requiredKeys: ['state', 'settledAt'] },
    ),
    end: fc.record(
      {
        state: fc.constantFrom('asked', 'retired', 'revoked'),
        at: isoTime,
        quarantineDays: fc.integer({ min: 0, max: 365 }),
      },
      { requiredKeys: ['state', 'at'] },
    ),
  },
  { requiredKeys: ['copier', 'attempt', 'bakedAt'] },
);
/** As EC2 matches the patterns that this code uses: the asterisk stands for anything. */
const matches = (value: string, patterns: string[]) =>
  patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${parts.join('.*')}$`, 's').test(value);
  });

describe('the marker', () => {
  it('is read as it was written, and is a tag that EC2 takes', () => {
    fc.assert(
      fc.property(marker, (original) => {
        const value = formatMarker(original);
        expect(parseMarker(value, original.copier)).toEqual(original);
        expect(value.length).toBeLessThanOrEqual(256);
      }),
    );
  });

  it('is found by the filters of its own copier and state alone', () => {
    fc.assert(
      fc.property(marker, copier, (original, other) => {
        const value = formatMarker(original);
        const { announcement, end } = original;
        const state = end && end.state !== 'asked' ? end.state : (announcement?.state ?? 'attempt');
        expect(matches(value, markerPatterns(original.copier))).toBe(true);
        for (const start of ['attempt', 'announcing', 'announced', 'retired', 'revoked'] as const) {
          expect(matches(value, markerPatterns(original.copier, start))).toBe(start === state);
        }
        const isOpen = state === 'announced' && announcement?.unapproved === true;
        expect(matches(value, markerPatterns(original.copier, 'unapproved'))).toBe(isOpen);
        expect(matches(value, markerPatterns(other))).toBe(other === original.copier);
      }),
    );
  });

  it('is found by the filters of settled copies just where it is settled, and was baked in that second or later', () => {
    fc.assert(
      fc.property(marker, isoTime, (original, since) => {
        const isSettled = original.announcement !== undefined && (original.end ?? { state: 'asked' }).state === 'asked';
        const second = (time: string) => Math.floor(Date.parse(time) / 1000);
        expect(matches(formatMarker(original), settledPatterns(original.copier, since))).toBe(
          isSettled && second(original.bakedAt) >= second(since),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("is never taken for another copier's, also not for one with a similar name", () => {
    const name = fc.string({ unit: fc.constantFrom('a', '-', '_'), minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(marker, name, name, (original, mine, other) => {
        const read = parseMarker(formatMarker({ ...original, copier: mine }), other);
        expect(read !== undefined).toBe(mine === other);
      }),
    );
  });

  it('is read from no text that it would not be written as', () => {
    const words = fc.constantFrom(
      'a',
      ' ',
      '=',
      'attempt=1',
      'attempt=2',
      'baked=2026-11-23',
      'key=1',
      'announced=2026-11-24',
      'announcing=2026-11-24',
      'retired=2026-11-25',
      'asked=2026-11-25',
      'quarantine=7',
      'quarantine=07',
      'unapproved',
      '\n',
    );
    const text = fc.oneof(
      anyText(),
      fc.array(words, { maxLength: 8 }).map((some) => some.join('')),
      fc
        .shuffledSubarray([
          'a',
          'attempt=1',
          'baked=2026-11-23',
          'key=1',
          'announced=2026-11-24',
          'retired=2026-11-25',
          'asked=2026-11-25',
          'quarantine=7',
          'unapproved',
        ])
        .map((some) => some.join(' ')),
    );
    fc.assert(
      fc.property(text, (value) => {
        const read = parseMarker(value, 'a');
        if (read) expect(formatMarker(read)).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });
});
