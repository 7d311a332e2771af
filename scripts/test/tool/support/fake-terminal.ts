import type { Output, Terminal } from '../../../tool/common/terminal.ts';

/** An output that keeps what is written to it. */
export class FakeOutput implements Output {
  text = '';
  readonly size: Output['size'];

  constructor(size: Output['size']) {
    this.size = size;
  }

  readonly write = (text: string): void => {
    this.text += text;
  };
}

/** A terminal, or two pipes, that keep what is written to them and answer what they are asked. */
export class FakeTerminal implements Terminal {
  readonly out: FakeOutput;
  readonly err: FakeOutput;
  readonly canAsk: boolean;
  readonly questions: string[] = [];
  readonly #answer: boolean | undefined;

  /**
   * @param columns of both outputs; without it they are pipes
   * @param answer to every question; without it there is nobody to ask
   */
  constructor({ columns, answer }: { readonly columns?: number; readonly answer?: boolean } = {}) {
    const size = columns === undefined ? undefined : { columns, rows: 24 };
    this.out = new FakeOutput(size);
    this.err = new FakeOutput(size);
    this.canAsk = answer !== undefined;
    this.#answer = answer;
  }

  readonly confirm = (question: string): Promise<boolean> => {
    this.questions.push(question);
    if (this.#answer === undefined) throw new Error('a question, and nobody to answer');
    return Promise.resolve(this.#answer);
  };
}
