import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { formatStatus } from '../../../tool/status/show.ts';
import { ROOT } from '../../../tool/common/paths.ts';
import type { Cell, ChannelInAccount, StatusReport } from '../../../tool/status/report.ts';

const copy = {
  imageId: 'ami-0aaaaaaaaaaaaaaaa',
  sourceImageId: 'ami-0123456789abcdef0',
  bakedAt: '2026-11-23T22:10:00.000Z',
  startedAt: '2026-11-23T22:12:04.000Z',
  settledAt: '2026-11-23T22:24:40.120Z',
  attempt: 1,
  keyArn: 'arn:aws:kms:eu-west-1:333333333333:key/11111111-2222-3333-4444-555555555555',
};
const column = (account: string, accountId: string) => ({ account, accountId, region: 'eu-west-1', labels: {} });

function reportOf(...cells: readonly Cell[]): StatusReport {
  return {
    readAt: '2026-11-26T22:30:00.000Z',
    columns: ['canary', 'payments', 'web'].map((name) => column(name, '222222222222')),
    rows: [
      {
        title: 'ubuntu',
        recipe: 'ubuntu',
        images: [{ imageId: 'ami-0b', region: 'eu-west-1', name: 'ubuntu-2', bakedAt: '2026-11-26T16:00:00.000Z' }],
        cells,
      },
    ],
  };
}

const asInManual = reportOf({ state: 'available', copy }, { state: 'stale', copy }, { state: 'missing' });

