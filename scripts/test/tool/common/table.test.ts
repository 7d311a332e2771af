import { describe, expect, it } from '@jest/globals';
import { formatTable } from '../../../tool/common/table.ts';

const HEAD = ['ID', 'REASON'];

describe('formatTable', () => {
  it('puts columns under their names, a row a line, without a terminal', () => {
    expect(
      formatTable(
        HEAD,
        [
          ['first', 'a b c'],
          ['2', 'x'.repeat(100)],
        ],
        undefined,
      ),
    ).toBe(`ID     REASON\nfirst  a b c\n2      ${'x'.repeat(100)}`);
  });

  it('wraps the last column to the width of the terminal', () => {
    expect(formatTable(HEAD, [['first', 'one two three four five six']], 27)).toBe(
      'ID     REASON\nfirst  one two three four\n       five six',
    );
  });

  it('puts below its row what has no room next to it, under its name, and nothing for an empty cell', () => {
    const head = ['IMAGE', 'ACCOUNT', 'COPY', 'AGE', 'KEY', 'REASON'];
    const key = '11111111-2222-3333-4444-555555555555';

    expect(
      formatTable(
        head,
        [
          ['ubuntu', 'payments', 'ami-0aaaaaaaaaaaaaaaa', '3 d', key, ''],
          ['ubuntu', 'web', '-', '-', '-', 'KMS key is disabled: enable it, and put the request back.'],
        ],
        46,
      ).split('\n'),
    ).toEqual([
      'IMAGE   ACCOUNT   COPY                   AGE',
      'ubuntu  payments  ami-0aaaaaaaaaaaaaaaa  3 d',
      `  KEY ${key}`,
      'ubuntu  web       -                      -',
      '  REASON KMS key is disabled: enable it, and',
      '    put the request back.',
    ]);
  });

  it('leaves figures to the right of the last column that has room', () => {
    expect(formatTable(['PART', '   $', 'COUNTED'], [['keys', '9.13', '2 keys']], 14)).toBe(
      'PART     $\nkeys  9.13\n  COUNTED 2\n    keys',
    );
  });

  it('breaks no word that a line of its own has room for', () => {
    const lines = (word: string) =>
      formatTable(HEAD, [['1', `a ${word}`]], 24)
        .split('\n')
        .slice(1);

    expect(lines('x'.repeat(20))).toEqual(['1   a', `    ${'x'.repeat(20)}`]);
    expect(lines('x'.repeat(21))).toEqual(['1', '  REASON a', `   ${'x'.repeat(21)}`]);
    expect(lines('x'.repeat(24))).toEqual(['1', 'REASON a', 'x'.repeat(24)]);
    expect(lines('x'.repeat(25))).toEqual(['1', '  REASON a', `  ${'x'.repeat(22)}`, '  xxx']);
  });

  it('cuts what needs more than 8 lines, and cells that are longer than any honest one', () => {
    const lines = formatTable(HEAD, [['i'.repeat(100), 'word '.repeat(200)]], 100).split('\n');

    expect(lines).toHaveLength(9);
    expect(lines[1]).toMatch(/^i{63}… {2}word/);
    expect(lines[8]).toMatch(/ word wor…$/);
    expect(formatTable(HEAD, [['i'.repeat(100), 'x'.repeat(5000)]], undefined)).toMatch(/i{63}… {2}x{1199}…$/);
  });

  it('counts two columns for wide characters', () => {
    expect(
      formatTable(
        HEAD,
        [
          ['漢字', 'a'],
          ['🦊', 'b'],
          ['four', 'c'],
        ],
        undefined,
      ).split('\n'),
    ).toEqual(['ID    REASON', '漢字  a', '🦊    b', 'four  c']);
  });

  it('spells out what could command a terminal or turn the text around', () => {
    expect(formatTable(HEAD, [['\u001b[2J', 'a\u202Eb\u009bc\nd\re']], undefined).split('\n')[1]).toBe(
      '\\u{1b}[2J  a\\u{202e}b\\u{9b}c\\u{a}d\\u{d}e',
    );
  });
});
