import { Worker } from 'node:worker_threads';
import { reasonOf } from './aws-errors.ts';
import type { Warn } from './dead-letter-queue.ts';
import type { ChosenCopier } from './environment.ts';
import type { Answers, FromThread, Jobs, JobName, PlainCopier, ToThread } from './thread-jobs.ts';
import { UserError } from './user-error.ts';

/** Threads that read accounts: reading what AWS answers is work for more than one processor. */
export interface Threads {
  /**
   * Does a job for an account in the thread that has the least to do.
   * @param warn is told what the job warns of
   */
  readonly run: <Name extends JobName>(
    name: Name,
    copier: ChosenCopier,
    input: Jobs[Name]['input'],
    warn?: Warn,
  ) => Promise<Jobs[Name]['result']>;
  readonly close: () => Promise<void>;
}

interface Task {
  readonly copier: ChosenCopier;
  readonly warn: Warn | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly tasks: Map<number, Task>;
  /** Why it can do no more. */
  failure?: Error;
}

// V8 lets garbage grow with the memory that there may be, and by default a thread takes 75 MB in place of 35. With half as much as this,
// accounts with 10,000 copies each are too much for two threads (docs/performance.md).
const LIMITS = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 16 };

/**
 * Starts threads. The credentials of each account, and what is asked once for all of them, stay with this one, which the others ask.
 * @param file what a thread runs
 * @param answers to what the jobs ask beside credentials
 * @param signal ends the jobs as it would end them here
 */
export function startThreads(file: URL, count: number, answers: Answers, signal: AbortSignal): Threads {
  const threads = Array.from({ length: count }, () => startThread(file, answers));
  const stop = () => {
    for (const { worker } of threads) post(worker, { kind: 'stop', reason: reasonOf(signal.reason) });
  };
  signal.addEventListener('abort', stop, { once: true });
  let tasks = 0;
  return {
    run: async (name, copier, input, warn) => {
      const [idlest] = threads
        .filter(({ failure }) => failure === undefined)
        .sort((one, other) => one.tasks.size - other.tasks.size);
      if (!idlest) throw threads[0]?.failure ?? new Error('no thread');
      tasks += 1;
      const task = tasks;
      return await new Promise((resolve, reject) => {
        idlest.tasks.set(task, { copier, warn, resolve, reject });
        post(idlest.worker, { kind: 'task', task, name, copier: plain(copier), input });
      });
    },
    close: async () => {
      signal.removeEventListener('abort', stop);
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}

/** What can be sent to a thread. */
function plain(copier: ChosenCopier): PlainCopier {
  return { ...copier, aws: undefined };
}

function startThread(file: URL, answers: Answers): Thread {
  const thread: Thread = { worker: new Worker(file, { env: process.env, resourceLimits: LIMITS }), tasks: new Map() };
  thread.worker.on('message', (message: FromThread) => {
    const task = thread.tasks.get(message.task);
    if (task) take(message, task, thread, answers);
  });
  const fail = (failure: Error) => {
    thread.failure ??= failure;
    for (const { reject } of thread.tasks.values()) reject(thread.failure);
    thread.tasks.clear();
  };
  thread.worker.on('error', fail);
  thread.worker.on('exit', () => {
    fail(new Error('A thread that reads accounts has ended'));
  });
  return thread;
}

function take(message: FromThread, task: Task, { worker, tasks }: Thread, answers: Answers): void {
  switch (message.kind) {
    case 'question':
      void answerTo(message, task, answers).then((answer) => {
        post(worker, answer);
      });
      break;
    case 'warning':
      task.warn?.(message.line);
      break;
    case 'end':
      tasks.delete(message.task);
      // What went wrong is a sentence for the user already.
      if ('problem' in message) task.reject(new UserError(message.problem, 1));
      else task.resolve(message.result as never);
  }
}

async function answerTo(
  { id, name, args }: Extract<FromThread, { kind: 'question' }>,
  { copier }: Task,
  answers: Answers,
): Promise<ToThread> {
  try {
    const value = name === 'credentials' ? await copier.aws.credentials() : await answers[name]?.(...args);
    return { kind: 'answer', id, value };
  } catch (error) {
    return { kind: 'answer', id, problem: reasonOf(error) };
  }
}

function post(worker: Worker, message: ToThread): void {
  worker.postMessage(message);
}
