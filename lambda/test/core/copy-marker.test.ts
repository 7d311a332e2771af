import { describe, expect, it } from '@jest/globals';
import {
  formatMarker,
  isAnnounced,
  keyArnOf,
  keyIdOf,
  markerPatterns,
  settledPatterns,
  parseMarker,
} from '../../src/core/copy-marker.ts';
import { BAKED_AT, copyMarker } from '../factories.ts';

const SETTLED_AT = '2026-11-24T00:00:00.000Z';
const ANNOUNCED = { state: 'announced', settledAt: SETTLED_AT } as const;
const ENDED_AT = '2026-11-30T00:00:00.000Z';
const parse = (value: string | undefined) => parseMarker(value, 'image-copier');

describe('the marker of a copy', () => {
  it.each([
    ['that is not settled', copyMarker(), `image-copier attempt=1 baked=${BAKED_AT}`],
    [
      'that is being announced',
      copyMarker({ attempt: 2, announcement: { state: 'announcing', settledAt: SETTLED_AT } }),
      `image-copier announcing=${SETTLED_AT} attempt=2 baked=${BAKED_AT}`,
    ],
    [
      'that is announced',
      copyMarker({ attempt: 3, announcement: { state: 'announced', settledAt: SETTLED_AT } }),
      `image-copier announced=${SETTLED_AT} attempt=3 baked=${BAKED_AT}`,
    ],
    [
      'that names its key',
      copyMarker({ keyId: 'mrk-1', announcement: { state: 'announced', settledAt: SETTLED_AT } }),
      `image-copier announced=${SETTLED_AT} attempt=1 baked=${BAKED_AT} key=mrk-1`,
    ],
    [
      'that is made in a hurry',
      copyMarker({ keyId: 'mrk-1', withinMinutes: 15 }),
      `image-copier attempt=1 baked=${BAKED_AT} key=mrk-1 within=15`,
    ],
    [
      'that is to go once nothing uses it',
      copyMarker({ announcement: ANNOUNCED, end: { state: 'asked', at: ENDED_AT, quarantineDays: 0 } }),
      `image-copier announced=${SETTLED_AT} attempt=1 baked=${BAKED_AT} asked=${ENDED_AT} quarantine=0`,
    ],
    [
      'that is in quarantine',
      copyMarker({ keyId: '1', announcement: ANNOUNCED, end: { state: 'retired', at: ENDED_AT, quarantineDays: 7 } }),
      `image-copier retired=${ENDED_AT} attempt=1 baked=${BAKED_AT} key=1 announced=${SETTLED_AT} quarantine=7`,
    ],
    [
      'that is announced and not approved',
      copyMarker({ announcement: { ...ANNOUNCED, unapproved: true } }),
      `image-copier announced=${SETTLED_AT} attempt=1 baked=${BAKED_AT} unapproved`,
    ],
    [
      'that was retired before it was approved',
      copyMarker({
        announcement: { ...ANNOUNCED, unapproved: true },
        end: { state: 'retired', at: ENDED_AT, quarantineDays: 7 },
      }),
      `image-copier retired=${ENDED_AT} attempt=1 baked=${BAKED_AT} announced=${SETTLED_AT} quarantine=7 unapproved`,
    ],
    [
      'that is revoked before it was announced',
      copyMarker({ withinMinutes: 15, end: { state: 'revoked', at: ENDED_AT } }),
      `image-copier revoked=${ENDED_AT} attempt=1 baked=${BAKED_AT} within=15`,
    ],
  ])('%s is written and read', (_what, marker, value) => {
    expect(formatMarker(marker)).toBe(value);
    expect(parse(value)).toEqual(marker);
  });

  it.each([
    ['of another copier', `golden attempt=1 baked=${BAKED_AT}`],
    ['of a copier with a longer name', `image-copier-2 attempt=1 baked=${BAKED_AT}`],
    ['that is empty', ''],
    ['without an attempt', `image-copier baked=${BAKED_AT}`],
    ['of attempt 0', `image-copier attempt=0 baked=${BAKED_AT}`],
    ['of no number', `image-copier attempt=x baked=${BAKED_AT}`],
    ['without a time', 'image-copier attempt=1 baked=soon'],
    ['in another state', `image-copier done=${SETTLED_AT} attempt=1 baked=${BAKED_AT}`],
    ['with words before it', `by image-copier attempt=1 baked=${BAKED_AT}`],
    ['that is not there', undefined],
    ['with more words', `image-copier attempt=1 baked=${BAKED_AT} by=me`],
    ['with a key that is none', `image-copier attempt=1 baked=${BAKED_AT} key=alias/a`],
    ['with more words after its key', `image-copier attempt=1 baked=${BAKED_AT} key=1 by=me`],
    ['with a time that is none', `image-copier attempt=1 baked=${BAKED_AT} within=soon`],
    [
      'that is announced twice',
      `image-copier announced=${SETTLED_AT} attempt=1 baked=${BAKED_AT} announced=${SETTLED_AT}`,
    ],
    ['that is retired and to go', `image-copier retired=${ENDED_AT} attempt=1 baked=${BAKED_AT} asked=${ENDED_AT}`],
    ['with a quarantine and no end', `image-copier announced=${SETTLED_AT} attempt=1 baked=${BAKED_AT} quarantine=7`],
    ['with a line break', `image-copier attempt=1 baked=${BAKED_AT}\n`],
  ])('does not read one %s', (_what, value) => {
    expect(parse(value)).toBeUndefined();
  });
});

