import { describe, expect, it } from '@jest/globals';
import { mapConcurrently } from '../../../tool/common/map-concurrently.ts';

interface End {
  readonly resolve: (result: string) => void;
  readonly reject: (error: Error) => void;
}

/** Work that the test ends, item by item. */
class Workshop {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, End>();

  readonly work = (item: string, index: number): Promise<string> => {
    this.begun.push(item);
    return new Promise((resolve, reject) => {
      this.#ends.set(item, {
        resolve: (result) => {
          resolve(`${index}: ${result}`);
        },
        reject,
      });
    });
  };

  async finish(item: string): Promise<void> {
    this.#ends.get(item)?.resolve(`${item} is done`);
    await settled();
  }

  async fail(item: string, error: Error): Promise<void> {
    this.#ends.get(item)?.reject(error);
    await settled();
  }
}

/** All that a settled promise leads to has run then. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('mapConcurrently', () => {
  it('works on so many at a time, and gives the results in the order of the items', async () => {
    const workshop = new Workshop();
    const results = mapConcurrently(['a', 'b', 'c'], 2, workshop.work);

    expect(workshop.begun).toEqual(['a', 'b']);
    await workshop.finish('b');
    expect(workshop.begun).toEqual(['a', 'b', 'c']);
    await workshop.finish('c');
    await workshop.finish('a');
    expect(await results).toEqual(['0: a is done', '1: b is done', '2: c is done']);
  });

  it('gives nothing for nothing', async () => {
    expect(await mapConcurrently([], 2, () => Promise.resolve('x'))).toEqual([]);
  });

  it('begins nothing more once one has failed, lets the others end, and fails with the first error', async () => {
    const workshop = new Workshop();
    const first = new Error('the first');
    const ended: unknown[] = [];
    const results = mapConcurrently(['a', 'b', 'c'], 2, workshop.work).catch((error: unknown) => ended.push(error));

    await workshop.fail('b', first);
    expect(ended).toEqual([]);
    await workshop.fail('a', new Error('the second'));
    await results;
    expect(ended).toEqual([first]);
    expect(workshop.begun).toEqual(['a', 'b']);
  });

  it('begins nothing more once it is stopped, lets the others end, and fails with why', async () => {
    const workshop = new Workshop();
    const stop = new AbortController();
    const reason = new Error('Stopped.');
    const rejected = expect(mapConcurrently(['a', 'b', 'c'], 2, workshop.work, stop.signal)).rejects.toBe(reason);

    stop.abort(reason);
    await workshop.finish('a');
    await workshop.fail('b', new Error('torn off'));
    await rejected;
    expect(workshop.begun).toEqual(['a', 'b']);
  });
});
