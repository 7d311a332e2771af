import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { tried, type Listed } from './attack.ts';

const ROW = /^\| [^|]+ \| (?<who>[^|]+?) +\| `(?<answer>[^`|]+)` +\| (?<name>[^|]+?) +\|$/gm;

describe('docs/security.md', () => {
  const listed = Array.from(
    readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8').matchAll(ROW),
    ({ groups }) => ({ ...groups }) as unknown as Listed,
  );
  const lines = (rows: readonly Listed[]) => rows.map(({ who, name, answer }) => `${who} ${name}: ${answer}`).sort();

  it('lists each attack with its answer, and no other', () => {
    expect(lines(listed)).toEqual(lines(tried));
  });

  it('lists no attack twice', () => {
    expect(new Set(tried.map(({ who, name }) => `${who} ${name}`)).size).toBe(tried.length);
  });
});
