import { once } from 'node:events';
import type { Output, Terminal } from './terminal.ts';
import { wrapText } from './wrap.ts';

/** The streams of a process. Without `isTTY` they are pipes or files. */
interface Streams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** The terminal that a process was started on, or whatever its outputs go to. Node opens the input when it is first read. */
export function processTerminal(streams: Streams): Terminal {
  return {
    out: outputTo(streams.stdout),
    err: outputTo(streams.stderr),
    get canAsk() {
      return streams.stdin.isTTY === true && streams.stderr.isTTY === true;
    },
    confirm: (question, signal) => confirm(question, signal, streams.stdin, streams.stderr),
  };
}

function outputTo(stream: OutputStream): Output {
  return {
    write: (text) => {
      stream.write(text);
    },
    // Asked each time: a window may be resized.
    get size() {
      const { isTTY, columns = 0, rows = 0 } = stream;
      // Serial consoles and new pseudo-terminals say 0: they do not know.
      return isTTY && columns > 0 && rows > 0 ? { columns, rows } : undefined;
    },
  };
}

async function confirm(
  question: string,
  signal: AbortSignal,
  stdin: Streams['stdin'],
  stderr: OutputStream,
): Promise<boolean> {
  const { createInterface } = await import('node:readline');
  // Not readline's own terminal mode, which would keep Ctrl-C to itself.
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    stderr.write(`${wrapText(question, outputTo(stderr).size?.columns)} `);
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
