// Two columns each on a terminal (Unicode Standard Annex 11, "East Asian Width"), as near as Unicode's properties in
// JavaScript come to it.
const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u{3000}-\u{303f}\u{ff01}-\u{ff60}]/u;

// For these, which most texts have no other of, the sets of characters above need not be made: that takes longer than to print help.
const NARROW = /^[ -~]*$/;

/** How many columns a text takes. Marks count as well: else any number of them could be piled on one letter. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** The start of a text, with `…` where it is cut, in at most so many columns. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns && widthOf(text) <= columns) return text;
  const [start = ''] = pieces(text, columns - 1);
  return `${start}…`;
}

/** Words in lines of some columns; a word that is longer than a line is broken. */
export function wrapWords(text: string, room: number): string[] {
  return fill(
    text.split(' ').flatMap((word) => pieces(word, room)),
    room,
    ' ',
  );
}

/** Parts in lines of some columns, as many in each as fit. A part that is longer has a line of its own. */
export function fill(parts: readonly string[], room: number, gap: string): string[] {
  const lines = [''];
  let used = 0;
  for (const part of parts) {
    const columns = widthOf(part);
    if (used > 0 && used + gap.length + columns <= room) {
      lines.push(`${lines.pop() ?? ''}${gap}${part}`);
      used += gap.length + columns;
    } else {
      if (used > 0) lines.push('');
      lines.push(`${lines.pop() ?? ''}${part}`);
      used = columns;
    }
  }
  return lines;
}

/**
 * Sentences for people, no line wider than the terminal unless a word or a command is. Lines keep how far they are
 * indented. A command is left whole, for whoever pastes it.
 * @param width without it the text stays as it is
 */
export function wrapText(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  return text
    .split('\n')
    .flatMap((line) => {
      if (widthOf(line) <= width) return [line];
      const indent = /^ */.exec(line)?.[0] ?? '';
      return fill(wordsAndCommands(line.slice(indent.length)), width - indent.length, ' ').map((part) => indent + part);
    })
    .join('\n');
}

/** As {@link wrapText}, for a text whose paragraphs were wrapped when they were written. Lines that are indented stay whole. */
export function reflow(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  const paragraphs: string[] = [];
  let isOpen = false;
  for (const line of text.split('\n')) {
    const isProse = /^\S/.test(line);
    if (isProse && isOpen) paragraphs.push(`${paragraphs.pop() ?? ''} ${line}`);
    else paragraphs.push(line);
    isOpen = isProse;
  }
  return paragraphs.map((line) => (line.startsWith(' ') ? line : wrapText(line, width))).join('\n');
}

// From the name of a program and its command to the end of the sentence.
const STARTS_COMMAND = /^[("']?(?:\S*image-copier(?:\.mjs)?|aws|terraform|make|npx)$/;

function wordsAndCommands(line: string): string[] {
  const words = line.split(' ');
  const parts: string[] = [];
  let isCommand = false;
  for (const [index, word] of words.entries()) {
    if (isCommand) parts.push(`${parts.pop() ?? ''} ${word}`);
    else parts.push(word);
    const begins = STARTS_COMMAND.test(word) && /^[a-z][a-z-]+[.;:)]*$/.test(words[index + 1] ?? '');
    isCommand = (isCommand || begins) && !/[.;:)]$/.test(word);
  }
  return parts;
}

function pieces(word: string, room: number): string[] {
  if (widthOf(word) <= room) return [word];
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
