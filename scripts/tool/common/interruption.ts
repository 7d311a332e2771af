import type { Interruptible } from './tool.ts';
import { UserError } from './user-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
// npm and tsx pass a Ctrl-C on that the terminal has sent already.
const SAME_SIGNAL_MS = 1000;

/** Stops for the signals of this process. */
export const interruptible: Interruptible = async (use, again = () => process.exit(2)) => {
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
};
