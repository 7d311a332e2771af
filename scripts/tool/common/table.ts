import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';

// Cells are longer than this only if somebody wants to be a nuisance.
const MAX_CELL = 64;
const MAX_CELL_ON_TERMINAL = 24;
const MAX_LAST_CELL = 1200;
const MAX_LINES = 8;
const GAP = '  ';
const MIN_LAST_WIDTH = 20;

// Two columns each on a terminal (Unicode Standard Annex 11, "East Asian Width"), as near as Unicode's properties in
// JavaScript come to it.
const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u{3000}-\u{303f}\u{ff01}-\u{ff60}]/u;

/**
 * Rows in columns, with what is hidden in them spelled out.
 * @param width of the terminal: the last column is wrapped to fit into it. Without it each row is one line.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string {
  const last = head.length - 1;
  const maxCell = width === undefined ? MAX_CELL : MAX_CELL_ON_TERMINAL;
  const all = [head, ...rows].map((row) =>
    row.map((cell, column) => cut(spellOutHidden(cell), column === last ? MAX_LAST_CELL : maxCell)),
  );
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const lastAt = widths.slice(0, last).reduce((sum, columns) => sum + columns + GAP.length, 0);
  const room = width === undefined ? Infinity : Math.max(width - lastAt, MIN_LAST_WIDTH);
  const lines = all.flatMap((row) => {
    const start = row.slice(0, last).map((cell, column) => pad(cell, widths[column] ?? 0) + GAP);
    return wrap(row[last] ?? '', room).map((line, index) => (index === 0 ? start.join('') : ' '.repeat(lastAt)) + line);
  });
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Words in lines of some columns; a word that is longer than a line is broken. */
function wrap(text: string, room: number): string[] {
  const lines = [''];
  let used = 0;
  for (const word of text.split(' ').flatMap((part) => pieces(part, room))) {
    const columns = widthOf(word);
    if (used > 0 && used + 1 + columns <= room) {
      lines.push(`${lines.pop() ?? ''} ${word}`);
      used += 1 + columns;
    } else {
      if (used > 0) lines.push('');
      lines.push(`${lines.pop() ?? ''}${word}`);
      used = columns;
    }
  }
  if (lines.length <= MAX_LINES) return lines;
  const end = lines[MAX_LINES - 1] ?? '';
  return [...lines.slice(0, MAX_LINES - 1), cut(`${end} …`, room)];
}

function pieces(word: string, room: number): string[] {
  const found: string[] = [];
  let piece = '';
  let used = 0;
  for (const character of word) {
    const columns = widthOf(character);
    if (used + columns > room) {
      found.push(piece);
      piece = '';
      used = 0;
    }
    piece += character;
    used += columns;
  }
  return [...found, piece];
}

/** The start of a text, with `…` where it is cut, in at most so many columns. */
function cut(text: string, columns: number): string {
  if (text.length <= columns && widthOf(text) <= columns) return text;
  const [start = ''] = pieces(text, columns - 1);
  return `${start}…`;
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}

/** How many columns a text takes. Marks count as well: else any number of them could be piled on one letter. */
function widthOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}
