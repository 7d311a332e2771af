import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import type { DeadLetter } from '../common/dead-letter.ts';
import type { Copier, Environment } from '../common/environment.ts';
import { notFound, requireKnown } from '../common/require-known.ts';
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
 * The letters that fit to all options.
 * @param isComplete whether all letters that there are could be read
 * @throws {UserError} if an option fits to none, all together fit to none, or an id is the start of several
 */
export function chooseLetters<T extends DeadLetter>(
  letters: readonly T[],
  { id, image, code, all }: Choice,
  isComplete: boolean,
): readonly T[] {
  const imageOf = ({ sourceImage = NOTHING }: DeadLetter) => sourceImage;
  const codeOf = (letter: DeadLetter) => letter.code ?? NOTHING;
  const named = id?.flatMap((start) => matching(letters, start, isComplete));
  requireKnown(optional(image), letters.map(imageOf), (name) => `No dead letter is for the image ${name}`, isComplete);
  requireKnown(optional(code), letters.map(codeOf), (name) => `No dead letter has the code ${name}`, isComplete);
  const chosen = letters.filter(
    (letter) =>
      (named === undefined || named.includes(letter)) &&
      (image === undefined || imageOf(letter) === image) &&
      (code === undefined || codeOf(letter) === code),
  );
  if (chosen.length === 0 && !all) throw notFound('No dead letter fits to all the options', { isComplete });
  return chosen;
}

function optional(name: string | undefined): string[] {
  return name === undefined ? [] : [name];
}

function matching<T extends DeadLetter>(letters: readonly T[], start: string, isComplete: boolean): readonly T[] {
  const exact = letters.filter(({ id }) => id === start);
  const matches = exact.length > 0 ? exact : letters.filter(({ id }) => id.startsWith(start));
  if (matches.length === 1 || exact.length > 0) return matches;
  if (matches.length === 0) {
    const names = letters.map(({ id }) => id);
    throw notFound(`There is no dead letter ${spellOutHidden(start)}`, { missing: start, names, isComplete });
  }
  throw new UserError(`--id ${start}: ${matches.length} dead letters begin with it. Give more of the id.`, 2);
}
