/** Controls, what turns or hides text, halves of characters, those not assigned; breaks of lines and paragraphs. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Spells out what cannot be seen, such as `\u{202e}`: whoever wrote a message must not choose how a log or a list shows it. */
export function spellOutHidden(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
}
