import { age } from '../common/age.ts';
import type { DeadLetter } from '../common/dead-letter.ts';
import { lineAbout, type Environment } from '../common/environment.ts';
import { formatTable } from '../common/table.ts';
import { NOTHING, type LetterOfCopier } from './choose.ts';
import { counted } from '../common/counted.ts';

const ENVIRONMENT_HEAD = ['ACCOUNT', 'REGION'];
const HEAD = ['ID', 'SOURCE IMAGE', 'AGE', 'TRIES', 'REASON'];
const SHORT_ID_LENGTH = 8;

export interface View {
  /** Of the terminal; undefined if the output goes elsewhere. */
  readonly width: number | undefined;
  readonly nowMs: number;
  /** Whether each line says which environment it is about. */
  readonly several: boolean;
}

/** Letters as a table. On a terminal ids are shortened, as far as they stay different. */
export function lettersTable(letters: readonly LetterOfCopier[], { width, nowMs, several }: View): string {
  const idLength = width === undefined ? Infinity : distinctLength(letters.map(({ id }) => id));
  const rows = letters.map((letter) => [
    ...(several ? [letter.copier.account, letter.copier.region] : []),
    letter.id.slice(0, idLength),
    letter.sourceImage ?? NOTHING,
    age(nowMs - letter.requestedAt.getTime()),
    tries(letter),
    reasonText(letter),
  ]);
  return formatTable([...(several ? ENVIRONMENT_HEAD : []), ...HEAD], rows, width);
}

/** A letter for `--json`: whole, with null for what is not known. */
export function letterFields(letter: LetterOfCopier) {
  return {
    account: letter.copier.account,
    accountId: letter.copier.accountId,
    region: letter.copier.region,
    id: letter.id,
    sourceImage: letter.sourceImage ?? null,
    code: letter.code ?? null,
    reason: letter.reason ?? null,
    requestedAt: letter.requestedAt.toISOString(),
    attempt: letter.attempt ?? null,
    receiveCount: letter.receiveCount ?? null,
    body: typeof letter.body === 'string' ? letter.body : null,
  };
}

/** `1 dead letter`, `2 dead letters` */
export function countOfLetters(count: number): string {
  return counted(count, 'dead letter', 'dead letters');
}

/** `1 account and Region`, `2 accounts and Regions` */
export function countOfEnvironments(count: number): string {
  return counted(count, 'account and Region', 'accounts and Regions');
}

/** A line that is about one environment; it says which one if there are several. */
export function formatLine(environment: Environment, line: string, several: boolean): string {
  return several ? lineAbout(environment, line) : line;
}

function reasonText({ code, reason, copier }: LetterOfCopier): string {
  if (code === undefined && reason === undefined) {
    return `No reason. SQS moves a request here when the function fails on each delivery: look in its log, /aws/lambda/${copier.name}-copy-image.`;
  }
  // What EC2 refused begins with EC2's code already.
  if (code !== undefined && reason?.startsWith(`${code}: `)) return reason;
  return [code ?? NOTHING, reason ?? 'without a text'].join(': ');
}

function tries({ attempt, receiveCount }: DeadLetter): string {
  const parts = [
    ...(attempt === undefined ? [] : [counted(attempt, 'copy', 'copies')]),
    ...(receiveCount === undefined ? [] : [counted(receiveCount, 'delivery', 'deliveries')]),
  ];
  return parts.length === 0 ? NOTHING : parts.join(', ');
}

function distinctLength(ids: readonly string[]): number {
  const longest = Math.max(0, ...ids.map(({ length }) => length));
  for (let length = SHORT_ID_LENGTH; length < longest; length += 1) {
    if (new Set(ids.map((id) => id.slice(0, length))).size === ids.length) return length;
  }
  return longest;
}
