import type { StackEntry } from '../../../terraform/stacks/stacks.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import { reasonOf } from '../common/aws-errors.ts';
import type { Changes } from './terraform-root.ts';

/** How it went with a stack. `not reached`: it was not begun, since the run ended before. */
type Result = Success | 'failed' | 'not reached';

/** Whether a stack was changed, or what would change is known. */
export type Success = 'done' | 'planned';

export interface StackReport {
  readonly stack: StackEntry;
  readonly result: Result;
  readonly changes?: Changes;
  readonly seconds?: number;
  /** Why it failed. */
  readonly problem?: string;
}

export interface RolloutReport {
  /** One of each stack, in the order of the waves. */
  readonly stacks: readonly StackReport[];
  /** Why the run ended early, if it did. */
  readonly problem?: string;
  /** Whether the user stopped it before all was done. */
  readonly isStopped: boolean;
}

/** Some stacks that may be worked on at the same time. */
export interface Wave {
  readonly stacks: readonly StackEntry[];
  /** Must hold before the next wave begins. */
  readonly check?: Check;
}

/** @throws if it does not hold */
export type Check = (work: Pick<Work, 'signal' | 'print'>) => Promise<void>;

export interface Work {
  /**
   * Works on a stack to its end.
   * @throws if that fails; the others go on
   */
  readonly perform: (stack: StackEntry) => Promise<Changes>;
  /** What it comes to where that does not fail. */
  readonly success: Success;
  /** How many stacks at a time. */
  readonly parallel: number;
  /** No stack is begun once it is aborted; those that run go on to their end. */
  readonly signal: AbortSignal;
  readonly onEnd: (report: StackReport) => void;
  readonly print: (line: string) => void;
}

/** Works on the stacks, wave by wave. A stack that fails stops none of its own wave, and all waves after it. */
export async function rollOut(waves: readonly Wave[], work: Work): Promise<RolloutReport> {
  const reports: StackReport[] = [];
  let problem: string | undefined;
  let isStopped = false;
  for (const { stacks, check } of waves) {
    if (problem !== undefined || isStopped || work.signal.aborted) {
      isStopped ||= problem === undefined;
      reports.push(...stacks.map((stack): StackReport => ({ stack, result: 'not reached' })));
      continue;
    }
    const ofWave = await performAll(stacks, work);
    reports.push(...ofWave);
    isStopped = ofWave.some(({ result }) => result === 'not reached');
    problem = whyEnd(ofWave, waves.at(-1)?.stacks !== stacks);
    if (problem !== undefined || !check) continue;
    const failure = await failureOf(check, work);
    // A check that was stopped has found nothing.
    if (failure === 'stopped') isStopped = true;
    else problem = failure?.reason;
  }
  return { stacks: reports, isStopped, ...(problem !== undefined && { problem }) };
}

async function failureOf(check: Check, work: Work): Promise<{ readonly reason: string } | 'stopped' | undefined> {
  try {
    await check(work);
    return undefined;
  } catch (error) {
    return work.signal.aborted ? 'stopped' : { reason: reasonOf(error) };
  }
}

async function performAll(stacks: readonly StackEntry[], work: Work): Promise<StackReport[]> {
  return await mapConcurrently(stacks, work.parallel, async (stack): Promise<StackReport> => {
    if (work.signal.aborted) return { stack, result: 'not reached' };
    const report = await perform(stack, work);
    work.onEnd(report);
    return report;
  });
}

async function perform(stack: StackEntry, { perform: run, success }: Work): Promise<StackReport> {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  try {
    return { stack, result: success, changes: await run(stack), seconds: seconds() };
  } catch (error) {
    return { stack, result: 'failed', seconds: seconds(), problem: reasonOf(error) };
  }
}

function whyEnd(reports: readonly StackReport[], isMoreToCome: boolean): string | undefined {
  const failed = reports.filter(({ result }) => result === 'failed').map(({ stack }) => stack.name);
  return failed.length > 0 && isMoreToCome ? `${failed.join(', ')} failed, so no further wave was begun.` : undefined;
}
