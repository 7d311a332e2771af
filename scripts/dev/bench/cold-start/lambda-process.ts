import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CpuLimit, cpuShare } from './cpu-limit.ts';

const API = '/2018-06-01/runtime';

export interface ProcessOptions {
  /** The program and its arguments: a runtime, which asks the Runtime API for events. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly memoryMb: number;
  readonly invocations: number;
  readonly event: unknown;
  /** Is called before each event is handed out. */
  readonly beforeEvent: () => void;
  readonly logFile: string;
}

/** What one process did. Times in milliseconds, memory in kilobytes. */
export interface ProcessFigures {
  /** From the start of the process until it asks for its first event. */
  readonly initMs: number;
  /** From the first event to its answer. */
  readonly firstMs: number;
  /** The same of each later event. */
  readonly warmMs: readonly number[];
  /** Processor time until the first answer. */
  readonly coldCpuMs: number;
  readonly peakKb: number;
}

/**
 * Starts a function as Lambda does for a request that finds none waiting, and gives it some events, one after the other.
 * As on Lambda it has all processors until it asks for the first event, then its share.
 * @throws {Error} if it ends or answers with an error
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessFigures> {
  const { command, env, memoryMb, invocations, event, beforeEvent, logFile } = options;
  const limit = CpuLimit.open();
  const log = openSync(logFile, 'w');
  const body = JSON.stringify(event);
  const answers: number[] = [];
  let initMs = 0;
  let coldCpuMs = 0;
  let handedOut = 0;
  const done = deferred();

  const next = (response: ServerResponse) => {
    if (answers.length === 0) {
      initMs = performance.now() - start;
      limit?.set(cpuShare(memoryMb));
    }
    if (answers.length === 1) coldCpuMs = processorMs(child.pid);
    if (answers.length === invocations) {
      // It is left to wait for an answer until its figures have been read.
      done.resolve();
      return;
    }
    beforeEvent();
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'Lambda-Runtime-Aws-Request-Id': `00000000-0000-0000-0000-${String(answers.length).padStart(12, '0')}`,
      'Lambda-Runtime-Deadline-Ms': String(Date.now() + 120_000),
      'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:eu-west-1:222222222222:function:bench',
      'Lambda-Runtime-Trace-Id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700',
    });
    response.end(body);
    handedOut = performance.now();
  };

  const server = createServer((request, response) => {
    const answeredAt = performance.now();
    const take = (posted: string) => {
      if (request.url === `${API}/invocation/next`) {
        next(response);
        return;
      }
      if (request.url?.endsWith('/response')) answers.push(answeredAt - handedOut);
      else done.reject(new Error(`The function failed: ${posted.slice(0, 500)}. Its output is in ${logFile}.`));
      response.writeHead(202, { 'Content-Length': 0 }).end();
    };
    text(request).then(take).catch(done.reject);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  // The shell joins the group before it becomes the program, so that no thread of the program is left out.
  const joined = limit ? ['sh', '-c', `echo $$ > '${limit.members}'; exec "$@"`, 'sh', ...command] : command;
  const [program = '', ...args] = joined;
  const start = performance.now();
  const child = spawn(program, args, {
    env: { ...env, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}` },
    stdio: ['pipe', log, log],
  });
  const ended = once(child, 'close');
  ended.then(() => {
    done.reject(new Error(`The function ended too early. Its output is in ${logFile}.`));
  }, done.reject);
  try {
    await done.promise;
    const [firstMs = 0, ...warmMs] = answers;
    return { initMs, firstMs, warmMs, coldCpuMs, peakKb: peakKb(child.pid) };
  } finally {
    child.kill('SIGKILL');
    await ended.catch(() => undefined);
    server.closeAllConnections();
    server.close();
    closeSync(log);
    limit?.close();
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred(): Deferred {
  let resolve: Deferred['resolve'] = () => undefined;
  let reject: Deferred['reject'] = () => undefined;
  const promise = new Promise<void>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

/** proc(5), status: the peak of the resident set. Other systems than Linux have no such file. */
function peakKb(pid: number | undefined): number {
  if (process.platform !== 'linux') return NaN;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** proc(5), schedstat: each thread's time on a processor, in nanoseconds. */
function processorMs(pid: number | undefined): number {
  if (process.platform !== 'linux') return NaN;
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + nanosecondsOf(`/proc/${pid}/task/${thread}/schedstat`) / 1e6, 0);
}

/** None for a thread that has ended since it was listed. */
function nanosecondsOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[0]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH')
      return 0;
    throw error;
  }
}