describe('the key of a copy', () => {
  const COPIERS = 'arn:aws:kms:eu-west-1:222222222222:key/1234';

  it("is in the account and Region of the copier's", () => {
    const marker = copyMarker({ keyId: 'mrk-5678' });
    expect(keyArnOf(marker, COPIERS)).toBe('arn:aws:kms:eu-west-1:222222222222:key/mrk-5678');
  });

  it("is the copier's where the marker names none", () => {
    expect(keyArnOf(copyMarker(), COPIERS)).toBe(COPIERS);
  });

  it('is named by the end of its ARN', () => {
    expect(keyIdOf(COPIERS)).toBe('1234');
  });
});

describe('isAnnounced', () => {
  it.each([
    ['that is announced', copyMarker({ announcement: { state: 'announced', settledAt: SETTLED_AT } }), true],
    ['that is being announced', copyMarker({ announcement: { state: 'announcing', settledAt: SETTLED_AT } }), false],
    ['that is not settled', copyMarker(), false],
    ['that is to go', copyMarker({ announcement: ANNOUNCED, end: { state: 'asked', at: ENDED_AT } }), true],
    ['that is retired', copyMarker({ announcement: ANNOUNCED, end: { state: 'retired', at: ENDED_AT } }), false],
    ['that is revoked', copyMarker({ announcement: ANNOUNCED, end: { state: 'revoked', at: ENDED_AT } }), false],
    ["that is none of this copier's", undefined, false],
  ])('tells of a copy %s', (_what, marker, expected) => {
    expect(isAnnounced(marker)).toBe(expected);
  });
});

describe('settledPatterns', () => {
  it('begins with the second itself, and has a start for each later digit', () => {
    expect(settledPatterns('golden', '2026-11-29T23:59:58.123Z')).toEqual(
      [
        ...['2026-11-29T23:59:58', '3', '4', '5', '6', '7', '8', '9'],
        ...Array.from({ length: 9 }, (_, index) => `2${index + 1}`),
        ...['203', '204', '205', '206', '207', '208', '209', '2027', '2028', '2029'],
        ...[2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `2026-${digit}`),
        ...[2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `2026-1${digit}`),
        ...[3, 4, 5, 6, 7, 8, 9].map((digit) => `2026-11-${digit}`),
        ...[3, 4, 5, 6, 7, 8, 9].map((digit) => `2026-11-29T${digit}`),
        ...[4, 5, 6, 7, 8, 9].map((digit) => `2026-11-29T2${digit}`),
        ...[6, 7, 8, 9].map((digit) => `2026-11-29T23:${digit}`),
        ...[6, 7, 8, 9].map((digit) => `2026-11-29T23:59:${digit}`),
        '2026-11-29T23:59:59',
      ].map((start) => `golden announc* baked=${start}*`),
    );
  });

  it('has no more values than EC2 takes', () => {
    expect(settledPatterns('golden', '1000-01-01T00:00:00.000Z').length).toBeLessThanOrEqual(200);
  });
});

describe('settledPatterns', () => {
  it('begins with the second itself, and has a start for each later digit', () => {
    const starts = (before: string, from: number) =>
      Array.from({ length: 10 - from }, (_, index) => `${before}${from + index}`);
    expect(settledPatterns('golden', '2026-11-29T23:59:58.123Z')).toEqual(
      [
        ...['2026-11-29T23:59:58', ...starts('', 3), ...starts('2', 1), ...starts('20', 3), ...starts('202', 7)],
        ...[...starts('2026-', 2), ...starts('2026-1', 2), ...starts('2026-11-', 3)],
        ...[...starts('2026-11-29T', 3), ...starts('2026-11-29T2', 4)],
        ...[...starts('2026-11-29T23:', 6), ...starts('2026-11-29T23:59:', 6), '2026-11-29T23:59:59'],
      ].map((start) => `golden announc* baked=${start}*`),
    );
  });

  it('has no more values than EC2 takes', () => {
    expect(settledPatterns('golden', '1000-01-01T00:00:00.000Z').length).toBeLessThanOrEqual(200);
  });
});

describe('markerPatterns', () => {
  it('matches all copies of a copier, by its whole name', () => {
    expect(markerPatterns('image-copier')).toEqual(['image-copier *']);
  });

  it('matches copies in some states', () => {
    expect(markerPatterns('golden', 'attempt', 'announced')).toEqual(['golden attempt=*', 'golden announced=*']);
    expect(markerPatterns('golden', 'retired')).toEqual(['golden retired=*']);
  });
});
