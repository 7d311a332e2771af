import type { OwnCopy } from './copy-inventory.ts';
import { asError } from './errors.ts';
import type { SettleOutcome } from './settle-context.ts';

/** EC2 takes 100 changes of tags at once, and then ten a second (EC2 Developer Guide, "Request throttling"). */
const AT_A_TIME = 5;

interface AboutCopy {
  readonly copy: OwnCopy;
}

/** Copies that take the same steps together, and how each of them ended: what became of it, or the error that put it off. */
export class Batch {
  readonly #ends = new Map<string, SettleOutcome | Error>();

  end({ imageId }: OwnCopy, end: SettleOutcome | Error): void {
    this.#ends.set(imageId, end);
  }

  endOf({ imageId }: OwnCopy): SettleOutcome | Error {
    return this.#ends.get(imageId) ?? new Error('Nothing became of it.');
  }

  /** Takes a step with each, some at the same time. Those go on for which it gives something; an error ends the way of one alone. */
  async each<T extends AboutCopy, U>(items: readonly T[], step: (item: T) => Promise<U | undefined>): Promise<U[]> {
    const taken: (U | undefined)[] = [];
    const left = items.entries();
    const take = async () => {
      for (const [index, item] of left) {
        try {
          taken[index] = await step(item);
        } catch (error) {
          this.end(item.copy, asError(error));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, take));
    return taken.filter((item) => item !== undefined);
  }

  /** Takes a step once for all. Its error ends the way of all of them. */
  async together<T extends AboutCopy, U>(
    items: readonly T[],
    step: (items: readonly T[]) => Promise<U[]>,
  ): Promise<U[]> {
    if (items.length === 0) return [];
    try {
      return await step(items);
    } catch (error) {
      for (const { copy } of items) this.end(copy, asError(error));
      return [];
    }
  }
}
