import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { statusPage } from '../../../tool/status/page.ts';
import type { Cell, CopyFact, StatusReport } from '../../../tool/status/report.ts';
import type { FleetReport, RunningInstance } from '../../../tool/fleet/report.ts';
import { fleetReport, runningInstance } from '../fleet/sample-fleet.ts';
import { largeReport, sampleReport } from './sample-report.ts';

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
  it('has what copies take, and what retention would free where it lets some go', () => {
    const debian = { recipe: 'debian', copies: 1, gib: 8, dollarsPerMonth: 0.4, isFullSize: true };
    const freed = { copies: 2, gib: 16, dollarsPerMonth: 0.8 };
    const ubuntu = { recipe: 'ubuntu', copies: 3, gib: 24, dollarsPerMonth: 1.2, isFullSize: true, freed };
    const tableOf = (storage: StatusReport['storage'] & object) =>
      tableUnder('storage', statusPage({ ...reportOf({ state: 'missing' }), storage }));

    expect(tableOf([debian])).toEqual([['debian', '1', '8.0', '0.40']]);
    expect(tableOf([debian, ubuntu])).toEqual([
      ['debian', '1', '8.0', '0.40', '', '', ''],
      ['ubuntu', '3', '24.0', '1.20', '2', '16.0', '0.80'],
    ]);
  });

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

  it('shows what channels point to, and has no table of them where there are none', () => {
    const report = reportOf({ state: 'missing' });
    const [column] = report.columns;
    const channel = { recipe: 'ubuntu', channel: 'prod<b>', imageId: 'ami-0c', state: 'available' as const };
    const known = { sourceImageId: 'ami-0a', bakedAt: '2026-11-23T22:10:00.000Z' };
    const channels = column ? [{ ...column, ...channel, ...known }] : [];

    expect(tableUnder('channels', statusPage({ ...report, channels }))).toEqual([
      ['ubuntu', 'prod&lt;b&gt;', 'ami-0a', '2026-11-23 22:10', 'available', column?.account],
    ]);
    expect(statusPage(report)).not.toContain('channels-title');
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

describe('the cells of a report', () => {
  const written = (html: string) => html.match(/<td id="c\d+-\d+"/g)?.length ?? 0;

  it('are written where there are 2,500, or fewer', () => {
    const html = statusPage(largeReport(50, 50));

    expect(written(html)).toBe(2500);
    expect(html).not.toMatch(/class="matrix partial"|id="unscripted"/);
  });

  it('are left to the script where there are more, and the page says so', () => {
    const html = statusPage(largeReport(139, 18));

    expect(written(html)).toBe(0);
    expect(html).toContain('The script of this page shows its 2502 cells.');
    // Names are there for the search of a browser.
    expect(html.match(/<th scope="col"><?/g)?.length).toBeGreaterThan(139);
    expect(html).toContain('>222360222636</span>');
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

  it('are 500 that failed, and 500 accounts that cannot be read, and the number of others', () => {
    const failed = Array<Cell>(502).fill({ state: 'failed' });
    const unread = Array<Cell>(503).fill({ state: 'unknown', reason: 'Access denied.' });
    const html = statusPage(reportOf(...failed, ...unread));

    expect(tableUnder('failures', html)).toHaveLength(1000);
    expect(html).toContain('<p>5 more are not listed here, but are among the cells.</p>');
    expect(statusPage(reportOf(...failed.slice(2)))).not.toContain('more are not listed');
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

describe('the running instances', () => {
  const page = (instances: readonly RunningInstance[], changes: Partial<FleetReport> = {}) =>
    statusPage(sampleReport(), fleetReport(instances, changes));
  /** What the page says of the whole fleet. */
  const counted = (html: string) => /id="fleet-title">[^\n]*\n<p>(.*?)<\/p>/.exec(html)?.[1];

  it('are not shown where they were not read', () => {
    expect(statusPage(sampleReport())).not.toContain('fleet');
  });

  it('are counted by recipe', () => {
    const html = page([
      runningInstance(),
      runningInstance({ state: 'revoked' }),
      runningInstance({ state: 'no copy', recipe: undefined }),
    ]);

    expect(counted(html)).toBe('3 instances in 1 account and Region: 1 current, 1 revoked, 1 no copy.');
    expect(tableUnder('fleet-recipes', html)).toEqual([
      ['ubuntu', '2', '1', '0', '1', '0', '0'],
      ['no known recipe', '1', '0', '0', '0', '1', '0'],
    ]);
  });

  it('are charted by the ages of their images, with a part of the bar for each state', () => {
    const old = (days: number) => new Date(Date.parse('2026-11-30T00:00:00.000Z') - days * 86_400_000).toISOString();
    const html = page([
      ...[-1, 0, 6.9, 7].map((days) => runningInstance({ bakedAt: old(days) })),
      runningInstance({ bakedAt: old(3), state: 'behind', behind: 1 }),
      ...[89, 364, 365].map((days) => runningInstance({ bakedAt: old(days), state: 'revoked' })),
      runningInstance({ bakedAt: undefined, state: 'unknown' }),
    ]);

    expect(tableUnder('fleet-ages', html)).toEqual([
      ['under 7 d', '4', '3 current, 1 behind'],
      ['7 d to 30 d', '1', '1 current'],
      ['30 d to 90 d', '1', '1 revoked'],
      ['90 d to 180 d', '0', 'none'],
      ['180 d to 365 d', '1', '1 revoked'],
      ['365 d or more', '1', '1 revoked'],
      ['not known', '1', '1 unknown'],
    ]);
    expect(html).toContain(
      '<rect class="runs-current" x="0.0" width="75.0" height="10"/><rect class="runs-behind" x="75.0" width="25.0" height="10"/>',
    );
  });

  it('are listed by image where they are revoked, unknown or behind, 200 lines of them', () => {
    const html = page([
      runningInstance(),
      runningInstance({ imageId: 'ami-2', state: 'behind', behind: 2 }),
      ...['i-2', 'i-3'].map((instanceId) =>
        runningInstance({ instanceId, imageId: 'ami-3', state: 'revoked', reason: '<b>' }),
      ),
    ]);
    const many = page(
      Array.from({ length: 201 }, (_, index) => runningInstance({ imageId: `ami-${index}`, state: 'revoked' })),
    );

    expect(tableUnder('fleet-open', html)).toEqual([
      ['revoked', 'ubuntu', 'payments, eu-west-1', 'ami-3', '5 d', '2', 'i-2, i-3. &lt;b&gt;'],
      ['2 behind', 'ubuntu', 'payments, eu-west-1', 'ami-2', '5 d', '1', 'i-1'],
    ]);
    expect(tableUnder('fleet-open', many)).toHaveLength(200);
    expect(many).toContain('<p>The first 200. 1 more are not shown here.</p>');
    expect(page([runningInstance()])).not.toContain('fleet-open');
  });

  it('are named where they could not be read', () => {
    const environments = fleetReport([]).environments.map((each) => ({ ...each, problem: 'Access denied.' }));
    const html = page([], { environments, sourceProblem: 'No way in.' });

    expect(counted(html)).toBe('0 instances in 0 accounts and Regions: none. 1 could not be read.');
    expect(tableUnder('unread', html)).toEqual([
      ['payments, eu-west-1', 'Access denied.'],
      ['the source account', 'No way in.'],
    ]);
  });
});
