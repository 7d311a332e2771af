import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../tool/common/paths.ts';

const REPORT = '.cache/stryker/report.json';
const LIST = 'lambda/mutants.json';
const LOWEST_SCORE = 95;

/** What is read of Stryker's report (the schema of mutation-testing-elements). */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** Both from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** A change to the code that no unit test notices. Its line stands for its number, which other changes would move. */
export interface Survivor {
  readonly file: string;
  readonly line: string;
  readonly code: string;
  readonly becomes: string;
}

export interface ExplainedSurvivor extends Survivor {
  readonly why: string;
}

export interface Verdict {
  /** Of the changes that could be tried, how many in a hundred were noticed. */
  readonly score: number;
  readonly problems: readonly string[];
}

const NOTICED = ['Killed', 'Timeout'];
const UNNOTICED = ['Survived', 'NoCoverage'];

/** Compares what survived with what is known to, and why. */
export function judgeMutants(report: MutationReport, known: readonly ExplainedSurvivor[]): Verdict {
  const mutants = Object.entries(report.files).flatMap(([file, { source, mutants: ofFile }]) =>
    ofFile.map((mutant) => ({ status: mutant.status, change: changeOf(file, source, mutant) })),
  );
  const survivors = mutants.filter(({ status }) => UNNOTICED.includes(status)).map(({ change }) => change);
  const noticed = mutants.filter(({ status }) => NOTICED.includes(status)).length;
  const score = (100 * noticed) / (noticed + survivors.length);
  return {
    score,
    problems: [
      ...without(survivors, known).map((each) => `This survives, and is not in ${LIST}: ${JSON.stringify(each)}`),
      ...without(known, survivors).map((each) => `This survives no more, but is in ${LIST}: ${JSON.stringify(each)}`),
      ...known.filter(({ why }) => !why).map((each) => `This has no reason in ${LIST}: ${JSON.stringify(each)}`),
      ...(score >= LOWEST_SCORE ? [] : [`The score is ${score.toFixed(1)} %, below ${LOWEST_SCORE} %.`]),
    ],
  };
}

function changeOf(file: string, source: string, { location: { start, end }, replacement = '' }: Mutant): Survivor {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const [first = ''] = lines;
  const before = first.slice(0, start.column - 1);
  const last = lines.pop() ?? '';
  const code = [...lines, last.slice(0, end.column - 1)].join('\n').slice(before.length);
  return { file, line: first.trim(), code: inOneLine(code), becomes: inOneLine(replacement) };
}

function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** Those of some changes that are not among others; of equal ones, as many as there are more. */
function without(changes: readonly Survivor[], others: readonly Survivor[]): Survivor[] {
  const keyOf = ({ file, line, code, becomes }: Survivor) => JSON.stringify([file, line, code, becomes]);
  const keys = others.map(keyOf);
  return changes.filter((change) => {
    const index = keys.indexOf(keyOf(change));
    if (index === -1) return true;
    keys.splice(index, 1);
    return false;
  });
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
}

if (process.argv[1] === import.meta.filename) {
  const known = readJson(LIST) as readonly ExplainedSurvivor[];
  const { score, problems } = judgeMutants(readJson(REPORT) as MutationReport, known);
  for (const problem of problems) console.error(problem);
  console.log(
    `${score.toFixed(1)} % of the changes are noticed. ${known.length} that are not are explained in ${LIST}.`,
  );
  if (problems.length > 0) process.exitCode = 1;
}
