import { describe, expect, it } from '@jest/globals';
import type { Identity } from './identity.ts';

/** What somebody tries that nobody let it do. */
export interface Attack {
  /** The name of its test, by which docs/security.md lists it. */
  readonly name: string;
  readonly by: Identity;
  readonly call: (as: Identity) => Promise<unknown>;
  /** The code of AWS's error, or of what came of the call where AWS does not answer with one. */
  readonly answer: string;
  /** Who may make the same call, or the call nearest to it that passes: what is denied is not denied for a mistake in it. */
  readonly passes: Identity | (() => Promise<unknown>);
}

/** What docs/security.md lists of an attack. */
export interface Listed {
  readonly who: string;
  readonly answer: string;
  readonly name: string;
}

/** All attacks of the files that are loaded. */
export const tried: Listed[] = [];

/** What came of an attack that AWS does not answer with an error. */
export class InVain extends Error {
  constructor(name: string) {
    super(name);
    this.name = name;
  }
}

const PASSED = 'passed';

/** A test for each attack: it is denied, and the same passes where it is meant to. */
export function testAttacks(title: string, attacks: readonly Attack[]): void {
  tried.push(...attacks.map(({ by, answer, name }) => ({ who: by.name, answer, name })));
  describe(title, () => {
    it.each(attacks)('$name', async ({ by, call, answer, passes }) => {
      expect(await answerTo(call(by))).toBe(answer);
      expect(await answerTo(typeof passes === 'function' ? passes() : call(passes))).toBe(PASSED);
    });
  });
}

async function answerTo(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return PASSED;
  } catch (error) {
    return codeOf(error);
  }
}

/** The code as AWS sends it: the SDK gives some errors of its model names of their own. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  const { Code } = error as { Code?: string };
  return Code ?? error.name;
}
