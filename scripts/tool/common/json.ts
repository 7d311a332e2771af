import type { WholeText } from './terminal.ts';

// JSON itself escapes controls below space only. The line breaks that are left are the ones between its own lines.
const HIDDEN = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;

/** JSON for programs that a terminal may show as well: what cannot be seen is escaped, and reads back as it was. */
export function formatJson(value: unknown): WholeText {
  const whole = JSON.stringify(value, undefined, 2).replace(HIDDEN, (character) =>
    Array.from({ length: character.length }, (_, unit) => escapeUnit(character.charCodeAt(unit))).join(''),
  );
  return { whole };
}

/** Whether a text is whole JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
