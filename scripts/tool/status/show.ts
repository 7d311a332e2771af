import { deprecationText, isDeprecated } from './deprecation.ts';
import { groupChannels, placesOf } from './channels.ts';
import type { Cell, ChannelInAccount, CopyFact, EndedCopy, RecipeStorage, Row, StatusReport } from './report.ts';
import type { Environment } from '../common/environment.ts';
import { age } from '../common/age.ts';
import { formatTable } from '../common/table.ts';
import { widthOf } from '../common/wrap.ts';

const MAX_LINES_OF_CELLS = 60;
const NOTHING = '-';
const STATES = ['available', 'pending', 'failed', 'missing', 'stale', 'not shared', 'unknown'] as const;
const ENDS = { asked: 'is to go', retired: 'in quarantine', revoked: 'revoked' } as const;
const HEAD = ['IMAGE', 'ACCOUNT', 'REGION', 'STATE', 'COPY', 'AGE', 'TOOK', 'KEY', 'REASON'];

/**
 * The report for a terminal or a log: the matrix where it fits into the width, else how many accounts are in which state;
 * then a line for each cell that is not available, or of which there is more to say.
 * @param options `all` for a line for each cell; `width` of the terminal, without which there is room for everything
 */
export function formatStatus(
  report: StatusReport,
  { all = false, width }: { readonly all?: boolean | undefined; readonly width: number | undefined },
): string {
  const { rows, columns, readAt, ended = [], channels = [], storage = [] } = report;
  if (rows.length === 0) return 'No image of any recipe was found.';
  const matrix = matrixOf(report);
  const fits = width === undefined || matrix.split('\n').every((line) => widthOf(line) <= width);
  const open = rows.flatMap((row) =>
    row.cells.flatMap((cell, index) => (isQuiet(cell, readAt) && !all ? [] : [{ row, cell, column: columns[index] }])),
  );
  const shown = all ? open : open.slice(0, MAX_LINES_OF_CELLS);
  const parts = [fits ? matrix : countsOf(report, width)];
  if (open.length > 0) {
    const lines = shown.map(({ row, cell, column }) => cellLine(row, cell, column, readAt));
    parts.push(formatTable(HEAD, lines, width));
  }
  if (open.length > shown.length) parts.push(`${open.length - shown.length} more. --all shows them.`);
  if (channels.length > 0) parts.push(channelsTable(channels, readAt, width));
  if (ended.length > 0) parts.push(endedTable(ended, readAt, width));
  if (storage.length > 0) parts.push(storageTable(storage, width));
  return parts.join('\n\n');
}

/** What each channel points to, and in which accounts. */
function channelsTable(channels: readonly ChannelInAccount[], readAt: string, width: number | undefined): string {
  const rows = groupChannels(channels).map((group) => {
    const { recipe, channel, image = NOTHING, bakedAt, state } = group;
    return [recipe, channel, image, ageOf(bakedAt, readAt), state, placesOf(group)];
  });
  return formatTable(['RECIPE', 'CHANNEL', 'SOURCE IMAGE', 'BAKED', 'STATE', 'ACCOUNTS'], rows, width);
}

/** Copies that are revoked, in quarantine, or to go. */
function endedTable(ended: readonly EndedCopy[], readAt: string, width: number | undefined): string {
  const rows = ended.map(({ account, region, imageId, recipe = NOTHING, state, at, reasons }) => [
    ...[account, region, imageId, recipe, ENDS[state], ageOf(at, readAt)],
    reasons.join(' '),
  ]);
  return formatTable(['ACCOUNT', 'REGION', 'COPY', 'RECIPE', 'END', 'SINCE', 'REASON'], rows, width);
}

/**
 * What the copies of each recipe take, with < where EC2 does not tell the full size of each snapshot, and what retention would free
 * where it lets some go.
 */
function storageTable(storage: readonly RecipeStorage[], width: number | undefined): string {
  const isFreed = storage.some(({ freed }) => freed);
  const rows = storage.map(({ recipe, copies, gib, dollarsPerMonth, isFullSize, freed }) => {
    const atMost = isFullSize ? '' : '<';
    const taken = [recipe, String(copies), `${atMost}${gib.toFixed(1)}`, dollarsPerMonth.toFixed(2)];
    if (!isFreed) return taken;
    if (!freed) return [...taken, NOTHING, NOTHING, NOTHING];
    return [...taken, String(freed.copies), `${atMost}${freed.gib.toFixed(1)}`, freed.dollarsPerMonth.toFixed(2)];
  });
  const head = ['RECIPE', 'COPIES', 'GIB', '$/MONTH', ...(isFreed ? ['MAY GO', 'GIB FREED', '$/MONTH FREED'] : [])];
  return formatTable(head, rows, width);
}

/** Whether there is nothing to say of a cell. */
function isQuiet({ state, copy, reason }: Cell, readAt: string): boolean {
  const isWell = state === 'available' && reason === undefined;
  return (isWell && !(copy && isDeprecated(copy, readAt))) || state === 'not wanted';
}

/** Rows by accounts, with a word in each cell. */
function matrixOf({ rows, columns, readAt }: StatusReport): string {
  const manyRegions = new Set(columns.map(({ region }) => region)).size > 1;
  const head = columns.map(({ account, region }) => (manyRegions ? `${account} ${region}` : account));
  const lines = rows.map((row) => [
    row.title,
    ageOf(row.images[0]?.bakedAt, readAt),
    ...row.cells.map(({ state }) => (state === 'not wanted' ? NOTHING : state)),
  ]);
  return formatTable(['', 'BAKED', ...head], lines, undefined);
}

/** How many accounts are in which state, of those that some are in. */
function countsOf({ rows, readAt }: StatusReport, width: number): string {
  const cells = rows.flatMap((row) => row.cells);
  const states = STATES.filter((state) => cells.some((cell) => cell.state === state));
  const lines = rows.map((row) => [
    row.title,
    ageOf(row.images[0]?.bakedAt, readAt),
    ...states.map((state) => String(row.cells.filter((cell) => cell.state === state).length)),
  ]);
  return formatTable(['', 'BAKED', ...states.map((state) => state.toUpperCase())], lines, width);
}

function cellLine(row: Row, { state, copy, reason }: Cell, column: Environment | undefined, readAt: string): string[] {
  const { account = '', region = '' } = column ?? {};
  const key = copy?.keyArn?.split('/').at(-1) ?? NOTHING;
  const times = [ageOf(copy?.startedAt, readAt), tookOf(copy ?? {})];
  const deprecation = deprecationText(copy, readAt);
  const notes = [reason, deprecation && `Deprecated ${deprecation} UTC.`].filter(Boolean);
  return [row.title, account, region, state, copy?.imageId ?? NOTHING, ...times, key, notes.join(' ')];
}

function ageOf(time: string | undefined, readAt: string): string {
  return time === undefined ? NOTHING : age(Date.parse(readAt) - Date.parse(time));
}

/** From the start of the copy until it was announced. */
function tookOf({ startedAt, settledAt }: Partial<CopyFact>): string {
  return startedAt === undefined || settledAt === undefined
    ? NOTHING
    : age(Date.parse(settledAt) - Date.parse(startedAt));
}
