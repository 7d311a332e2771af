import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from '../../../tool/common/dead-letter.ts';
import { countOfLetters, letterFields, lettersTable } from '../../../tool/dead-letters/show.ts';
import { IMAGE, letter, REQUESTED_AT } from '../common/letters.ts';

const MINUTE_MS = 60_000;

function rows(letters: readonly DeadLetter[], width?: number, afterMs = 3 * MINUTE_MS): string[] {
  const nowMs = Date.parse(REQUESTED_AT) + afterMs;
  return lettersTable(letters, { width, nowMs, name: 'image-copier' }).split('\n').slice(1);
}

describe('lettersTable', () => {
  it('shows a letter in a line, without a terminal', () => {
    expect(rows([letter()])).toEqual([
      `1b2c3d4e-0000-4000-8000-000000000000  ${IMAGE}  3 min  1 delivery  UntrustedOwner: It belongs to somebody else.`,
    ]);
  });

  it('says the code once, where the reason begins with it', () => {
    const reason = 'UnauthorizedOperation: You are not authorized.';

    expect(rows([letter({ code: 'UnauthorizedOperation', reason })])[0]).toMatch(
      / {2}UnauthorizedOperation: You are not/,
    );
  });

  it('fits into a terminal', () => {
    expect(rows([letter({ attempt: 3, receiveCount: undefined })], 80)).toEqual([
      `1b2c3d4e  ${IMAGE}  3 min  3 copies  UntrustedOwner: It belongs to`,
      `${' '.repeat(50)}somebody else.`,
    ]);
  });

  it('shows as much of the ids as makes them different', () => {
    const ids = ['12345678-1a', '12345678-1b', '12345678-2'].map((id) => rows([letter({ id })], 200)[0]?.split(' ')[0]);
    const together = rows(
      ['12345678-1a', '12345678-1b', '12345678-2'].map((id) => letter({ id })),
      200,
    );

    expect(ids).toEqual(['12345678', '12345678', '12345678']);
    expect(together.map((row) => row.split(' ')[0])).toEqual(['12345678-1a', '12345678-1b', '12345678-2']);
  });

  it('says where to look if there is no reason', () => {
    expect(
      rows([letter({ code: undefined, reason: undefined, sourceImage: undefined, receiveCount: undefined })]),
    ).toEqual([
      '1b2c3d4e-0000-4000-8000-000000000000  -             3 min  -      No reason. SQS moves a request here when the ' +
        'function fails on each delivery: look in its log, /aws/lambda/image-copier-copy-image.',
    ]);
  });

  it.each([
    [-MINUTE_MS, '0 s'],
    [119_999, '119 s'],
    [2 * MINUTE_MS, '2 min'],
    [2 * 60 * MINUTE_MS, '2 h'],
    [48 * 60 * MINUTE_MS - 1, '47 h'],
    [13 * 24 * 60 * MINUTE_MS, '13 d'],
  ])('shows an age of %d ms as %s', (ms, shown) => {
    expect(rows([letter()], undefined, ms)[0]).toContain(`  ${shown}  `);
  });
});

describe('letterFields', () => {
  it('has the whole of a letter', () => {
    expect(letterFields(letter({ attempt: 3, reason: 'x'.repeat(5000) }))).toEqual({
      id: '1b2c3d4e-0000-4000-8000-000000000000',
      sourceImage: IMAGE,
      code: 'UntrustedOwner',
      reason: 'x'.repeat(5000),
      requestedAt: REQUESTED_AT,
      attempt: 3,
      receiveCount: 1,
      body: `{"sourceAmi":"${IMAGE}"}`,
    });
  });

  it('has null for what is not known', () => {
    const unknown = letter({ sourceImage: undefined, code: undefined, reason: undefined, body: new Error('lost') });

    expect(letterFields(unknown)).toMatchObject({
      sourceImage: null,
      code: null,
      reason: null,
      attempt: null,
      body: null,
    });
  });
});

describe('countOfLetters', () => {
  it.each([
    [0, '0 dead letters'],
    [1, '1 dead letter'],
    [2, '2 dead letters'],
  ])('says %d as %s', (count, said) => {
    expect(countOfLetters(count)).toBe(said);
  });
});
