import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatJson } from '../../cli/json.ts';

describe('formatJson', () => {
  it('escapes what a terminal would obey or hide', () => {
    expect(formatJson(['\u001b[31m\u009b\u202E\u2028\u{E0001}é\n'])).toBe(
      '[\n  "\\u001b[31m\\u009b\\u202e\\u2028\\udb40\\udc01é\\n"\n]',
    );
  });

  it('reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = formatJson({ [text]: [text] });

        expect(json).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(json)).toEqual({ [text]: [text] });
      }),
    );
  });
});
