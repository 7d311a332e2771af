import { describe, expect, it } from '@jest/globals';
import { copyTimes, pageData } from '../../../tool/status/page-data.ts';
import type { Cell, CopyFact, StatusReport } from '../../../tool/status/report.ts';

const PENDING: CopyFact = {
  imageId: 'ami-0c',
  sourceImageId: 'ami-02',
  bakedAt: '2026-11-23T22:00:00.000Z',
  startedAt: '2026-11-23T22:02:00.000Z',
  attempt: 1,
};
const COPY: CopyFact = {
  ...PENDING,
  settledAt: '2026-11-23T22:12:30.000Z',
  keyArn: 'arn:aws:kms:eu-west-1:222222222222:key/1',
};
const READ_AT = '2026-11-23T22:05:00.000Z';

function reportOf(...cells: readonly Cell[]): StatusReport {
  return {
    readAt: READ_AT,
    columns: cells.map((cell, index) => ({
      account: `account\u202E${index}`,
      accountId: '222222222222',
      region: 'eu-west-1',
      labels: { wave: 'canary' },
    })),
    rows: [
      {
        title: 'ubuntu',
        images: [{ imageId: 'ami-02', region: 'eu-west-1', name: 'ubuntu-2', bakedAt: '2026-11-23T22:00:00.000Z' }],
        cells,
      },
    ],
  };
}

/** The details of the only cell as the script of the page shows them: those that are empty are left out. */
function detailsOf(cell: Cell): Record<string, string> {
  const { cells, labels, texts } = pageData(reportOf(cell));
  const values = cells[0]?.[0]?.slice(4).map((index) => texts[index] ?? 'no such text') ?? [];
  const entries = labels.map((label, index): [string, string] => [label, values[index] ?? '']);
  return Object.fromEntries(entries.filter(([, text]) => text !== ''));
}

const SOURCE = { 'Source image': 'ami-02', 'Name of the source image': 'ubuntu-2', Baked: '2026-11-23 22:00:00' };

describe('the details of a cell', () => {
  it('are all that is known of a copy', () => {
    expect(detailsOf({ state: 'available', copy: COPY })).toEqual({
      ...SOURCE,
      Copy: 'ami-0c',
      Attempt: '1',
      'Copy started': '2026-11-23 22:02:00',
      Settled: '2026-11-23 22:12:30',
      'From bake to start': '2 min',
      'From start to end': '10 min 30 s',
      Key: 'arn:aws:kms:eu-west-1:222222222222:key/1',
    });
  });

  it.each([
    [READ_AT, 'since 2026-11-23 22:05:00'],
    ['2028-11-23T22:10:00.000Z', 'from 2028-11-23 22:10:00'],
  ])('say of a copy that is deprecated at %s: %s', (deprecatesAt, Deprecated) => {
    expect(detailsOf({ state: 'available', copy: { ...COPY, deprecatesAt } })).toMatchObject({ Deprecated });
  });

  it('say how long a copy has been pending', () => {
    expect(detailsOf({ state: 'pending', copy: PENDING })).toMatchObject({ 'From start to end': '3 min so far' });
  });

  it('name the image that is missing, and the reason', () => {
    expect(detailsOf({ state: 'missing' })).toEqual(SOURCE);
    expect(detailsOf({ state: 'unknown', reason: 'Access denied.' })).toEqual({ ...SOURCE, Reason: 'Access denied.' });
  });

  it('are of the older image for a stale copy, whose name is not known', () => {
    const copy = { ...COPY, sourceImageId: 'ami-01', bakedAt: '2026-11-22T22:00:00.000Z' };
    const details = detailsOf({ state: 'stale', copy });

    expect(details).toMatchObject({ 'Source image': 'ami-01', Baked: '2026-11-22 22:00:00' });
    expect(details).not.toHaveProperty('Name of the source image');
  });

  it('name no times that are not known, or cannot be', () => {
    const details = detailsOf({ state: 'failed', copy: { ...PENDING, bakedAt: '2026-11-24T00:00:00.000Z' } });

    expect(details).not.toHaveProperty('From bake to start');
    expect(details).not.toHaveProperty('From start to end');
  });
});

describe('the data of the page', () => {
  it('holds each text once, with what is hidden in it spelled out', () => {
    const { texts, columns, rows } = pageData(reportOf({ state: 'missing' }, { state: 'missing' }));

    expect(new Set(texts).size).toBe(texts.length);
    expect(texts[0]).toBe('');
    expect(columns.map((column) => column.map((index) => texts[index]))).toEqual([
      ['account\\u{202e}0', '222222222222', 'eu-west-1', 'wave=canary'],
      ['account\\u{202e}1', '222222222222', 'eu-west-1', 'wave=canary'],
    ]);
    expect(rows.map((row) => row.map((index) => texts[index]))).toEqual([['ubuntu', 'ami-02']]);
  });

  it('begins a cell with its state, its note, and the seconds from bake to start, and from start to end', () => {
    const { cells, states, texts } = pageData(reportOf({ state: 'available', copy: COPY }, { state: 'missing' }));

    const begun = cells[0]?.map(([state = -1, note = -1, ...rest]) => [
      states[state],
      texts[note],
      ...rest.slice(0, 2),
    ]);
    expect(begun).toEqual([
      ['available', 'in 10 min', 120, 630],
      ['missing', '', 0, 0],
    ]);
  });
});

describe('copyTimes', () => {
  it('counts a copy that is not pending to its end alone', () => {
    expect(copyTimes('pending', PENDING, READ_AT)).toEqual({ waited: 120, copied: 180 });
    expect(copyTimes('failed', PENDING, READ_AT)).toEqual({ waited: 120, copied: undefined });
  });
});
