import type { Interruptible } from '../../../tool/common/tool.ts';
import { runTool } from '../../../tool/run-tool.ts';
import { FakeAws } from './fake-aws.ts';
import { FakeTerminal } from './fake-terminal.ts';

/** How a command ended, and what it wrote. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface World {
  readonly program?: string;
  readonly aws?: FakeAws;
  readonly terminal?: FakeTerminal;
  readonly env?: NodeJS.ProcessEnv;
  /** Whether the user has pressed Ctrl-C, and for tests that press it later. */
  readonly stopped?: AbortController;
  /** For tests that press Ctrl-C more than once. */
  readonly interruptible?: Interruptible;
}

/** Runs a command line of the tool in this process, with the AWS and the terminal of the test. */
export async function run(
  args: readonly string[],
  {
    program = 'image-copier',
    aws = new FakeAws(),
    terminal = new FakeTerminal(),
    env = {},
    stopped = new AbortController(),
    interruptible = (use) => use(stopped.signal),
  }: World = {},
): Promise<Ran> {
  const code = await runTool(args, {
    program,
    terminal,
    loadConnect: () => Promise.resolve(aws.connect),
    env,
    interruptible,
  });
  return { code, out: terminal.out.text, err: terminal.err.text };
}
