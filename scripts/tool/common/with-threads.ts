import { availableParallelism } from 'node:os';
import type { Answers } from './thread-jobs.ts';
import type { Threads } from './threads.ts';
import type { Tool } from './tool.ts';

/** So many accounts are read as quickly without threads: each takes half a second to start. */
const FEW_ACCOUNTS = 64;
/** Each takes some 35 MB, and what builds the report of them all is one. */
const MAX_THREADS = 3;

/**
 * Does something that reads accounts, with threads for it; without for few accounts, and where there is one processor.
 * @param answers to what the jobs ask beside credentials
 */
export async function withThreads<T>(
  accounts: number,
  hasThreads: Tool['hasThreads'],
  answers: Answers,
  signal: AbortSignal,
  use: (threads: Threads | undefined) => Promise<T>,
): Promise<T> {
  const count = Math.min(availableParallelism(), MAX_THREADS);
  if (hasThreads !== true || accounts <= FEW_ACCOUNTS || count === 1) return await use(undefined);
  const [{ startThreads }, { THREAD }] = await Promise.all([import('./threads.ts'), import('./thread.ts')]);
  const threads = startThreads(THREAD, count, answers, signal);
  try {
    return await use(threads);
  } finally {
    await threads.close();
  }
}
