import { waitFor as waitForPatiently, type Patience } from '../tool/common/wait-for.ts';

/** Asks until the answer is there, as often as an emulator may be asked. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  patience: Partial<Patience> = {},
): Promise<T> {
  return await waitForPatiently(what, probe, { timeoutMs: 180_000, pollMs: 250, ...patience });
}
