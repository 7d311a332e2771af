import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ROOT } from '../../../tool/common/paths.ts';

const SOURCES = join(ROOT, 'scripts', 'tool', 'doctor');
const DOCUMENT = readFileSync(join(ROOT, 'docs', 'doctor.md'), 'utf8');

function all(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, code = '']) => code);
}

it('lists each code of a finding in docs/doctor.md, and no other', () => {
  const files = readdirSync(SOURCES).map((file) => readFileSync(join(SOURCES, file), 'utf8'));
  const used = files.flatMap((text) => all(text, /\bcode: '(\w+)'/g));

  const listed = all(DOCUMENT, /^\| `(\w+)`/gm);
  expect(listed.toSorted()).toEqual(Array.from(new Set(used)).toSorted());
});
