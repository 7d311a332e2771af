import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Progress } from '../../../tool/deploy/progress.ts';
import { resultsTable } from '../../../tool/deploy/results-table.ts';
import type { StackReport } from '../../../tool/deploy/roll-out.ts';
import { SOURCE, stack } from './stacks.ts';

const PAYMENTS = stack('payments');
const DONE: StackReport = {
  stack: PAYMENTS,
  result: 'done',
  changes: { added: 30, changed: 0, destroyed: 1 },
  seconds: 61.6,
};

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe('Progress on a pipe', () => {
  it('prints what ended, and every ten seconds what runs', () => {
    let written = '';
    const progress = new Progress(2, { write: (text) => (written += text), size: undefined });

    progress.begin(PAYMENTS);
    progress.begin(SOURCE);
    progress.advance(SOURCE, 3, 7);
    jest.advanceTimersByTime(10_000);
    progress.end(DONE);
    progress.end({ stack: SOURCE, result: 'failed', seconds: 12, problem: 'broken' });
    jest.advanceTimersByTime(60_000);
    progress.close();

    expect(written.split('\n')).toEqual([
      '... payments: planning, 10 s; source: 3 of 7 changes made, 10 s',
      '[1/2] payments: done in 62 s: +30 ~0 -1',
      '[2/2] source: failed after 12 s',
      '',
    ]);
  });
});

describe('Progress on a terminal', () => {
  /** A terminal of so many rows that shows what a real one would: lines, moving up, and clearing from there. */
  function terminal(columns: number, rows: number) {
    let lines = [''];
    const write = (text: string) => {
      const up = /^\r\u001B\[(\d+)A\u001B\[J/.exec(text);
      if (up) lines = [...lines.slice(0, -1 - Number(up[1])), ''];
      const [first = '', ...rest] = text.slice(up?.[0].length ?? 0).split('\n');
      lines = [...lines.slice(0, -1), `${lines.at(-1) ?? ''}${first}`, ...rest];
      return true;
    };
    return { size: { columns, rows }, write, shown: () => lines };
  }

  it('draws what runs below what ended, again and again, and leaves only what ended', () => {
    const screen = terminal(32, 24);
    const progress = new Progress(2, screen);

    progress.begin(PAYMENTS);
    progress.begin(SOURCE);
    jest.advanceTimersByTime(1000);
    progress.advance(SOURCE, 3, 7);
    jest.advanceTimersByTime(1000);
    const whileBothRun = screen.shown();
    progress.end(DONE);
    jest.advanceTimersByTime(1000);
    const whileOneRuns = screen.shown();
    progress.close();

    // Cut to the width, so that a line stays one line.
    expect(whileBothRun).toEqual(['  payments: planning, 2 s', '  source: 3 of 7 changes made,…', '']);
    expect(whileOneRuns).toEqual(['[1/2] payments: done in 62 s:', '+30 ~0 -1', '  source: 3 of 7 changes made,…', '']);
    expect(screen.shown()).toEqual(['[1/2] payments: done in 62 s:', '+30 ~0 -1', '']);
  });

  it('draws no more than the terminal holds', () => {
    const screen = terminal(80, 5);
    const progress = new Progress(9, screen);

    for (let index = 0; index < 9; index += 1) progress.begin(stack(`stack-${index}`));
    jest.advanceTimersByTime(1000);
    const shown = screen.shown();
    progress.close();

    expect(shown).toEqual(['  stack-0: planning, 1 s', '  stack-1: planning, 1 s', '… 7 more lines', '']);
    expect(screen.shown()).toEqual(['']);
  });
});

describe('resultsTable', () => {
  it('has a row for each stack, and dashes for what never ran', () => {
    const reports: StackReport[] = [DONE, { stack: SOURCE, result: 'not reached' }];

    expect(resultsTable(reports, () => 'logs/x.log', undefined)).toBe(
      [
        'STACK     ACCOUNT       RESULT       ADD  CHANGE  DESTROY  SECONDS  LOG',
        'payments  222222222222  done         30   0       1        62       logs/x.log',
        'source    111111111111  not reached  -    -       -        -        -',
      ].join('\n'),
    );
  });
});
