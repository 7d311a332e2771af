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

  it('breaks words that are longer than a line', () => {
    expect(
      formatTable(HEAD, [['1', `a ${'x'.repeat(30)}`]], 24)
        .split('\n')
        .slice(1),
    ).toEqual(['1   a', `    ${'x'.repeat(20)}`, `    ${'x'.repeat(10)}`]);
  });

  it('cuts what needs more than 8 lines, and cells that are longer than any honest one', () => {
    const lines = formatTable(HEAD, [['i'.repeat(100), 'word '.repeat(200)]], 100).split('\n');

    expect(lines).toHaveLength(9);
    expect(lines[1]).toMatch(/^i{23}… {2}word/);
    expect(lines[8]).toMatch(/word wo?r?d? ?…$/);
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
