import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unzipSync } from 'fflate';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { lambdaNodeBinary } from '../../../scripts/dev/localstack/server.ts';
import { CACHE, ROOT } from '../../../scripts/tool/common/paths.ts';

export type FunctionName = 'copy-image' | 'retire-image' | 'settle-copy';

interface Answer {
  readonly id: number;
  /** Null for a function that answers nothing. */
  readonly result?: SQSBatchResponse | null;
  readonly error?: string;
}

/** A function of the built zip, in a process of its own under the Node version of its runtime. */
export class HandlerProcess {
  /** How far its clock is ahead, in milliseconds: what takes days does not take them in tests. */
  aheadMs = 0;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #output = '';
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    child.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
    child.on('exit', () => {
      for (const [id, answer] of this.#waiting) answer({ id, error: 'The function ended before it answered' });
    });
  }

  static async start(name: FunctionName, environment: Readonly<Record<string, string>>): Promise<HandlerProcess> {
    const child = fork(
      join(import.meta.dirname, 'handler-runner.ts'),
      [pathToFileURL(join(unpackedZip(), `${name}.mjs`)).href],
      {
        execPath: lambdaNodeBinary(),
        execArgv: [],
        env: { NODE_COMPILE_CACHE: join(UNPACKED, 'compiled'), ...environment },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    const started = new HandlerProcess(child);
    const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (typeof first !== 'object') throw new Error(`The function did not start:\n${started.#output}`);
    return started;
  }

  /**
   * Runs the function with a batch, as the event source mapping does.
   * @throws {Error} if the function throws, or ends before it has answered
   */
  async invoke(...records: SQSRecord[]): Promise<SQSBatchResponse> {
    const id = ++this.#lastId;
    const event: SQSEvent = { Records: records };
    const { result, error } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, event, aheadMs: this.aheadMs });
    });
    this.#waiting.delete(id);
    if (result === undefined) throw new Error(error ?? 'The function answered nothing');
    return result ?? { batchItemFailures: [] };
  }

  /** What the function logged, a JSON object a line. */
  logLines(): Record<string, unknown>[] {
    const lines = this.#output.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ends the function wherever it is, as Lambda does with one that takes too long. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}

const UNPACKED = join(CACHE, 'test', 'functions');

/** The folder with what the built zip holds: one for each build, since processes share it. */
function unpackedZip(): string {
  const zip = readFileSync(join(ROOT, 'lambda', 'dist', 'image-copier.zip'));
  const directory = join(UNPACKED, createHash('sha256').update(zip).digest('hex').slice(0, 16));
  if (existsSync(directory)) return directory;
  mkdirSync(UNPACKED, { recursive: true });
  const unpacking = mkdtempSync(`${directory}-`);
  for (const [file, contents] of Object.entries(unzipSync(zip))) writeFileSync(join(unpacking, file), contents);
  try {
    renameSync(unpacking, directory);
  } catch {
    rmSync(unpacking, { recursive: true }); // another worker was faster
  }
  return directory;
}
