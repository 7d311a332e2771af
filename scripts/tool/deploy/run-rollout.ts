import type { Deployment } from './deployment.ts';
import { MemoryWatch } from './memory.ts';
import { Progress } from './progress.ts';
import { resultsTable } from './results-table.ts';
import { formatPlanned } from './planned-changes.ts';
import type { RolloutReport, StackReport, Success } from './roll-out.ts';
import { runStacks, successOf, type StacksRun } from './run-stacks.ts';
import { print, type Output, type Terminal } from '../common/terminal.ts';
import type { Tool } from '../common/tool.ts';
import { formatJson } from '../common/json.ts';

export interface RolloutPlan extends Omit<StacksRun, 'signal' | 'progress'> {
  readonly json: boolean;
}

/**
 * Runs Terraform for the stacks, shows how far it is on standard error, and the results on standard output.
 * @returns whether all went well
 * @throws {UserError} if the user stopped it; by then all that ran has ended
 */
export async function runRollout(plan: RolloutPlan, { terminal, interruptible }: Tool): Promise<boolean> {
  const { deployment, json, action } = plan;
  const success = successOf(action);
  const memory = new MemoryWatch(() => deployment.pids);
  const startMs = performance.now();
  let isInterrupted = false;
  try {
    return await interruptible(
      async (signal) => {
        const report = await perform(plan, signal, terminal);
        const seconds = (performance.now() - startMs) / 1000;
        if (json) print(terminal.out, formatJson(report.stacks.map((stack) => fieldsOf(stack, deployment))));
        else printResults(report, deployment, figures(report, success, seconds, memory.peakMib), terminal.out);
        printProblems(report, terminal.err);
        const isWell = report.problem === undefined && report.stacks.every(({ result }) => result === success);
        // A Ctrl-C that came when nothing was left to stop changes nothing.
        if (report.isStopped || (isInterrupted && !isWell)) signal.throwIfAborted();
        return isWell;
      },
      // Terraform writes its state then, but what AWS was just making may not be in it. The next time it stops at once.
      () => {
        isInterrupted = true;
        deployment.interrupt();
      },
    );
  } finally {
    memory.close();
  }
}

async function perform(plan: RolloutPlan, signal: AbortSignal, { err }: Terminal): Promise<RolloutReport> {
  const { waves } = plan;
  const total = waves.reduce((sum, { stacks }) => sum + stacks.length, 0);
  const progress = new Progress(total, err);
  signal.addEventListener('abort', () => {
    progress.print(
      'Stopping: no further account is begun. Those that run go on to their end; Ctrl-C again interrupts them.',
    );
  });
  try {
    return await runStacks({ ...plan, signal, progress });
  } finally {
    progress.close();
  }
}

function printResults({ stacks }: RolloutReport, deployment: Deployment, summary: string, out: Output): void {
  const width = out.size?.columns;
  const planned = formatPlanned(stacks);
  print(out, `${resultsTable(stacks, ({ stack }) => deployment.logOf(stack), width)}\n`);
  if (planned !== undefined) print(out, `${planned}\n`);
  print(out, summary);
}

function figures({ stacks }: RolloutReport, success: Success, seconds: number, peakMib: number | undefined): string {
  const done = stacks.filter(({ result }) => result === success).length;
  const perMinute = ((done * 60) / seconds).toFixed(1);
  const memory = peakMib === undefined ? '' : ` Terraform took ${peakMib} MiB at most.`;
  return `${done} of ${stacks.length} stacks ${success} in ${seconds.toFixed(0)} s: ${perMinute} accounts a minute.${memory}`;
}

function printProblems({ stacks, problem }: RolloutReport, err: Output): void {
  for (const { stack, result, problem: own } of stacks) {
    if (result === 'failed') print(err, `\n${stack.name} (${stack.accountId}) failed: ${own ?? ''}`);
  }
  if (problem !== undefined) print(err, `\n${problem}`);
}

function fieldsOf({ stack, result, changes, seconds, problem }: StackReport, deployment: Deployment) {
  return {
    stack: stack.name,
    account: stack.accountId,
    kind: stack.kind,
    result,
    ...{ added: null, changed: null, destroyed: null, ...changes },
    seconds: seconds === undefined ? null : Math.round(seconds),
    log: seconds === undefined ? null : deployment.logOf(stack),
    problem: problem ?? null,
  };
}
