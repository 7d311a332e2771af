// One file for all that holds for any text: fast-check needs a second for its first.
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatJson } from '../../../tool/common/json.ts';
import { formatTable } from '../../../tool/common/table.ts';
import { escapeHtml, scriptJson } from '../../../tool/status/page-text.ts';

const anyText = fc.string({ unit: 'binary' });
const HIDDEN = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u;

it('formatTable shows nothing that is hidden, and no line that is too long', () => {
  const cell = fc.string({ unit: 'binary', maxLength: 300 });
  fc.assert(
    fc.property(cell, cell, fc.integer({ min: 100, max: 200 }), (first, last, width) => {
      const table = formatTable(['ID', 'REASON'], [[first, last]], width);

      expect(table).not.toMatch(HIDDEN);
      for (const line of table.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(width);
    }),
  );
});

it('formatJson shows nothing that is hidden, and reads back as it was', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const json = formatJson({ [text]: [text] }).whole;

      expect(json).not.toMatch(HIDDEN);
      expect(JSON.parse(json)).toEqual({ [text]: [text] });
    }),
  );
});

it('escapeHtml leaves nothing that HTML takes for its own, and nothing hidden', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"'\p{C}\p{Zl}\p{Zp}]|&(?!(amp|lt|gt|quot|#39);)/u);
    }),
  );
});

it('scriptJson ends no script, and reads back as it was', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(scriptJson([text])).not.toMatch(/[<>&]/);
      expect(JSON.parse(scriptJson([text]))).toEqual([text]);
    }),
  );
});
