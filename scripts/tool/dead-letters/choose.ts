import type { DeadLetter } from '../common/dead-letter.ts';
import type { Copier, Environment } from '../common/environment.ts';
import { UserError } from '../common/user-error.ts';

/** A dead letter, and the copier whose request it was. */
export interface LetterOfCopier extends DeadLetter {
  readonly copier: Pick<Copier, keyof Environment | 'name'>;
}

/** Which letters are meant. Each part that is given narrows the choice. */
export interface Choice {
  readonly id?: readonly string[];
  readonly image?: string;
  readonly code?: string;
  readonly all?: true;
}

export interface Chosen<T> {
  readonly letters: readonly T[];
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
export function chooseLetters<T extends DeadLetter>(letters: readonly T[], { id, image, code }: Choice): Chosen<T> {
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

function matching<T extends DeadLetter>(letters: readonly T[], start: string): readonly T[] {
  const exact = letters.filter(({ id }) => id === start);
  const matches = exact.length > 0 ? exact : letters.filter(({ id }) => id.startsWith(start));
  if (matches.length <= 1) return matches;
  throw new UserError(`--id ${start}: ${matches.length} dead letters begin with it. Give more of the id.`, 2);
}
