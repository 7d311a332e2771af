/** A word as bash, zsh and sh read it: in quotes if they would change it. */
export function shellQuoted(word: string): string {
  // A leading ~ or = is expanded, by zsh at least.
  return /^[\w./:@%+,-][\w./:@%+,=-]*$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
