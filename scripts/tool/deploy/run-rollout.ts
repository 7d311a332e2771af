import type { Deployment } from './deployment.ts';
import { MemoryWatch } from './memory.ts';
import { LiveProgress, PlainProgress, type Progress } from './progress.ts';
import { resultsTable } from './results-table.ts';
import type { RolloutReport, StackReport } from './roll-out.ts';
import { runStacks, type StacksRun } from './run-stacks.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';

export interface RolloutPlan extends Omit<StacksRun, 'signal' | 'progress'> {
  readonly json: boolean;
}

/**
 * Runs Terraform for the stacks, shows how far it is on standard error, and the results on standard output.
 * @returns whether all went well
 * @throws {UserError} if the user stopped it; by then all that ran has ended
 */
export async function runRollout(plan: RolloutPlan): Promise<boolean> {
  const { deployment, json } = plan;
  const memory = new MemoryWatch(() => deployment.pids);
  const startMs = performance.now();
  try {
    return await interruptible(
      async (signal) => {
        const report = await perform(plan, signal);
        const seconds = (performance.now() - startMs) / 1000;
        if (json) console.log(formatJson(report.stacks.map((stack) => fieldsOf(stack, deployment))));
        else showResults(report, deployment, figures(report, seconds, memory.peakMib));
        tellProblems(report);
        signal.throwIfAborted();
        return report.problem === undefined && report.stacks.every(({ result }) => result === 'done');
      },
      // Terraform writes its state then, but what AWS was just making may not be in it. The next time it stops at once.
      () => {
        deployment.interrupt();
      },
    );
  } finally {
    memory.close();
  }
}

async function perform(plan: RolloutPlan, signal: AbortSignal): Promise<RolloutReport> {
  const { waves } = plan;
  const progress = openProgress(waves.reduce((sum, { stacks }) => sum + stacks.length, 0));
  signal.addEventListener('abort', () => {
    progress.say(
      'Stopping: no further account is begun. Those that run go on to their end; Ctrl-C again interrupts them.',
    );
  });
  try {
    return await runStacks({ ...plan, signal, progress });
  } finally {
    progress.close();
  }
}

function openProgress(total: number): Progress {
  if (process.stderr.isTTY) return new LiveProgress(total, process.stderr);
  return new PlainProgress(total, (line) => {
    console.error(line);
  });
}

function showResults({ stacks }: RolloutReport, deployment: Deployment, summary: string): void {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  console.log(`${resultsTable(stacks, ({ stack }) => deployment.logOf(stack), width)}\n\n${summary}`);
}

function figures({ stacks }: RolloutReport, seconds: number, peakMib: number | undefined): string {
  const done = stacks.filter(({ result }) => result === 'done').length;
  const perMinute = ((done * 60) / seconds).toFixed(1);
  const memory = peakMib === undefined ? '' : ` Terraform took ${peakMib} MiB at most.`;
  return `${done} of ${stacks.length} stacks done in ${seconds.toFixed(0)} s: ${perMinute} accounts a minute.${memory}`;
}

function tellProblems({ stacks, problem }: RolloutReport): void {
  for (const { stack, result, problem: own } of stacks) {
    if (result === 'failed') console.error(`\n${stack.name} (${stack.accountId}) failed: ${own ?? ''}`);
  }
  if (problem !== undefined) console.error(`\n${problem}`);
}

function fieldsOf({ stack, result, changes, seconds, problem }: StackReport, deployment: Deployment) {
  return {
    stack: stack.name,
    account: stack.accountId,
    kind: stack.kind,
    result,
    ...(changes ?? { added: null, changed: null, destroyed: null }),
    seconds: seconds === undefined ? null : Math.round(seconds),
    log: seconds === undefined ? null : deployment.logOf(stack),
    problem: problem ?? null,
  };
}