describe('the status for people', () => {
  it('is what docs/tool.md shows', () => {
    const manual = readFileSync(join(ROOT, 'docs', 'tool.md'), 'utf8');
    const [, shown] = /\$ image-copier status .*\n([^`]*)```/.exec(manual) ?? [];

    expect(shown).toBe(`${formatStatus(asInManual, { width: undefined })}\n`);
  });

  it('counts states where the matrix is wider than the terminal', () => {
    const columns = asInManual.columns.map((each) => ({ ...each, account: `${each.account}-production` }));
    const [head, row] = formatStatus({ ...asInManual, columns }, { width: 50 }).split('\n');

    expect(head?.split(/ {2,}/).slice(2)).toEqual(['AVAILABLE', 'MISSING', 'STALE']);
    expect(row?.split(/ {2,}/).slice(2)).toEqual(['1', '1', '1']);
  });

  it('has a line for each copy, if that is wanted', () => {
    const lines = formatStatus(asInManual, { all: true, width: undefined }).split('\n');

    expect(lines.filter((line) => line.includes('eu-west-1'))).toHaveLength(3);
  });

  it('has a line for a copy that is available, if there is something to say of it', () => {
    const reason = 'No parameter.';
    const shown = formatStatus(reportOf({ state: 'available', copy, reason }, { state: 'available', copy }), {
      width: undefined,
    });

    expect(shown.split('\n').filter((line) => line.includes('eu-west-1'))).toEqual([
      expect.stringMatching(/No parameter\.$/),
    ]);
  });

  it('has a line for a copy that is deprecated by now, and says of others when they will be', () => {
    const soon: Cell = { state: 'available', copy: { ...copy, deprecatesAt: '2026-11-26T22:30:01.000Z' } };
    const now: Cell = { state: 'available', copy: { ...copy, deprecatesAt: '2026-11-26T22:30:00.000Z' } };
    const stale: Cell = { ...soon, state: 'stale', reason: 'It is old.' };
    const lines = (all: boolean) =>
      formatStatus(reportOf(soon, now, stale), { all, width: undefined })
        .split('\n')
        .filter((line) => line.includes('eu-west-1'))
        .map((line) => line.split(/ {2,}/).at(-1));
    const ofOthers = 'It is old. Deprecated from 2026-11-26 22:30:01 UTC.';

    expect(lines(false)).toEqual(['Deprecated since 2026-11-26 22:30:00 UTC.', ofOthers]);
    expect(lines(true)[0]).toBe('Deprecated from 2026-11-26 22:30:01 UTC.');
  });

  it('has nothing to say of images that are not wanted in a Region', () => {
    expect(formatStatus(reportOf({ state: 'available', copy }, { state: 'not wanted' }), { width: 60 })).toBe(
      '        BAKED  canary     payments  web\nubuntu  6 h    available  -',
    );
  });

  it('leaves out what would be too much, and says so', () => {
    const cells = Array.from({ length: 100 }, (): Cell => ({ state: 'missing' }));
    const columns = cells.map((_, index) => column(`account-${index}`, '222222222222'));

    expect(formatStatus({ ...reportOf(...cells), columns }, { width: 80 })).toMatch(
      /\n\n40 more\. --all shows them\.$/,
    );
  });

  it('shows what channels point to, with the accounts that stand alike in one line', () => {
    const channel = (account: string, more: Partial<ChannelInAccount> = {}): ChannelInAccount => ({
      ...column(account, '222222222222'),
      ...{ recipe: 'ubuntu', channel: 'prod', imageId: `ami-of-${account}`, state: 'available' },
      ...{ sourceImageId: 'ami-0a', bakedAt: '2026-11-26T16:00:00.000Z' },
      ...more,
    });
    const channels = [
      channel('canary', { sourceImageId: 'ami-09', bakedAt: '2026-11-20T16:00:00.000Z' }),
      ...['a', 'b', 'c', 'd', 'e'].map((account) => channel(account)),
      { ...column('web', '333333333333'), recipe: 'ubuntu', channel: 'prod', state: 'not set' as const },
    ];
    const linesOf = (all: readonly ChannelInAccount[]) =>
      formatStatus({ ...asInManual, channels: all }, { width: undefined })
        .split('\n')
        .slice(-4)
        .map((line) => line.split(/ {2,}/));

    expect(linesOf(channels)).toEqual([
      ['RECIPE', 'CHANNEL', 'SOURCE IMAGE', 'BAKED', 'STATE', 'ACCOUNTS'],
      ['ubuntu', 'prod', 'ami-0a', '6 h', 'available', 'a, b, c and 2 more'],
      ['ubuntu', 'prod', 'ami-09', '6 d', 'available', 'canary'],
      ['ubuntu', 'prod', '-', '-', 'not set', 'web'],
    ]);
    expect(
      linesOf([channel('a'), { ...channel('a'), region: 'us-east-1' }])
        .at(-1)
        ?.at(-1),
    ).toBe('a eu-west-1, a us-east-1');
  });

  it('shows copies that are taken away or are to go, and what copies take', () => {
    const ended = [
      {
        ...column('web', '333333333333'),
        ...{ imageId: 'ami-0c', sourceImageId: 'ami-0a', recipe: 'ubuntu', state: 'asked' as const },
        ...{ at: '2026-11-26T20:30:00.000Z', reasons: ['The instance i-1 uses it.'] },
      },
    ];
    const storage = [{ recipe: 'ubuntu', copies: 3, gib: 24, dollarsPerMonth: 1.2, isFullSize: false }];

    const lines = formatStatus({ ...asInManual, ended, storage }, { width: undefined }).split('\n');

    expect(lines.slice(-5).map((line) => line.split(/ {2,}/))).toEqual([
      ['ACCOUNT', 'REGION', 'COPY', 'RECIPE', 'END', 'SINCE', 'REASON'],
      ['web', 'eu-west-1', 'ami-0c', 'ubuntu', 'is to go', '2 h', 'The instance i-1 uses it.'],
      [''],
      ['RECIPE', 'COPIES', 'GIB', '$/MONTH'],
      ['ubuntu', '3', '<24.0', '1.20'],
    ]);
  });

  it('shows what retention would free, of the recipes of which it lets copies go', () => {
    const freed = { copies: 2, gib: 16, dollarsPerMonth: 0.8 };
    const storage = [
      { recipe: 'debian', copies: 1, gib: 8, dollarsPerMonth: 0.4, isFullSize: true },
      { recipe: 'ubuntu', copies: 3, gib: 24, dollarsPerMonth: 1.2, isFullSize: false, freed },
    ];

    const lines = formatStatus({ ...asInManual, storage }, { width: undefined }).split('\n');

    expect(lines.slice(-3).map((line) => line.split(/ {2,}/))).toEqual([
      ['RECIPE', 'COPIES', 'GIB', '$/MONTH', 'MAY GO', 'GIB FREED', '$/MONTH FREED'],
      ['debian', '1', '8.0', '0.40', '-', '-', '-'],
      ['ubuntu', '3', '<24.0', '1.20', '2', '<16.0', '0.80'],
    ]);
  });

  it('says that there is nothing', () => {
    expect(formatStatus({ ...reportOf(), rows: [] }, { width: 80 })).toBe('No image of any recipe was found.');
  });
});
