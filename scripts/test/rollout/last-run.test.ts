import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LastRunError, readLastRun, writeLastRun, type LastRun } from '../../rollout/last-run.ts';

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
      new LastRunError(`There is no run to resume in ${out}. Deploy without --resume.`),
    );
  });

  it.each(['', '{"waves":[', '{"waves":[],"smoke":"maybe","stacks":{}}'])('is refused if damaged: %s', (text) => {
    writeFileSync(join(out, 'run.json'), text);

    expect(() => readLastRun(out)).toThrow(/run\.json cannot be read\. Deploy without --resume\./);
  });
});
