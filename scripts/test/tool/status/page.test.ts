import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { statusPage } from '../../../tool/status/page.ts';
import type { Cell, CopyFact, StatusReport } from '../../../tool/status/report.ts';
import { sampleReport } from './sample-report.ts';

const READ_AT = '2026-11-23T22:30:00.000Z';
const UNSETTLED: CopyFact = {
  imageId: 'ami-0c',
  sourceImageId: 'ami-02',
  bakedAt: '2026-11-23T20:00:00.000Z',
  startedAt: '2026-11-23T20:02:00.000Z',
  attempt: 1,
};
const COPY: CopyFact = { ...UNSETTLED, settledAt: '2026-11-23T20:12:00.000Z' };

/** One row of cells, each of an account of its own. */
function reportOf(...cells: readonly Cell[]): StatusReport {
  return {
    readAt: READ_AT,
    columns: cells.map((cell, index) => ({
      account: `account-${index}`,
      accountId: String(222_222_222_222 + index),
      region: 'eu-west-1',
      labels: {},
    })),
    rows: [
      {
        title: 'ubuntu',
        images: [{ imageId: 'ami-02', region: 'eu-west-1', name: 'ubuntu-2', bakedAt: '2026-11-23T20:00:00.000Z' }],
        cells,
      },
    ],
  };
}

function noteOf(cell: Cell): string | undefined {
  const [, note] = /<td id="c0-0"[^>]*>[^<]*(?:<small>(.*?)<\/small>)?<\/td>/.exec(statusPage(reportOf(cell))) ?? [];
  return note;
}

/** The texts of the cells of a table under a heading. */
function tableUnder(heading: string, html: string): string[][] {
  const [, section = ''] = html.split(`id="${heading}-title"`);
  const [, body = ''] = /<tbody>(.*?)<\/tbody>/s.exec(section) ?? [];
  return body
    .split('</tr>')
    .slice(0, -1)
    .map((row) =>
      row
        .split(/<\/t[dh]>/)
        .slice(0, -1)
        .map((cell) => cell.replaceAll(/<[^>]+>|\n/g, '')),
    );
}

describe('the page of a report', () => {
  it('counts images that are not wanted in a Region only where there are any', () => {
    const total = '<b>1</b> <span class="state">not wanted</span>';

    expect(statusPage(reportOf({ state: 'not wanted' }))).toContain(total);
    expect(statusPage(reportOf({ state: 'missing' }))).not.toContain('not wanted');
  });

  it('is the same for the same report', () => {
    expect(statusPage(sampleReport())).toBe(statusPage(sampleReport()));
  });

  it('allows its own style and script alone', () => {
    const html = statusPage(sampleReport());
    const [, policy = ''] = /Content-Security-Policy" content="(.*?)"/.exec(html) ?? [];
    const hashOf = (pattern: RegExp) => {
      const [, text = ''] = pattern.exec(html) ?? [];
      return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    };

    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src ${hashOf(/<style>(.*?)<\/style>/s)}`,
      `script-src ${hashOf(/<script>(.*?)<\/script>/s)}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  it('counts what it holds', () => {
    expect(statusPage(sampleReport())).toContain('<p>6 recipes or images · 12 accounts · 72 cells</p>');
    const [column] = reportOf({ state: 'missing' }).columns;
    const twice = { ...reportOf({ state: 'missing' }, { state: 'missing' }), columns: column ? [column, column] : [] };
    expect(statusPage(twice)).toContain('<p>1 recipe or image · 1 account · 2 accounts and Regions · 2 cells</p>');
  });

  it('escapes what comes from tags and names', () => {
    const [row] = reportOf({ state: 'failed', reason: '<script>alert(1)</script>' }).rows;
    const html = statusPage({
      ...reportOf({ state: 'missing' }),
      rows: row ? [{ ...row, title: '<b>"&' }] : [],
    });

    expect(html).not.toContain('<b>"&');
    expect(html).not.toContain('<script>alert');
    expect(html).toContain('&lt;b&gt;&quot;&amp;');
    expect(html).toContain('<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>');
  });
});

describe('a cell', () => {
  it.each<[string, Cell]>([
    ['in 10 min', { state: 'available', copy: COPY }],
    ['for 2 h', { state: 'pending', copy: UNSETTLED }],
    ['attempt 2', { state: 'pending', copy: { ...UNSETTLED, startedAt: '2026-11-24T00:00:00.000Z', attempt: 2 } }],
    ['attempt 3', { state: 'failed', copy: { ...UNSETTLED, attempt: 3 } }],
    ['1 d behind', { state: 'stale', copy: { ...COPY, bakedAt: '2026-11-22T20:00:00.000Z' } }],
  ])('notes %s', (note, cell) => {
    expect(noteOf(cell)).toBe(note);
  });

  it.each<[string, Cell]>([
    ['is missing', { state: 'missing' }],
    ['failed at once', { state: 'failed', copy: UNSETTLED }],
    ["is of AMIgo's copier, which notes no end", { state: 'available', copy: UNSETTLED }],
    ['is stale by no time that is known', { state: 'stale', copy: { ...COPY, bakedAt: '2026-11-24T20:00:00.000Z' } }],
    ['is not shared, whatever there is', { state: 'not shared', copy: COPY }],
  ])('notes nothing where it %s', (_note, cell) => {
    expect(noteOf(cell)).toBeUndefined();
  });
});

describe('the failures', () => {
  it('are those that failed or have a reason, and each account that cannot be read once for each reason', () => {
    const report = reportOf(
      { state: 'failed', reason: 'The key is disabled.' },
      { state: 'failed' },
      { state: 'missing' },
    );
    const unread: Cell = { state: 'unknown', reason: 'Access denied.' };
    const [row] = report.rows;
    const rows = [0, 1].flatMap(() => (row ? [{ ...row, cells: [unread, ...row.cells.slice(1)] }] : []));
    const html = statusPage({ ...report, rows: row ? [row, ...rows] : [] });

    expect(tableUnder('failures', html)).toEqual([
      ['failed', 'ubuntu in account-0, eu-west-1', 'The key is disabled.'],
      ['failed', 'ubuntu in account-1, eu-west-1', 'No reason is known.'],
      ['failed', 'ubuntu in account-1, eu-west-1', 'No reason is known.'],
      ['failed', 'ubuntu in account-1, eu-west-1', 'No reason is known.'],
      ['unknown', '2 cells in account-0, eu-west-1', 'Access denied.'],
    ]);
  });

  it('are none where all is well', () => {
    expect(statusPage(reportOf({ state: 'available', copy: COPY }))).toContain('Failures</h2>\n<p>None.</p>');
  });
});

describe('how long the copies took', () => {
  it('is the median of those that settled, with the slowest', () => {
    const copied = (minutes: number): Cell => ({
      state: 'available',
      copy: { ...COPY, settledAt: `2026-11-23T20:${minutes}:00.000Z` },
    });
    const html = statusPage(reportOf(copied(52), copied(12), copied(22), { state: 'pending', copy: UNSETTLED }));

    expect(tableUnder('durations', html)).toEqual([
      ['ubuntu', '3', '2 min', '20 min', '', '50 min in account-0, eu-west-1'],
    ]);
    expect(html).toContain('aria-label="2 min to start, 20 min to copy"><rect class="waited" width="9.1"');
  });

  it('is not shown where nothing has settled', () => {
    expect(statusPage(reportOf({ state: 'pending', copy: UNSETTLED }))).toContain('<p>No copy has settled.</p>');
  });
});
