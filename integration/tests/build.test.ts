import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { unzipSync } from 'fflate';
import { ZIP } from '../../scripts/dev/lambda-bundle.ts';
import { ROOT } from '../../scripts/tool/common/paths.ts';

function buildAt(timeZone: string): string {
  const built = spawnSync('make', ['build'], { cwd: ROOT, env: { ...process.env, TZ: timeZone }, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  return createHash('sha256').update(readFileSync(ZIP)).digest('hex');
}

it('builds the same bytes in any time zone', () => {
  expect(buildAt('Pacific/Auckland')).toBe(buildAt('America/Los_Angeles'));
});

it('puts a file for each function into the zip, and nothing that none of them loads', () => {
  const files = unzipSync(readFileSync(ZIP));
  const names = Object.keys(files);
  const code = Object.values(files).map((content) => Buffer.from(content).toString());
  const isLoaded = (name: string) => code.some((text) => text.includes(`"./${name}"`));

  expect(names.filter((name) => !isLoaded(name))).toEqual([
    'copy-image.mjs',
    'settle-copy.mjs',
    'retire-image.mjs',
    'watch-requests.mjs',
    'publish-image.mjs',
  ]);
});
