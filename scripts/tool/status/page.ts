import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../common/environment.ts';
import { ROOT } from '../common/paths.ts';
import { fleetSection } from '../fleet/page-section.ts';
import type { FleetReport } from '../fleet/report.ts';
import { copyTimes, noteOf, pageData } from './page-data.ts';
import { escapeHtml, escapeWithIds, formatDuration, formatTime, scriptJson } from './page-text.ts';
import { groupChannels, placesOf } from './channels.ts';
import type { Cell, CellState, Row, StatusReport } from './report.ts';
import { counted } from '../common/counted.ts';

// Files of their own, so that they are formatted, linted and checked as what they are. Read when a page is made: no step of
// the build has to know of them.
const BROWSER = join(ROOT, 'scripts/tool/status/browser');

const STATES: readonly CellState[] = [
  'available',
  'pending',
  'stale',
  'missing',
  'failed',
  'unknown',
  'not shared',
  'not wanted',
];

/**
 * So many cells are written into the page as they are. A page with more has them in its data alone, and its script makes those that
 * are in view: a browser takes seconds to lay out 50,000, and draws a few frames a second while they are scrolled
 * (docs/performance.md).
 */
const MAX_WRITTEN_CELLS = 2500;
/** So many failures of each kind are listed. */
const MAX_FAILURES = 500;

interface Durations {
  readonly count: number;
  readonly waited: number;
  readonly copied: number;
  /** The cell of the slowest, and how long it took. */
  readonly slowest: { readonly column: number; readonly seconds: number };
}

/**
 * A report as one page of HTML that asks for nothing else, with what the running instances run where that was read. Without its script
 * all can be read but the cells of a large report. The script adds filters, the details of a cell and a way through the cells by
 * keyboard. The same report gives the same bytes.
 */
export function statusPage(report: StatusReport, fleet?: FleetReport): string {
  const style = readFileSync(join(BROWSER, 'page.css'), 'utf8');
  const script = readFileSync(join(BROWSER, 'page.js'), 'utf8');
  const policy = `default-src 'none'; style-src '${hashOf(style)}'; script-src '${hashOf(script)}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Copies of images, ${escapeHtml(formatTime(report.readAt))} UTC</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#matrix">Skip to the copies</a>
${header(report)}
<main>
${filters(report)}
${matrix(report)}
${failures(report)}
${durations(report)}${tables(report)}
${fleet ? fleetSection(fleet) : ''}
</main>
<dialog id="details" aria-labelledby="details-title"></dialog>
<script type="application/json" id="data">${scriptJson(pageData(report))}</script>
<script>${script}</script>
</body>
</html>
`;
}

function header({ readAt, rows, columns }: StatusReport): string {
  const accounts = new Set(columns.map(({ accountId }) => accountId)).size;
  const facts = [
    counted(rows.length, 'recipe or image', 'recipes or images'),
    counted(accounts, 'account', 'accounts'),
    ...(columns.length > accounts ? [counted(columns.length, 'account and Region', 'accounts and Regions')] : []),
    counted(rows.length * columns.length, 'cell', 'cells'),
  ];
  return `<header>
<h1>Copies of images</h1>
<p>Read at ${escapeHtml(formatTime(readAt))}. All times are in UTC.</p>
<p>${facts.join(' · ')}</p>
</header>`;
}

/** The totals are the filter by state as well: the script shows the boxes to tick. */
function filters({ rows }: StatusReport): string {
  const cells = rows.flatMap((row) => row.cells);
  const totals = STATES.flatMap((state) => {
    const count = cells.filter((cell) => cell.state === state).length;
    // Rows of recipes have none of these.
    if (state === 'not wanted' && count === 0) return [];
    return `<label class="total ${classOf(state)}"><input type="checkbox" name="state" value="${classOf(state)}" hidden> <b>${count}</b> <span class="state">${state}</span></label>`;
  });
  return `<form class="filters" id="filters" autocomplete="off">
<fieldset><legend>Cells by state<span class="scripted" hidden>: tick some to see those alone</span></legend>
<div class="totals">
${totals.join('\n')}
</div></fieldset>
<div class="texts scripted" hidden>
<label>Recipe or image <input type="search" name="row"></label>
<label>Account, Region or label <input type="search" name="column" list="column-texts"></label>
<label>Copy, reason or other detail <input type="search" name="detail"></label>
<datalist id="column-texts"></datalist>
<button type="reset">Show all</button>
<output id="left"></output>
</div>
</form>`;
}

