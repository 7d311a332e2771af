import { print, type Output } from './terminal.ts';
import { cut, wrapText } from './wrap.ts';

/** Lines at the end of a terminal that are drawn again and again, below those that stay. Elsewhere there are only those that stay. */
export class LiveLines {
  readonly #output: Output;
  #drawn: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  /** How many columns a line may have, so that the terminal does not go on to the next one by itself; undefined without one. */
  get width(): number | undefined {
    const { columns } = this.#output.size ?? {};
    return columns === undefined ? undefined : columns - 1;
  }

  /** @param lines replace those that were drawn before; what does not fit into the terminal is left out, and counted */
  draw(lines: readonly string[]): void {
    this.#redraw('', lines);
  }

  /** @param line goes above them for good */
  print(line: string): void {
    if (this.#output.size) this.#redraw(`${wrapText(line, this.#output.size.columns)}\n`, this.#drawn);
    else print(this.#output, line);
  }

  close(): void {
    this.#redraw('', []);
  }

  #redraw(stays: string, lines: readonly string[]): void {
    if (!this.#output.size) return;
    const { columns, rows } = this.#output.size;
    const most = Math.max(rows - 2, 1);
    const shown =
      lines.length <= most ? lines : [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more lines`];
    const fitting = shown.map((line) => cut(line, columns - 1));
    const erased = this.#erased();
    this.#drawn = fitting;
    this.#output.write(erased + stays + fitting.map((line) => `${line}\n`).join(''));
  }

  /** Goes up over what was drawn, and clears from there (ECMA-48: CUU, ED). Ctrl-C leaves the cursor behind the ^C that it shows. */
  #erased(): string {
    return this.#drawn.length === 0 ? '' : `\r\u001B[${this.#drawn.length}A\u001B[J`;
  }
}
