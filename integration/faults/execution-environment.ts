import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { CallRecorder, type Call, type CallAnswer } from '../tests/support/function-calls.ts';
import type { FunctionName, HandlerProcess } from '../tests/support/handler-process.ts';
import type { TargetAccount } from '../tests/support/target-account.ts';
import type { Interruption } from './plan.ts';

/** A call of a function, and what came of it. */
export interface NotedCall {
  readonly action: string;
  readonly body: string;
  /** What AWS answered; undefined for a call that did not get there. */
  answer?: { readonly status: number; readonly body: string };
  /** What came between the function and the answer. */
  interruption?: Interruption;
}

/** A function's run with one batch. */
export interface Invocation {
  readonly functionName: FunctionName;
  readonly calls: NotedCall[];
  /** Milliseconds of this process's own clock. */
  readonly startedMs: number;
  endedMs?: number;
}

/** An interruption that waits for its call. */
export class ArmedInterruption implements Interruption {
  readonly functionName: FunctionName;
  readonly action: string;
  readonly spared: number;
  readonly when: Interruption['when'];
  readonly how: Interruption['how'];
  #callsLeft: number;

  constructor({ functionName, action, spared, when, how }: Interruption) {
    this.functionName = functionName;
    this.action = action;
    this.spared = spared;
    this.when = when;
    this.how = how;
    this.#callsLeft = spared;
  }

  /** Counts a call that it is meant for, and says whether this is the one. */
  isDue(): boolean {
    this.#callsLeft -= 1;
    return this.#callsLeft === -1;
  }

  disarm(): void {
    this.#callsLeft = -1;
  }
}

/** A process of a function, whose calls can be cut off at any point. One that was killed is replaced by a new one. */
export class ExecutionEnvironment {
  readonly #target: TargetAccount;
  readonly #functionName: FunctionName;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #log: Invocation[];
  readonly #interruptions: readonly ArmedInterruption[];
  readonly #launch: () => Promise<void>;
  #recorder: CallRecorder | undefined;
  #process: HandlerProcess | undefined;
  #invocation: Invocation | undefined;

  /**
   * @param interruptions come once each; other processes of the function may have them first
   * @param log gets every invocation
   * @param launch launches an instance, where an interruption says so
   */
  constructor(
    target: TargetAccount,
    functionName: FunctionName,
    settings: Readonly<Record<string, string>>,
    interruptions: readonly ArmedInterruption[],
    log: Invocation[],
    launch: () => Promise<void>,
  ) {
    this.#target = target;
    this.#functionName = functionName;
    this.#settings = settings;
    this.#interruptions = interruptions.filter((each) => each.functionName === functionName);
    this.#log = log;
    this.#launch = launch;
  }

  /** Starts the process if there is none, so that it runs when faults begin. */
  async start(): Promise<void> {
    this.#recorder ??= await CallRecorder.start((call, pass) => this.#intercept(call, pass));
    const settings = { ...this.#settings, ...this.#recorder.settingsFor(this.#queues()) };
    this.#process ??= await this.#startProcess(settings);
  }

  /**
   * What the function answered; undefined if it was killed.
   * @param aheadMs how far the function's clock is ahead
   */
  async invoke(records: readonly SQSRecord[], aheadMs = 0): Promise<SQSBatchResponse | undefined> {
    await this.start();
    const startedMs = performance.now();
    const invocation: Invocation = { functionName: this.#functionName, calls: [], startedMs };
    this.#log.push(invocation);
    this.#invocation = invocation;
    if (this.#process) this.#process.aheadMs = aheadMs;
    try {
      return await this.#process?.invoke(...records);
    } catch (error) {
      if (!invocation.calls.some((call) => call.interruption?.how === 'kill')) throw error;
      await this.#process?.kill();
      this.#process = undefined;
      return undefined;
    } finally {
      await this.#recorder?.idle();
      invocation.endedMs = performance.now();
    }
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    await this.#recorder?.stop();
  }

  #queues(): Record<'queueUrl' | 'deadLetterQueueUrl', string> {
    const { queueUrl, retirementsQueueUrl, deadLetterQueueUrl } = this.#target;
    return { queueUrl: this.#functionName === 'retire-image' ? retirementsQueueUrl : queueUrl, deadLetterQueueUrl };
  }

  async #startProcess(settings: Readonly<Record<string, string>>): Promise<HandlerProcess> {
    switch (this.#functionName) {
      case 'copy-image':
        return await this.#target.startFunction(settings);
      case 'settle-copy':
        return await this.#target.startSettling(settings);
      case 'retire-image':
        return await this.#target.startRetiring(settings);
    }
  }

  async #intercept({ action, body }: Call, pass: () => Promise<CallAnswer>): Promise<CallAnswer> {
    const call: NotedCall = { action, body };
    this.#invocation?.calls.push(call);
    const interruption = this.#interruptions.find((each) => each.action === action && each.isDue());
    if (interruption?.when === 'before') await this.#interrupt(call, interruption);
    const answer = await pass();
    call.answer = { status: answer.status, body: answer.body.toString() };
    if (interruption?.when === 'after') await this.#interrupt(call, interruption);
    return answer;
  }

  async #interrupt(call: NotedCall, interruption: Interruption): Promise<void> {
    if (interruption.how === 'launch') {
      await this.#launch();
      return;
    }
    call.interruption = interruption;
    if (interruption.how === 'kill') void this.#process?.kill();
    throw new Error('cut off');
  }
}
