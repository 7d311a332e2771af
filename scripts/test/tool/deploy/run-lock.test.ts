import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { withRunLock } from '../../../tool/deploy/run-lock.ts';

let out: string;
let file: string;

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'run-lock-'));
  file = join(out, 'run.lock');
});

afterEach(() => {
  rmSync(out, { recursive: true });
});

const ran = () => Promise.resolve('ran');

/** The lock of a run of this process, as it stands in the file meanwhile. */
async function lockOf(command: string): Promise<Record<string, unknown>> {
  return await withRunLock(out, command, () =>
    Promise.resolve(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>),
  );
}

/** A run that meets a lock, and what is in the folder afterwards. */
async function runAgainst(lock: string): Promise<{ ended: unknown; left: string[] }> {
  writeFileSync(file, lock);
  const ended = await withRunLock(out, 'deploy', ran).catch((error: unknown) => error);
  return { ended, left: readdirSync(out) };
}

describe('withRunLock', () => {
  it('lets one run at a time, says which one, and leaves its lock', async () => {
    const second = await withRunLock(out, 'destroy', async () => {
      const refused: unknown = await withRunLock(out, 'deploy', ran).catch((error: unknown) => error);
      expect(existsSync(file)).toBe(true);
      return refused;
    });

    expect(second).toBeInstanceOf(UserError);
    expect(second).toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(
        new RegExp(
          `^Another destroy runs in ${out} since \\d\\d:\\d\\d \\(pid ${process.pid}\\)\\. Wait for it, or choose another folder with --out\\.$`,
        ),
      ),
    });
  });

  it('gives the lock back, also after a failure', async () => {
    await expect(withRunLock(out, 'deploy', () => Promise.reject(new Error('stopped')))).rejects.toThrow('stopped');

    expect(readdirSync(out)).toEqual([]);
    expect(await withRunLock(out, 'deploy', ran)).toBe('ran');
  });

  it('makes the folder, of a first run', async () => {
    expect(await withRunLock(join(out, 'new', 'folder'), 'deploy', ran)).toBe('ran');
  });

  it('takes over the lock of a process that is gone', async () => {
    const gone = spawnSync('true').pid;

    const { ended, left } = await runAgainst(JSON.stringify({ ...(await lockOf('deploy')), pid: gone }));

    expect({ ended, left }).toEqual({ ended: 'ran', left: [] });
  });

  it('takes over the lock of a process whose pid another one has now', async () => {
    const { ended } = await runAgainst(JSON.stringify({ ...(await lockOf('deploy')), began: '1' }));

    expect(ended).toBe('ran');
  });

  it('cannot tell whether a process of another machine is gone', async () => {
    const lock = { ...(await lockOf('deploy')), host: 'runner-7', since: '2026-01-02T12:00:00.000Z' };

    const { ended, left } = await runAgainst(JSON.stringify(lock));

    expect(ended).toMatchObject({
      message: expect.stringMatching(
        /^Another deploy runs in \S+ since Fri Jan 02 2026, \d\d:\d\d \(pid \d+ on runner-7\)\. Wait for it; if it is gone, remove \S+run\.lock\.$/,
      ),
    });
    expect(left).toEqual(['run.lock']);
  });

  it('leaves a lock that is just being written', async () => {
    const { ended, left } = await runAgainst('');

    expect(ended).toMatchObject({
      message: `Another deploy begins in ${out}. Try again; if that does not help, remove ${file}.`,
    });
    expect(left).toEqual(['run.lock']);
  });
});
