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
  #recorder: CallRecorder | undefined;
  #process: HandlerProcess | undefined;
  #invocation: Invocation | undefined;

  /**
   * @param interruptions come once each; other processes of the function may have them first
   * @param log gets every invocation
   */
  constructor(
    target: TargetAccount,
    functionName: FunctionName,
    settings: Readonly<Record<string, string>>,
    interruptions: readonly ArmedInterruption[],
    log: Invocation[],
  ) {
    this.#target = target;
    this.#functionName = functionName;
    this.#settings = settings;
    this.#interruptions = interruptions.filter((each) => each.functionName === functionName);
    this.#log = log;
  }

  /** Starts the process if there is none, so that it runs when faults begin. */
  async start(): Promise<void> {
    this.#recorder ??= await CallRecorder.start((call, pass) => this.#intercept(call, pass));
    const settings = { ...this.#settings, ...this.#recorder.settingsFor(this.#target) };
    this.#process ??=
      this.#functionName === 'copy-image'
        ? await this.#target.startFunction(settings)
        : await this.#target.startSettling(settings);
  }

  /** What the function answered; undefined if it was killed. */
  async invoke(records: readonly SQSRecord[]): Promise<SQSBatchResponse | undefined> {
    await this.start();
    const invocation: Invocation = { functionName: this.#functionName, calls: [] };
    this.#log.push(invocation);
    this.#invocation = invocation;
    try {
      return await this.#process?.invoke(...records);
    } catch (error) {
      if (!invocation.calls.some((call) => call.interruption?.how === 'kill')) throw error;
      await this.#process?.kill();
      this.#process = undefined;
      return undefined;
    } finally {
      await this.#recorder?.idle();
    }
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    await this.#recorder?.stop();
  }

  async #intercept({ action, body }: Call, pass: () => Promise<CallAnswer>): Promise<CallAnswer> {
    const call: NotedCall = { action, body };
    this.#invocation?.calls.push(call);
    const interruption = this.#interruptions.find((each) => each.action === action && each.isDue());
    if (interruption?.when === 'before') this.#interrupt(call, interruption);
    const answer = await pass();
    call.answer = { status: answer.status, body: answer.body.toString() };
    if (interruption) this.#interrupt(call, interruption);
    return answer;
  }

  #interrupt(call: NotedCall, interruption: Interruption): never {
    call.interruption = interruption;
    if (interruption.how === 'kill') void this.#process?.kill();
    throw new Error('cut off');
  }
}
