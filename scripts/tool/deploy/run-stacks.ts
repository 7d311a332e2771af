import type { Action, Deployment } from './deployment.ts';
import { Progress } from './progress.ts';
import { rollOut, type RolloutReport, type StackReport, type Success, type Wave } from './roll-out.ts';

export interface StacksRun {
  readonly deployment: Deployment;
  readonly action: Action;
  readonly waves: readonly Wave[];
  /** How many stacks at a time. */
  readonly parallel: number;
  /** No stack is begun once it is aborted. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly onEnd?: (report: StackReport) => void;
}

/** What it comes to where an action does not fail. */
export function successOf(action: Action): Success {
  return action === 'plan' ? 'planned' : 'done';
}

/** Runs Terraform for the stacks, wave by wave, and shows how far it is. */
export async function runStacks(run: StacksRun): Promise<RolloutReport> {
  const { deployment, action, waves, parallel, signal, progress, onEnd } = run;
  return await rollOut(waves, {
    perform: async (stack) => {
      progress.begin(stack);
      return await deployment.perform(action, stack, (done, planned) => {
        progress.advance(stack, done, planned);
      });
    },
    success: successOf(action),
    parallel,
    signal,
    onEnd: (report) => {
      progress.end(report);
      onEnd?.(report);
    },
    print: (line) => {
      progress.print(line);
    },
  });
}

/**
 * The same for programs that need every stack, and that nobody stops.
 * @throws {Error} with all problems, if any stack fails
 */
export async function runEveryStack(
  run: Omit<StacksRun, 'signal' | 'progress' | 'onEnd'>,
  report: (line: string) => void,
): Promise<readonly StackReport[]> {
  const total = run.waves.reduce((sum, { stacks }) => sum + stacks.length, 0);
  const write = (text: string) => {
    report(text.trimEnd());
  };
  const progress = new Progress(total, { write, size: undefined });
  try {
    const { stacks } = await runStacks({ ...run, signal: new AbortController().signal, progress });
    const problems = stacks.flatMap(({ problem }) => problem ?? []);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return stacks;
  } finally {
    progress.close();
  }
}