function matrix(report: StatusReport): string {
  const { columns, rows, readAt } = report;
  const count = rows.length * columns.length;
  const isWritten = count <= MAX_WRITTEN_CELLS;
  const head = columns.map(
    ({ account, accountId, region }) =>
      `<th scope="col">${escapeWithIds(account)}${account === accountId ? '' : `<small>${escapeWithIds(accountId)}</small>`}<small>${escapeHtml(region)}</small></th>`,
  );
  const body = rows.map((row, rowIndex) => {
    const written = row.cells.map((cell, column) => {
      const note = noteOf(cell, row, columns[column], readAt);
      return `<td id="${cellId(rowIndex, column)}" class="${classOf(cell.state)}">${cell.state}${note === '' ? '' : `<small>${escapeHtml(note)}</small>`}</td>`;
    });
    return `<tr><th scope="row">${escapeWithIds(row.title)}${imagesOf(row)}</th>${isWritten ? `\n${written.join('')}` : ''}</tr>`;
  });
  const unwritten = `<p id="unscripted">The script of this page shows its ${count} cells. Where it may not run, read fewer accounts or recipes
(<code>--only</code>, <code>--recipe</code>), or have all printed as JSON (<code>--json</code>).</p>
`;
  return `<section>
<h2 id="matrix-title">By recipe and account</h2>
<p class="scripted" id="matrix-help" hidden>Arrow keys, Home and End move from cell to cell. Enter or a click shows the details of a copy.</p>
${isWritten ? '' : unwritten}<div class="scroll${isWritten ? '' : ' scripted'}" role="region" aria-labelledby="matrix-title" tabindex="0"${isWritten ? '' : ' hidden'}>
<table id="matrix" class="matrix${isWritten ? '' : ' partial'}" tabindex="-1">
<caption>State of the newest copy of each recipe or image in each account and Region</caption>
<thead><tr><td class="corner"></td>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>
</div>
<div class="printed"></div>
</section>`;
}

/** What channels point to, copies that are taken away or are to go, and what all copies cost; nothing where there is nothing of it. */
function tables({ channels = [], ended = [], storage = [] }: StatusReport): string {
  const groups = groupChannels(channels).map((group) => {
    const { recipe, channel, image = '', bakedAt = '', state } = group;
    return [recipe, channel, image, formatTime(bakedAt).slice(0, 16), state, placesOf(group)].map(
      (text) => `<td>${escapeWithIds(text)}</td>`,
    );
  });
  const copies = ended.map(({ account, region, imageId, recipe = '', state, reasons }) =>
    [account, region, imageId, recipe, state, reasons.join(' ')].map((text) => `<td>${escapeWithIds(text)}</td>`),
  );
  const isFreed = storage.some(({ freed }) => freed);
  const costs = storage.map(({ recipe, copies: count, gib, dollarsPerMonth, freed }) =>
    [
      ...[recipe, String(count), gib.toFixed(1), dollarsPerMonth.toFixed(2)],
      ...(isFreed ? [freed?.copies ?? '', freed?.gib.toFixed(1) ?? '', freed?.dollarsPerMonth.toFixed(2) ?? ''] : []),
    ].map((text) => `<td>${escapeHtml(String(text))}</td>`),
  );
  const freedHead = isFreed ? ['May go by retention', 'GiB freed', 'Dollars a month freed'] : [];
  return (
    table('channels', 'Channels', ['Recipe', 'Channel', 'Source image', 'Baked', 'State', 'Accounts'], groups) +
    table('ended', 'Retired and revoked copies', ['Account', 'Region', 'Copy', 'Recipe', 'End', 'Reason'], copies) +
    table('storage', 'What copies take', ['Recipe', 'Copies', 'GiB', 'Dollars a month', ...freedHead], costs)
  );
}

