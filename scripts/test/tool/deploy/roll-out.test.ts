import { describe, expect, it } from '@jest/globals';
import type { StackEntry } from '../../../../terraform/stacks/stacks.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { rollOut, type StackReport, type Work } from '../../../tool/deploy/roll-out.ts';
import { stack } from './stacks.ts';

const [ONE, TWO, THREE] = [stack('one'), stack('two'), stack('three')] as const;
const CHANGES = { added: 1, changed: 2, destroyed: 3 };

function work(changes: Partial<Work> = {}): Work & { ended: StackReport[] } {
  const ended: StackReport[] = [];
  return {
    perform: () => Promise.resolve(CHANGES),
    success: 'done',
    parallel: 2,
    signal: new AbortController().signal,
    onEnd: (report) => ended.push(report),
    print: () => undefined,
    ended,
    ...changes,
  };
}

const failing = (...names: string[]) => ({
  perform: ({ name }: StackEntry) =>
    names.includes(name) ? Promise.reject(new UserError(`${name} broke`, 1)) : Promise.resolve(CHANGES),
});
const resultsOf = (reports: readonly StackReport[]) => reports.map(({ stack: { name }, result }) => [name, result]);

describe('rollOut', () => {
  it('works on every stack and reports each', async () => {
    const all = work();

    const { stacks, problem } = await rollOut([{ stacks: [ONE, TWO] }, { stacks: [THREE] }], all);

    expect(problem).toBeUndefined();
    expect(stacks).toMatchObject([ONE, TWO, THREE].map((each) => ({ stack: each, result: 'done', changes: CHANGES })));
    expect(all.ended).toHaveLength(3);
  });

  it('lets no stack stop the others of its wave, and begins no wave after one that failed', async () => {
    const { stacks, problem } = await rollOut([{ stacks: [ONE, TWO] }, { stacks: [THREE] }], work(failing('one')));

    expect(resultsOf(stacks)).toEqual([
      ['one', 'failed'],
      ['two', 'done'],
      ['three', 'not reached'],
    ]);
    expect(stacks[0]?.problem).toBe('one broke');
    expect(problem).toBe('one failed, so no further wave was begun.');
  });

  it('needs no other word for a failure in the last wave', async () => {
    expect(await rollOut([{ stacks: [ONE] }], work(failing('one')))).toMatchObject({
      stacks: [{ result: 'failed' }],
    });
    expect((await rollOut([{ stacks: [ONE] }], work(failing('one')))).problem).toBeUndefined();
  });

  it('begins no further wave after a check that does not hold', async () => {
    const check = () => Promise.reject(new UserError('no copy came', 1));

    const { stacks, problem } = await rollOut([{ stacks: [ONE], check }, { stacks: [TWO] }], work());

    expect(resultsOf(stacks)).toEqual([
      ['one', 'done'],
      ['two', 'not reached'],
    ]);
    expect(problem).toBe('no copy came');
  });

  it('makes no check after a stack of its wave has failed', async () => {
    let checks = 0;
    const check = () => {
      checks += 1;
      return Promise.resolve();
    };

    await rollOut([{ stacks: [ONE], check }, { stacks: [TWO] }], work(failing('one')));

    expect(checks).toBe(0);
  });

  it('works on so many stacks at a time, and no more', async () => {
    let running = 0;
    let most = 0;
    const perform = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return CHANGES;
    };
    const stacks = Array.from({ length: 7 }, (_, index) => stack(`stack-${index}`));

    await rollOut([{ stacks }], work({ perform, parallel: 3 }));

    expect(most).toBe(3);
  });

  it('begins nothing once it is stopped, and lets what runs go on to its end', async () => {
    const controller = new AbortController();
    const perform = () => {
      controller.abort();
      return Promise.resolve(CHANGES);
    };

    const { stacks, isStopped } = await rollOut(
      [{ stacks: [ONE, TWO] }, { stacks: [THREE] }],
      work({ perform, parallel: 1, signal: controller.signal }),
    );

    expect(isStopped).toBe(true);
    expect(resultsOf(stacks)).toEqual([
      ['one', 'done'],
      ['two', 'not reached'],
      ['three', 'not reached'],
    ]);
  });

  it('has no problem to report of a check that was stopped', async () => {
    const controller = new AbortController();
    const check = () => {
      controller.abort();
      return Promise.reject(new UserError('Stopped.', 2));
    };

    const { stacks, problem, isStopped } = await rollOut(
      [{ stacks: [ONE], check }, { stacks: [TWO] }],
      work({ signal: controller.signal }),
    );

    expect(resultsOf(stacks)).toEqual([
      ['one', 'done'],
      ['two', 'not reached'],
    ]);
    expect({ problem, isStopped }).toEqual({ problem: undefined, isStopped: true });
  });

  it.each([
    ['is stopped by a Ctrl-C during the last check', true],
    ['is not stopped by a Ctrl-C during the last check that it passes', false],
  ])('%s', async (_, fails) => {
    const controller = new AbortController();
    const check = () => {
      controller.abort();
      return fails ? Promise.reject(new UserError('Stopped.', 2)) : Promise.resolve();
    };

    const { isStopped } = await rollOut([{ stacks: [ONE], check }], work({ signal: controller.signal }));

    expect(isStopped).toBe(fails);
  });
});
