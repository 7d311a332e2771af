import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import packageJson from '../../../package.json' with { type: 'json' };
import { ROOT } from '../../tool/common/paths.ts';

const LAUNCHER = packageJson.bin['image-copier'];

/** A checkout with the launcher alone. */
let checkout: string;

beforeEach(() => {
  checkout = realpathSync(mkdtempSync(join(tmpdir(), 'launcher-')));
  mkdirSync(join(checkout, 'scripts/tool'), { recursive: true });
  copyFileSync(join(ROOT, LAUNCHER), join(checkout, LAUNCHER));
});

afterEach(() => {
  rmSync(checkout, { recursive: true });
});

/** As a shell runs what npm has linked. */
function launch(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(join(checkout, LAUNCHER), args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the command that npm links', () => {
  it('says what to do before the tool is built', () => {
    expect(launch('status')).toEqual({
      status: 2,
      stdout: '',
      stderr: `The operators' tool is not built. Run: make -C '${checkout}' build\n`,
    });
  });

  it('runs the tool that was built, with its arguments and its exit code', () => {
    mkdirSync(join(checkout, 'scripts/dist'));
    const tool = 'console.log(process.argv.slice(2).join()); process.exitCode = 1;';
    writeFileSync(join(checkout, 'scripts/dist/image-copier.mjs'), tool);

    expect(launch('status', '--json')).toEqual({ status: 1, stdout: 'status,--json\n', stderr: '' });
  });
});
