import type { DeadLetter } from '../common/dead-letter.ts';
import { UserError } from '../common/user-error.ts';

/** Which letters are meant. Each part that is given narrows the choice. */
export interface Choice {
  readonly id?: readonly string[];
  readonly image?: string;
  readonly code?: string;
  readonly all?: true;
}

export interface Chosen {
  readonly letters: readonly DeadLetter[];
  /** Ids that no letter has. */
  readonly missing: readonly string[];
}

/** Stands for a source image or a code that a letter does not have, as in the list. */
export const NOTHING = '-';

// An id may be shortened as the list does it; less than this is a slip of the hand.
const MIN_ID_LENGTH = 4;

/**
 * @throws {UserError} if nothing says which letters are meant, or an id is too short
 */
export function requireChoice({ id, image, code, all }: Choice): void {
  if (id === undefined && image === undefined && code === undefined && all === undefined) {
    throw new UserError('Say which dead letters: --id, --image, --code, or --all for every one.', 2);
  }
  for (const start of id ?? []) {
    if (start.length < MIN_ID_LENGTH) {
      throw new UserError(`--id ${start}: give at least the first ${MIN_ID_LENGTH} characters.`, 2);
    }
  }
}

/**
 * @throws {UserError} if an id is the start of several
 */
export function chooseLetters(letters: readonly DeadLetter[], { id, image, code }: Choice): Chosen {
  const starts = id?.map((start) => ({ start, matches: matching(letters, start) }));
  const named = starts?.flatMap(({ matches }) => matches);
  return {
    letters: letters.filter(
      (letter) =>
        (named === undefined || named.includes(letter)) &&
        (image === undefined || (letter.sourceImage ?? NOTHING) === image) &&
        (code === undefined || (letter.code ?? NOTHING) === code),
    ),
    missing: starts?.flatMap(({ start, matches }) => (matches.length === 0 ? [start] : [])) ?? [],
  };
}

function matching(letters: readonly DeadLetter[], start: string): readonly DeadLetter[] {
  const exact = letters.filter(({ id }) => id === start);
  const matches = exact.length > 0 ? exact : letters.filter(({ id }) => id.startsWith(start));
  if (matches.length <= 1) return matches;
  throw new UserError(`--id ${start}: ${matches.length} dead letters begin with it. Give more of the id.`, 2);
}
