import type { Action, Deployment } from './deployment.ts';
import type { Progress } from './progress.ts';
import { rollOut, type RolloutReport, type StackReport, type Wave } from './roll-out.ts';

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
    parallel,
    signal,
    onEnd: (report) => {
      progress.end(report);
      onEnd?.(report);
    },
    say: (line) => {
      progress.say(line);
    },
  });
}
