import { expect, it } from '@jest/globals';
import { createProgram } from '../../tool/program.ts';
import { printTopHelp, topHelpOf } from '../../tool/top-help.ts';
import { FakeAws } from './support/fake-aws.ts';
import { FakeTerminal } from './support/fake-terminal.ts';
import { run } from './support/run.ts';

const PROGRAM = "node 'a b/image-copier.mjs'";

const createdProgram = () =>
  createProgram(
    {
      program: PROGRAM,
      terminal: new FakeTerminal(),
      loadConnect: () => Promise.resolve(new FakeAws().connect),
      env: {},
      interruptible: (use) => use(new AbortController().signal),
    },
    () => undefined,
  );

it.each([[undefined], [1], [20], [40], [59], [60], [61], [80], [100], [121], [250]])(
  'reads as commander prints it, on a terminal of %p columns',
  async (columns) => {
    const terminal = new FakeTerminal(columns === undefined ? {} : { columns });
    printTopHelp(topHelpOf(createdProgram()), PROGRAM, terminal.out);

    expect({ code: 0, out: terminal.out.text, err: '' }).toEqual(
      await run(['--help'], { program: PROGRAM, terminal: new FakeTerminal(columns === undefined ? {} : { columns }) }),
    );
  },
);
