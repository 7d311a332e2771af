import { describe, expect, it } from '@jest/globals';
import { formatJson } from '../../../tool/common/json.ts';

describe('formatJson', () => {
  it('escapes what a terminal would obey or hide', () => {
    expect(formatJson(['\u001b[31m\u009b\u202E\u2028\u{E0001}é\n']).whole).toBe(
      '[\n  "\\u001b[31m\\u009b\\u202e\\u2028\\udb40\\udc01é\\n"\n]',
    );
  });
});
