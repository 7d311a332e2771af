import { describe, expect, it } from '@jest/globals';
import { LiveLines } from '../../../tool/common/live-lines.ts';
import { FakeOutput } from '../support/fake-terminal.ts';

// To the start of the line first: a terminal shows Ctrl-C as ^C there.
const UP = (lines: number) => `\r\u001B[${lines}A\u001B[J`;

describe('LiveLines', () => {
  it('draws over what it drew before', () => {
    const output = new FakeOutput({ columns: 80, rows: 24 });
    const live = new LiveLines(output);

    live.draw(['one', 'two']);
    live.draw(['three']);
    live.close();

    expect(output.text).toBe(`one\ntwo\n${UP(2)}three\n${UP(1)}`);
  });

  it('prints what stays above what is drawn', () => {
    const output = new FakeOutput({ columns: 80, rows: 24 });
    const live = new LiveLines(output);

    live.print('first');
    live.draw(['one']);
    live.print('second');
    live.close();
    live.print('third');

    expect(output.text).toBe(`first\none\n${UP(1)}second\none\n${UP(1)}third\n`);
  });

  it('draws no line and no column more than the terminal has', () => {
    const output = new FakeOutput({ columns: 16, rows: 5 });
    const live = new LiveLines(output);

    live.draw(['123456789012345', '1234567890123456', 'left out', 'left out']);

    expect(output.text).toBe('123456789012345\n12345678901234…\n… 2 more lines\n');
    expect(live.width).toBe(15);
  });

  it('wraps what stays', () => {
    const output = new FakeOutput({ columns: 10, rows: 5 });

    new LiveLines(output).print('[1/2] web: done');

    expect(output.text).toBe('[1/2] web:\ndone\n');
  });

  it('prints what stays, and nothing else, where there is no terminal', () => {
    const output = new FakeOutput(undefined);
    const live = new LiveLines(output);

    live.draw(['one']);
    live.print('stays');
    live.close();

    expect(output.text).toBe('stays\n');
  });
});
