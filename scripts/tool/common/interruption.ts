import { UserError } from './user-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
// npm and tsx pass a Ctrl-C on that the terminal has sent already.
const SAME_SIGNAL_MS = 1000;

/**
 * Runs something that must clean up when the user stops it. The signal it is given is aborted with what to tell the
 * user.
 * @param again is called for each further Ctrl-C; by default it ends the process at once
 */
export async function interruptible<T>(
  use: (signal: AbortSignal) => Promise<T>,
  again: () => void = () => process.exit(2),
): Promise<T> {
  const controller = new AbortController();
  let firstAtMs: number | undefined;
  const interrupt = () => {
    const nowMs = Date.now();
    firstAtMs ??= nowMs;
    if (nowMs - firstAtMs > SAME_SIGNAL_MS) again();
    else controller.abort(new UserError('Stopped.', 2));
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await use(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}
