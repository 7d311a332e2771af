import type { StackEntry } from '../../../terraform/stacks/stacks.ts';
import { LiveLines } from '../common/live-lines.ts';
import type { Output } from '../common/terminal.ts';
import { summaryOf } from './results-table.ts';
import type { StackReport } from './roll-out.ts';

/** Shows how far a rollout is. */
export interface Progress {
  readonly begin: (stack: StackEntry) => void;
  readonly advance: (stack: StackEntry, done: number, planned: number) => void;
  readonly end: (report: StackReport) => void;
  readonly say: (line: string) => void;
  readonly close: () => void;
}

const REDRAW_MS = 200;
const PLAIN_MS = 10_000;

interface Running {
  readonly sinceMs: number;
  done: number;
  planned: number;
}

abstract class StackProgress implements Progress {
  readonly #total: number;
  readonly #running = new Map<string, Running>();
  #ended = 0;

  constructor(total: number) {
    this.#total = total;
  }

  begin(stack: StackEntry): void {
    this.#running.set(stack.name, { sinceMs: performance.now(), done: 0, planned: 0 });
  }

  advance(stack: StackEntry, done: number, planned: number): void {
    const running = this.#running.get(stack.name);
    if (running) Object.assign(running, { done, planned });
  }

  end(report: StackReport): void {
    this.#running.delete(report.stack.name);
    this.#ended += 1;
    this.say(`[${this.#ended}/${this.#total}] ${report.stack.name}: ${summaryOf(report)}`);
  }

  abstract say(line: string): void;
  abstract close(): void;

  protected get running(): string[] {
    return Array.from(this.#running, ([name, { sinceMs, done, planned }]) => {
      const changes = planned === 0 ? 'planning' : `${done} of ${planned} changes made`;
      return `${name}: ${changes}, ${Math.round((performance.now() - sinceMs) / 1000)} s`;
    });
  }
}

/** Lines that stay, and once in a while one about what runs. */
export class PlainProgress extends StackProgress {
  readonly #report: (line: string) => void;
  readonly #ticker: NodeJS.Timeout;

  constructor(total: number, report: (line: string) => void) {
    super(total);
    this.#report = report;
    this.#ticker = setInterval(() => {
      if (this.running.length > 0) report(`... ${this.running.join('; ')}`);
    }, PLAIN_MS);
  }

  say(line: string): void {
    this.#report(line);
  }

  close(): void {
    clearInterval(this.#ticker);
  }
}

/** On a terminal: a line for each stack that runs, below the lines that stay. */
export class LiveProgress extends StackProgress {
  readonly #lines: LiveLines;
  readonly #ticker: NodeJS.Timeout;

  constructor(total: number, output: Output) {
    super(total);
    this.#lines = new LiveLines(output);
    this.#ticker = setInterval(() => {
      this.#draw('');
    }, REDRAW_MS);
  }

  say(line: string): void {
    this.#draw(`${line}\n`);
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#lines.close();
  }

  #draw(stays: string): void {
    this.#lines.draw(
      this.running.map((line) => `  ${line}`),
      stays,
    );
  }
}
