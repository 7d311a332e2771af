import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unzipSync } from 'fflate';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { lambdaNodeBinary } from '../../../scripts/localstack/server.ts';
import { CACHE, ROOT } from '../../../scripts/paths.ts';

interface Answer {
  readonly id: number;
  readonly result?: SQSBatchResponse;
  readonly error?: string;
}

/** The copy-image function of the built zip, in a process of its own under the Node version of its runtime. */
export class HandlerProcess {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #output = '';
  #lastId = 0;

  private constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    child.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
  }

  static async start(environment: Readonly<Record<string, string>>): Promise<HandlerProcess> {
    const parent = join(CACHE, 'test', 'functions');
    mkdirSync(parent, { recursive: true });
    const directory = mkdtempSync(join(parent, 'copy-image-'));
    const files = unzipSync(readFileSync(join(ROOT, 'lambda', 'dist', 'image-copier.zip')));
    for (const [name, contents] of Object.entries(files)) writeFileSync(join(directory, name), contents);
    const child = fork(
      join(import.meta.dirname, 'handler-runner.ts'),
      [pathToFileURL(join(directory, 'copy-image.mjs')).href],
      { execPath: lambdaNodeBinary(), execArgv: [], env: environment, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    );
    const started = new HandlerProcess(directory, child);
    const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (typeof first !== 'object') throw new Error(`The function did not start:\n${started.#output}`);
    return started;
  }

  /** Runs the function with a batch, as the event source mapping does. */
  async invoke(...records: SQSRecord[]): Promise<SQSBatchResponse> {
    const id = ++this.#lastId;
    const event: SQSEvent = { Records: records };
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, event });
    });
    this.#waiting.delete(id);
    if (!answer.result) throw new Error(answer.error ?? 'The function answered nothing');
    return answer.result;
  }

  /** What the function logged, a JSON object a line. */
  logLines(): Record<string, unknown>[] {
    const lines = this.#output.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
