import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { cut, fill, widthOf, wrapWords } from './wrap.ts';

// Cells are longer than this only if somebody wants to be a nuisance.
const MAX_CELL = 64;
const MAX_LAST_CELL = 1200;
const MAX_LINES = 8;
const GAP = '  ';
const INDENT = '  ';
/** A last column that is narrower than this is better read below its row. */
const MIN_LAST_WIDTH = 20;
/** What need not be said where a cell has no place of its own. */
const NOTHING = ['', '-'];

/**
 * Rows in columns, with what is hidden in them spelled out. Words of the last column are wrapped. Columns for which the
 * terminal is too narrow are left out, from the last one on; their cells stand below their rows, each after its name.
 * @param width of the terminal; without it each row is one line
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string {
  const last = head.length - 1;
  const all = [head, ...rows].map((row) =>
    row.map((cell, column) => cut(spellOutHidden(cell), column === last ? MAX_LAST_CELL : MAX_CELL)),
  );
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const kept = width === undefined ? head.length : fittingColumns(all, widths, width);
  const lines = all.flatMap((row, index) => [
    ...lineOf(row.slice(0, kept), widths, width ?? Infinity),
    ...(index === 0 ? [] : belowRow(head.slice(kept), row.slice(kept), width ?? Infinity)),
  ]);
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** How many columns have room next to each other. No word of the last one may be broken for it. */
function fittingColumns(all: readonly (readonly string[])[], widths: readonly number[], width: number): number {
  const last = widths.length - 1;
  const starts = widths.map((_, column) => startOf(column, widths));
  const words = all.flatMap((row) => (row[last] ?? '').split(' ').map(widthOf));
  const lastNeeds = Math.min(widths[last] ?? 0, Math.max(MIN_LAST_WIDTH, ...words));
  if ((starts[last] ?? 0) + lastNeeds <= width) return widths.length;
  const fitting = starts.slice(0, last).filter((start, column) => start + (widths[column] ?? 0) <= width);
  return Math.max(fitting.length, 1);
}

function startOf(column: number, widths: readonly number[]): number {
  return widths.slice(0, column).reduce((sum, columns) => sum + columns + GAP.length, 0);
}

/** The cells next to each other, the last one wrapped. */
function lineOf(cells: readonly string[], widths: readonly number[], width: number): string[] {
  const last = cells.length - 1;
  const lastAt = startOf(last, widths);
  const start = cells.slice(0, last).map((cell, column) => pad(cell, widths[column] ?? 0) + GAP);
  const room = width - lastAt;
  const cell = cells[last] ?? '';
  // What fits keeps the spaces before it, which figures are set to the right with.
  const lines = widthOf(cell) <= room ? [cell] : few(wrapWords(cell, room), room);
  return lines.map((line, index) => (index === 0 ? start.join('') : ' '.repeat(lastAt)) + line);
}

/** Cells after the names of their columns: as many in a line as fit, and those that need more than a line wrapped. */
function belowRow(head: readonly string[], cells: readonly string[], width: number): string[] {
  const room = width - INDENT.length;
  const items = head.flatMap((name, column) => {
    const cell = (cells[column] ?? '').trim();
    return NOTHING.includes(cell) ? [] : [`${name.trim()} ${cell}`];
  });
  if (items.length === 0) return [];
  return fill(items, room, GAP).flatMap((line) => {
    if (widthOf(line) <= room) return [INDENT + line];
    // A word that just fits into the terminal is worth more than how far it is indented.
    const longest = Math.max(...line.split(' ').map(widthOf));
    const hanging = longest > width ? INDENT.length : Math.min(2 * INDENT.length, width - longest);
    const [first = '', ...rest] = few(wrapWords(line, width - hanging), width - hanging);
    return [INDENT.slice(0, hanging) + first, ...rest.map((more) => ' '.repeat(hanging) + more)];
  });
}

function few(lines: string[], room: number): string[] {
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, MAX_LINES - 1), cut(`${lines[MAX_LINES - 1] ?? ''} …`, room)];
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}
