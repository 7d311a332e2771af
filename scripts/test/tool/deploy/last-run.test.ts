import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UserError } from '../../../tool/common/user-error.ts';
import { isOpen, readLastRun, withoutDeparted, writeLastRun, type LastRun } from '../../../tool/deploy/last-run.ts';

let out: string;

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'last-run-'));
});

afterEach(() => {
  rmSync(out, { recursive: true });
});

describe('the last run', () => {
  it('reads as it was written', () => {
    const run: LastRun = { waves: ['wave=canary'], smoke: 'open', stacks: { source: true, payments: false } };

    writeLastRun(out, { ...run, smoke: 'passed' });
    writeLastRun(out, run);

    expect(readLastRun(out)).toEqual(run);
  });

  it('is missed in words', () => {
    expect(() => readLastRun(out)).toThrow(
      new UserError(`There is no run to resume in ${out}. Deploy without --resume.`, 2),
    );
  });

  it.each(['', '{"waves":[', '{"waves":[],"smoke":"maybe","stacks":{}}'])(
    'is not read if it is damaged: %s',
    (text) => {
      writeFileSync(join(out, 'run.json'), text);

      expect(() => readLastRun(out)).toThrow(/run\.json cannot be read\. Deploy without --resume\./);
    },
  );
});

describe('a run that is resumed', () => {
  const run: LastRun = { waves: [], smoke: 'not asked', stacks: { web: true, payments: false } };

  it('is open while a stack is not done', () => {
    expect(isOpen(run)).toBe(true);
    expect(isOpen({ ...run, stacks: { web: true, payments: true } })).toBe(false);
  });

  it('is open while the smoke check is not passed', () => {
    expect(isOpen({ ...run, smoke: 'open', stacks: { web: true } })).toBe(true);
    expect(isOpen({ ...run, smoke: 'passed', stacks: { web: true } })).toBe(false);
  });

  it('is done once the account that was not done has left the file', () => {
    expect(isOpen(withoutDeparted(run, [{ name: 'web' }]))).toBe(false);
    expect(isOpen(withoutDeparted(run, [{ name: 'web' }, { name: 'payments' }]))).toBe(true);
  });

  it('is done once all its accounts have left the file', () => {
    expect(isOpen(withoutDeparted({ ...run, smoke: 'open' }, [{ name: 'other' }]))).toBe(false);
  });
});
