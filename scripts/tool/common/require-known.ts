import { closest } from '../../../terraform/stacks/closest.ts';
import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { UserError } from './user-error.ts';

/**
 * Rejects the first name that the user chose by and that is not there, with the nearest one that is.
 * @param say that it is not there, as a sentence without its full stop
 * @param isComplete whether all could be read; else a name may be where that was not possible, and is no wrong usage
 * @throws {UserError}
 */
export function requireKnown(
  named: readonly string[],
  known: Iterable<string>,
  say: (name: string) => string,
  isComplete = true,
): void {
  const names = Array.from(new Set(known));
  const missing = named.find((name) => !names.includes(name));
  if (missing !== undefined) throw notFound(say(spellOutHidden(missing)), { missing, names, isComplete });
}

/** What {@link requireKnown} throws, for names that are compared in another way. */
export function notFound(
  sentence: string,
  {
    missing = '',
    names = [],
    isComplete = true,
  }: { readonly missing?: string; readonly names?: readonly string[]; readonly isComplete?: boolean } = {},
): UserError {
  const near = closest(missing, names);
  const hint = near === undefined ? '' : ` Did you mean ${spellOutHidden(near)}?`;
  return isComplete
    ? new UserError(`${sentence}.${hint}`, 2)
    : new UserError(`${sentence}, so far as could be read.${hint}`, 1);
}
