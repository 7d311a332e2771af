import { wrapText } from './wrap.ts';

/** Where a command writes, and whom it can ask. Only main.ts hands in the terminal of the process. */
export interface Terminal {
  /** Standard output: what was asked for. */
  readonly out: Output;
  /** Standard error: how far it is, and what went wrong. */
  readonly err: Output;
  /** Whether there is somebody to ask. */
  readonly canAsk: boolean;
  /** Asks on the terminal; only the word `yes` is a yes. */
  readonly confirm: (question: string, signal: AbortSignal) => Promise<boolean>;
}

/** One of the two outputs of a command. */
export interface Output {
  readonly write: (text: string) => void;
  /** How large the terminal is; undefined if the output goes elsewhere. */
  readonly size: { readonly columns: number; readonly rows: number } | undefined;
}

/** A text that is not for people: no line of it is wrapped. */
export interface WholeText {
  readonly whole: string;
}

/** Writes a line, or several in one text. On a terminal sentences are wrapped to its width. */
export function print(output: Output, text: string | WholeText): void {
  if (typeof text === 'string') {
    output.write(`${wrapText(text, output.size?.columns)}\n`);
    return;
  }
  // By themselves: a report of a thousand accounts is 24 MB, and joined with what ends it would be so once more.
  output.write(text.whole);
  output.write('\n');
}
