import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { interruptible } from '../../../tool/common/interruption.ts';
import { UserError } from '../../../tool/common/user-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

afterEach(() => {
  jest.restoreAllMocks();
});

function atSecond(second: number): void {
  jest.spyOn(Date, 'now').mockReturnValue(second * 1000);
}

describe('interruptible', () => {
  it.each(SIGNALS)('stops for %s, with an error that needs no explanation', async (name) => {
    const reason = await interruptible((signal) => {
      expect(signal.aborted).toBe(false);
      process.emit(name);
      return Promise.resolve(signal.reason as unknown);
    });

    expect(reason).toEqual(new UserError('Stopped.', 2));
    expect(reason).toHaveProperty('exitCode', 2);
  });

  it('takes what comes within a second for the same Ctrl-C, and what comes later for another', async () => {
    const again = jest.fn();

    await interruptible(() => {
      for (const second of [10, 10.5, 11]) {
        atSecond(second);
        process.emit('SIGINT');
      }
      expect(again).not.toHaveBeenCalled();
      atSecond(11.5);
      process.emit('SIGTERM');
      return Promise.resolve();
    }, again);

    expect(again).toHaveBeenCalledTimes(1);
  });

  it('ends the process at the second Ctrl-C if nothing else is wanted', async () => {
    const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);

    await interruptible(() => {
      for (const second of [10, 12]) {
        atSecond(second);
        process.emit('SIGINT');
      }
      return Promise.resolve();
    });

    expect(exit).toHaveBeenCalledWith(2);
  });

  it('leaves the signals alone afterwards, also when the work fails', async () => {
    const listening = () => SIGNALS.map((name) => process.listenerCount(name));
    const before = listening();
    const error = new Error('broken');

    await expect(
      interruptible(() => {
        expect(listening()).toEqual(before.map((count) => count + 1));
        return Promise.reject(error);
      }),
    ).rejects.toBe(error);

    expect(listening()).toEqual(before);
  });
});
