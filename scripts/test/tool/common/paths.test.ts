import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from '../../../tool/common/paths.ts';

const FILE = 'scripts/tool/common/paths.ts';

/** A package as npm installs it, with the file of the paths alone. */
let installed: string;

beforeEach(() => {
  installed = realpathSync(mkdtempSync(join(tmpdir(), 'installed-')));
  for (const folder of ['terraform/modules', 'scripts/tool/common'])
    mkdirSync(join(installed, folder), { recursive: true });
  writeFileSync(join(installed, 'package.json'), '{"type":"module"}');
  copyFileSync(join(ROOT, FILE), join(installed, FILE));
});

afterEach(() => {
  rmSync(installed, { recursive: true });
});

function pathsFor(variables: NodeJS.ProcessEnv): unknown {
  const script = `import('${join(installed, FILE)}').then((paths) => console.log(JSON.stringify(paths)))`;
  const tsx = join(ROOT, 'node_modules', '.bin', 'tsx');
  const { PATH } = process.env;
  return JSON.parse(
    execFileSync(tsx, ['-e', script], { env: { PATH, HOME: '/home/user', ...variables }, encoding: 'utf8' }),
  );
}

describe('what the tool downloads', () => {
  it('goes into the cache folder of the user for an installed package', () => {
    expect(pathsFor({})).toEqual({ ROOT: installed, CACHE: '/home/user/.cache/image-copier' });
    expect(pathsFor({ XDG_CACHE_HOME: '' })).toEqual({ ROOT: installed, CACHE: '/home/user/.cache/image-copier' });
    expect(pathsFor({ XDG_CACHE_HOME: '/var/cache' })).toEqual({ ROOT: installed, CACHE: '/var/cache/image-copier' });
  });

  it('stays in a checkout', () => {
    writeFileSync(join(installed, 'package-lock.json'), '{}');

    expect(pathsFor({ XDG_CACHE_HOME: '/var/cache' })).toEqual({ ROOT: installed, CACHE: join(installed, '.cache') });
  });
});