function table(id: string, title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  return `
<section>
<h2 id="${id}-title">${title}</h2>
<div class="scroll" role="region" aria-labelledby="${id}-title" tabindex="0"><table class="list">
<thead><tr>${head.map((text) => `<th scope="col">${text}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n')}
</tbody></table></div>
</section>`;
}

function imagesOf({ images }: Row): string {
  const [newest] = images;
  if (!newest) return '';
  const others = images.length > 1 ? ` (+${images.length - 1})` : '';
  return `<small>${escapeWithIds(newest.imageId)}${others}</small><small>baked ${escapeHtml(formatTime(newest.bakedAt).slice(0, 16))}</small>`;
}

function failures({ rows, columns }: StatusReport): string {
  const failed = rows.flatMap((row, rowIndex) =>
    row.cells.flatMap((cell, index) => {
      const isOne = cell.state === 'failed' || (cell.state !== 'unknown' && cell.reason !== undefined);
      return isOne ? [failure(cell, row.title, columns[index], cellId(rowIndex, index))] : [];
    }),
  );
  // An account that cannot be read is one failure, in however many rows it shows.
  const unread = columns.flatMap((column, index) => {
    const unknown = rows.flatMap((row, rowIndex) => {
      const cell = row.cells[index];
      return cell?.state === 'unknown' ? [{ cell, rowIndex }] : [];
    });
    const reasons = new Set(unknown.map(({ cell }) => cell.reason));
    return Array.from(reasons, (reason) => {
      const same = unknown.filter(({ cell }) => cell.reason === reason);
      const where = counted(same.length, 'cell', 'cells');
      return failure(
        { state: 'unknown', ...(reason !== undefined && { reason }) },
        where,
        column,
        cellId(same[0]?.rowIndex ?? 0, index),
      );
    });
  });
  const lines = [...failed.slice(0, MAX_FAILURES), ...unread.slice(0, MAX_FAILURES)];
  const more = failed.length + unread.length - lines.length;
  const table = `<div class="scroll" role="region" aria-labelledby="failures-title" tabindex="0"><table class="list">
<thead><tr><th scope="col">State</th><th scope="col">Where</th><th scope="col">Reason</th></tr></thead>
<tbody>
${lines.join('\n')}
</tbody></table></div>`;
  return `<section>
<h2 id="failures-title">Failures</h2>
${more > 0 ? `<p>${more} more are not listed here, but are among the cells.</p>\n` : ''}${lines.length === 0 ? '<p>None.</p>' : table}
</section>`;
}

function failure(
  { state, reason = 'No reason is known.' }: Cell,
  what: string,
  column: Environment | undefined,
  id: string,
): string {
  const where = `${what} in ${column?.account ?? ''}, ${column?.region ?? ''}`;
  return `<tr><td class="mark ${classOf(state)}">${state}</td><td><a href="#${id}">${escapeWithIds(where)}</a></td><td>${escapeWithIds(reason)}</td></tr>`;
}

/** How long the copies that settled took, by row. */
function durations(report: StatusReport): string {
  const rows = report.rows.map((row) => ({ row, times: durationsOf(row, report.readAt) }));
  const longest = Math.max(1, ...rows.map(({ times }) => (times ? times.waited + times.copied : 0)));
  const lines = rows.flatMap(({ row, times }, rowIndex) => {
    if (!times) return [];
    const { count, waited, copied, slowest } = times;
    const { account = '', region = '' } = report.columns[slowest.column] ?? {};
    const text = `${formatDuration(waited)} to start, ${formatDuration(copied)} to copy`;
    return [
      `<tr><th scope="row">${escapeWithIds(row.title)}</th><td>${count}</td><td>${formatDuration(waited)}</td><td>${formatDuration(copied)}</td><td>${bar(waited / longest, copied / longest, text)}</td><td><a href="#${cellId(rowIndex, slowest.column)}">${formatDuration(slowest.seconds)} in ${escapeWithIds(account)}, ${escapeHtml(region)}</a></td></tr>`,
    ];
  });
  const table = `<p class="legend"><span class="waited">from bake to start</span> <span class="copied">from start to end</span></p>
<div class="scroll" role="region" aria-labelledby="durations-title" tabindex="0"><table class="list">
<thead><tr><th scope="col">Recipe or image</th><th scope="col">Copies</th><th scope="col">Bake to start, median</th><th scope="col">Start to end, median</th><th scope="col">Both</th><th scope="col">Slowest, start to end</th></tr></thead>
<tbody>
${lines.join('\n')}
</tbody></table></div>`;
  return `<section>
<h2 id="durations-title">How long the available copies took</h2>
${lines.length === 0 ? '<p>No copy has settled.</p>' : table}
</section>`;
}

function durationsOf({ cells }: Row, readAt: string): Durations | undefined {
  const settled = cells.flatMap(({ state, copy }, column) => {
    if (state !== 'available' || !copy) return [];
    const { waited, copied } = copyTimes(state, copy, readAt);
    return waited === undefined || copied === undefined ? [] : [{ column, waited, copied }];
  });
  const slowest = settled.reduce((a, b) => (b.copied > a.copied ? b : a), settled[0] ?? { column: 0, copied: 0 });
  if (settled.length === 0) return undefined;
  return {
    count: settled.length,
    waited: median(settled.map(({ waited }) => waited)),
    copied: median(settled.map(({ copied }) => copied)),
    slowest: { column: slowest.column, seconds: slowest.copied },
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;
}

function bar(waited: number, copied: number, text: string): string {
  const [first, second] = [waited, copied].map((part) => Math.round(part * 1000) / 10);
  return `<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${text}"><rect class="waited" width="${first ?? 0}" height="10"/><rect class="copied" x="${first ?? 0}" width="${second ?? 0}" height="10"/></svg>`;
}

function cellId(row: number, column: number): string {
  return `c${row}-${column}`;
}

function classOf(state: CellState): string {
  return state.replace(' ', '-');
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
