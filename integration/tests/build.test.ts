import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { unzipSync } from 'fflate';
import { ROOT } from '../../scripts/paths.ts';

const ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');

function buildAt(timeZone: string): string {
  const built = spawnSync('make', ['build'], { cwd: ROOT, env: { ...process.env, TZ: timeZone }, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  return createHash('sha256').update(readFileSync(ZIP)).digest('hex');
}

it('builds the same bytes in any time zone', () => {
  expect(buildAt('Pacific/Auckland')).toBe(buildAt('America/Los_Angeles'));
});

it('puts a file for each function into the zip', () => {
  expect(Object.keys(unzipSync(readFileSync(ZIP)))).toEqual(['copy-image.mjs', 'settle-copy.mjs']);
});
