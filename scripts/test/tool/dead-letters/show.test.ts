import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from '../../../tool/common/dead-letter.ts';
import type { LetterOfCopier } from '../../../tool/dead-letters/choose.ts';
import {
  countOfEnvironments,
  countOfLetters,
  formatLine,
  letterFields,
  lettersTable,
} from '../../../tool/dead-letters/show.ts';
import { IMAGE, letter as letterAlone, REQUESTED_AT } from '../common/letters.ts';

const MINUTE_MS = 60_000;
const COPIER = { accountId: '222222222222', account: 'payments', region: 'eu-west-1', labels: {}, name: 'golden' };

function letter(changes: Partial<DeadLetter> = {}): LetterOfCopier {
  return { ...letterAlone(changes), copier: COPIER };
}

function rows(letters: readonly LetterOfCopier[], width?: number, afterMs = 3 * MINUTE_MS): string[] {
  const nowMs = Date.parse(REQUESTED_AT) + afterMs;
  return lettersTable(letters, { width, nowMs, several: false }).split('\n').slice(1);
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
        'function fails on each delivery: look in its log, /aws/lambda/golden-copy-image.',
    ]);
  });

  it('says which environment each letter is of, where there are several', () => {
    const other = { ...letter({ id: 'bbbb2222' }), copier: { ...COPIER, account: 'web', region: 'eu-central-1' } };
    const nowMs = Date.parse(REQUESTED_AT);

    expect(lettersTable([letter({ id: 'aaaa1111' }), other], { width: undefined, nowMs, several: true })).toBe(
      [
        'ACCOUNT   REGION        ID        SOURCE IMAGE           AGE  TRIES       REASON',
        `payments  eu-west-1     aaaa1111  ${IMAGE}  0 s  1 delivery  UntrustedOwner: It belongs to somebody else.`,
        `web       eu-central-1  bbbb2222  ${IMAGE}  0 s  1 delivery  UntrustedOwner: It belongs to somebody else.`,
      ].join('\n'),
    );
  });

  it('says that a code has no text', () => {
    expect(rows([letter({ reason: undefined })])[0]).toMatch(/ {2}UntrustedOwner: without a text$/);
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
      account: 'payments',
      accountId: '222222222222',
      region: 'eu-west-1',
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

describe('countOfEnvironments', () => {
  it.each([
    [1, '1 account and Region'],
    [2, '2 accounts and Regions'],
  ])('says %d as %s', (count, said) => {
    expect(countOfEnvironments(count)).toBe(said);
  });
});

describe('formatLine', () => {
  it('names the environment where there are several', () => {
    expect(formatLine(COPIER, 'Done.', true)).toBe('payments, eu-west-1: Done.');
    expect(formatLine(COPIER, 'Done.', false)).toBe('Done.');
  });
});
