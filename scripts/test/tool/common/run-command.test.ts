import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CommandError, runCommand } from '../../../tool/common/run-command.ts';

let folder: string;
let logFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-command-'));
  logFile = join(folder, 'logs', 'command.log');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const sh = (program: string, options: Partial<Parameters<typeof runCommand>[2]> = {}) =>
  runCommand('sh', ['-c', program], { cwd: folder, env: process.env, logFile, ...options });

describe('runCommand', () => {
  it('gives the standard output, and keeps both outputs in the log, after what is there', async () => {
    await sh('echo first');

    const output = await sh('echo answer; echo notice >&2');

    expect(output).toBe('answer\n');
    expect(readFileSync(logFile, 'utf8')).toMatch(/^first\n(answer\nnotice|notice\nanswer)\n$/);
  });

  it('runs in the folder and with the variables that it is given', async () => {
    const output = await sh('echo "$(basename "$PWD") $OWN"', { env: { PATH: process.env['PATH'], OWN: 'value' } });

    expect(output).toBe(`${folder.split('/').at(-1) ?? ''} value\n`);
  });

  it('tells each line of standard output as it comes', async () => {
    const lines: string[] = [];
    const go = join(folder, 'go');

    // The second line comes only once the first was told.
    await sh(`echo one; while [ ! -e go ]; do sleep 0.01; done; printf 'tw\\303'; printf '\\266\\nthree'`, {
      onLine: (line) => {
        lines.push(line);
        writeFileSync(go, '');
      },
    });

    expect(lines).toEqual(['one', 'twö', 'three']);
  });

  it('fails with the code and the last lines if the command does', async () => {
    const failed = sh(
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26; do echo $i; done; exit 3',
    );

    await expect(failed).rejects.toThrow(
      new CommandError('sh -c', 3, Array.from({ length: 25 }, (_, index) => index + 2).join('\n'), logFile),
    );
  });

  it('fails in words if there is no such command', async () => {
    const failed = runCommand('no-such-command', ['version'], { cwd: folder, env: process.env, logFile });

    await expect(failed).rejects.toMatchObject({
      name: 'UserError',
      message: 'no-such-command cannot be run (Error: spawn no-such-command ENOENT).',
      exitCode: 2,
    });
  });
});
