import { print, type Output } from './terminal.ts';

/** Lines at the end of a terminal that are drawn again and again, below those that stay. Elsewhere there are only those that stay. */
export class LiveLines {
  readonly #output: Output;
  #drawn: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  /** @param lines replace those that were drawn before; what does not fit into the terminal is left out */
  draw(lines: readonly string[]): void {
    this.#redraw('', lines);
  }

  /** @param line goes above them for good */
  print(line: string): void {
    if (this.#output.size) this.#redraw(`${line}\n`, this.#drawn);
    else print(this.#output, line);
  }

  close(): void {
    this.#redraw('', []);
  }

  #redraw(stays: string, lines: readonly string[]): void {
    if (!this.#output.size) return;
    const { columns, rows } = this.#output.size;
    const fitting = lines.slice(0, Math.max(rows - 2, 1)).map((line) => line.slice(0, columns - 1));
    const erased = this.#erased();
    this.#drawn = fitting;
    this.#output.write(erased + stays + fitting.map((line) => `${line}\n`).join(''));
  }

  /** Goes up over what was drawn, and clears from there (ECMA-48: CUU, ED). */
  #erased(): string {
    return this.#drawn.length === 0 ? '' : `\u001B[${this.#drawn.length}A\u001B[J`;
  }
}
