import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks on the terminal; only the word `yes` is a yes. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
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
