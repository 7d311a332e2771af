import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Output, Terminal } from './terminal.ts';

/** The terminal that this process was started on, or whatever its outputs go to. */
export function processTerminal(): Terminal {
  return {
    out: outputTo(process.stdout),
    err: outputTo(process.stderr),
    canAsk: process.stdin.isTTY && process.stderr.isTTY,
    confirm,
  };
}

function outputTo(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => {
      stream.write(text);
    },
    // Asked each time: a window may be resized.
    get size() {
      return stream.isTTY ? { columns: stream.columns, rows: stream.rows } : undefined;
    },
  };
}

async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  // Not readline's own terminal mode, which would keep Ctrl-C to itself.
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    process.stderr.write(`${question} `);
    // Closed: the end of the input, Ctrl-D.
    const [answer] = (await Promise.race([once(lines, 'line', { signal }), once(lines, 'close', { signal })])) as [
      string?,
    ];
    return answer?.trim() === 'yes';
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
