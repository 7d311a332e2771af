import type { StackEntry } from '../../../terraform/stacks/stacks.ts';
import { LiveLines } from '../common/live-lines.ts';
import type { Output } from '../common/terminal.ts';
import { summaryOf } from './results-table.ts';
import type { StackReport } from './roll-out.ts';

const REDRAW_MS = 200;
const PLAIN_MS = 10_000;

interface Running {
  readonly sinceMs: number;
  done: number;
  planned: number;
}

/**
 * Shows how far a rollout is: a line that stays for each stack that ended, and for those that run a line each below them on
 * a terminal, elsewhere one for all once in a while.
 */
export class Progress {
  readonly #total: number;
  readonly #lines: LiveLines;
  readonly #ticker: NodeJS.Timeout;
  readonly #running = new Map<string, Running>();
  #ended = 0;

  constructor(total: number, output: Output) {
    this.#total = total;
    this.#lines = new LiveLines(output);
    this.#ticker = output.size
      ? setInterval(() => {
          this.#draw();
        }, REDRAW_MS)
      : setInterval(() => {
          if (this.#running.size > 0) this.print(`... ${this.#descriptions().join('; ')}`);
        }, PLAIN_MS);
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
    this.#draw();
    this.print(`[${this.#ended}/${this.#total}] ${report.stack.name}: ${summaryOf(report)}`);
  }

  /** @param line stays */
  print(line: string): void {
    this.#lines.print(line);
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#lines.close();
  }

  #draw(): void {
    this.#lines.draw(this.#descriptions().map((line) => `  ${line}`));
  }

  #descriptions(): string[] {
    return Array.from(this.#running, ([name, { sinceMs, done, planned }]) => {
      const changes = planned === 0 ? 'planning' : `${done} of ${planned} changes made`;
      return `${name}: ${changes}, ${Math.round((performance.now() - sinceMs) / 1000)} s`;
    });
  }
}
