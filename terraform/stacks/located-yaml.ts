import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';

/** Keys and positions from the top of a file to a value in it. */
export type Path = readonly PropertyKey[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML or JSON file (JSON is YAML) whose values know where they stand. */
export interface LocatedYaml {
  readonly value: unknown;
  /** Where a value stands; where it is missing, the place of what should hold it. */
  positionOf(path: Path): Position;
  positionOfKey(path: Path): Position;
  /** A single value as it is written in the file, quotes left out. */
  textOf(path: Path): string | undefined;
}

interface SyntaxProblem extends Position {
  readonly text: string;
}

/** A file that is no YAML. */
export class YamlSyntaxError extends Error {
  override readonly name = 'YamlSyntaxError';
  readonly problems: readonly SyntaxProblem[];

  constructor(problems: readonly SyntaxProblem[]) {
    super(problems.map(({ line, column, text }) => `${line}:${column}: ${text}`).join('\n'));
    this.problems = problems;
  }
}

/** @throws {YamlSyntaxError} with every problem of the syntax */
export function readYaml(source: string): LocatedYaml {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, merge: true, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  };
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    throw new YamlSyntaxError(
      problems.map(({ code, message, pos: [start] }) => ({
        ...at(start),
        text: code === 'DUPLICATE_KEY' ? `key ${keyAt(source, start)} is there twice. Remove one.` : `${message}.`,
      })),
    );
  }
  const find = (path: Path) => findNode(document, path);
  return {
    value: valueOf(document, at),
    positionOf: (path) => at(find(path).valueOffset),
    positionOfKey: (path) => at(find(path).keyOffset),
    textOf: (path) => find(path).text,
  };
}

/** The value as JavaScript has it. An alias without its anchor, or one that makes the file grow without end, shows only here. */
function valueOf(document: Document, at: (offset: number) => Position): unknown {
  try {
    return document.toJS() as unknown;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new YamlSyntaxError([{ ...at(document.contents?.range?.[0] ?? 0), text: `${error.message}.` }]);
  }
}

function keyAt(source: string, offset: number): string {
  return /^(?:"[^"]*"|'[^']*'|[^:\s]+)/.exec(source.slice(offset))?.[0] ?? 'of this map';
}

interface Found {
  readonly keyOffset: number;
  readonly valueOffset: number;
  readonly text?: string | undefined;
}

function findNode(document: Document, path: Path): Found {
  let node: Node | null = document.contents;
  let found: Found = { keyOffset: startOf(node) ?? 0, valueOffset: startOf(node) ?? 0 };
  for (const key of path) {
    const holder: unknown = isAlias(node) ? node.resolve(document) : node;
    const [keyNode, value]: [unknown, unknown] = isMap(holder)
      ? pairAt(holder.items, key)
      : isSeq(holder)
        ? [undefined, holder.items[Number(key)]]
        : [undefined, undefined];
    const keyOffset = startOf(keyNode) ?? startOf(value);
    if (keyOffset === undefined) return { keyOffset: found.valueOffset, valueOffset: found.valueOffset };
    node = isNode(value) ? value : null;
    // A key without a value: the value's own place is wherever the next line begins.
    const isEmpty = isScalar(value) && value.value === null && !value.source;
    found = {
      keyOffset,
      valueOffset: (isEmpty ? undefined : startOf(value)) ?? keyOffset,
      text: isScalar(value) ? value.source : undefined,
    };
  }
  return found;
}

function pairAt(items: readonly { key: unknown; value: unknown }[], key: PropertyKey): [unknown, unknown] {
  const pair = items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
  return [pair?.key, pair?.value];
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
