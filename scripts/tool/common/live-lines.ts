type Terminal = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows'>;

/** Lines at the end of a terminal that are drawn again and again, below those that stay. */
export class LiveLines {
  readonly #terminal: Terminal;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * @param lines replace those that were drawn before; what does not fit into the terminal is left out
   * @param stays goes above them for good
   */
  draw(lines: readonly string[], stays = ''): void {
    const { columns, rows } = this.#terminal;
    const erase = this.#erased();
    const fitting = lines.slice(0, Math.max(rows - 2, 1)).map((line) => line.slice(0, columns - 1));
    this.#drawn = fitting.length;
    this.#terminal.write(erase + stays + fitting.map((line) => `${line}\n`).join(''));
  }

  close(): void {
    this.#terminal.write(this.#erased());
    this.#drawn = 0;
  }

  /** Goes up over what was drawn, and clears from there (ECMA-48: CUU, ED). */
  #erased(): string {
    return this.#drawn === 0 ? '' : `\u001B[${this.#drawn}A\u001B[J`;
  }
}
