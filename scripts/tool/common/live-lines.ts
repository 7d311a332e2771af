import type { Output } from './terminal.ts';

/** Lines at the end of a terminal that are drawn again and again, below those that stay. */
export class LiveLines {
  readonly #output: Output;
  #drawn = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /**
   * @param lines replace those that were drawn before; what does not fit into the terminal is left out
   * @param stays goes above them for good
   */
  draw(lines: readonly string[], stays = ''): void {
    const { columns = 80, rows = 24 } = this.#output.size ?? {};
    const erase = this.#erased();
    const fitting = lines.slice(0, Math.max(rows - 2, 1)).map((line) => line.slice(0, columns - 1));
    this.#drawn = fitting.length;
    this.#output.write(erase + stays + fitting.map((line) => `${line}\n`).join(''));
  }

  close(): void {
    this.#output.write(this.#erased());
    this.#drawn = 0;
  }

  /** Goes up over what was drawn, and clears from there (ECMA-48: CUU, ED). */
  #erased(): string {
    return this.#drawn === 0 ? '' : `\u001B[${this.#drawn}A\u001B[J`;
  }
}
