import type { Environment } from '../../../tool/common/environment.ts';
import type { Cell, CellState, CopyFact, Row, StatusReport } from '../../../tool/status/report.ts';

const READ_AT = '2026-11-25T09:30:00.000Z';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const RECIPES = ['ubuntu-24.04', 'ubuntu-22.04', 'amazon-linux-2023', 'elasticsearch', 'jenkins-agent', 'bastion'];
const ACCOUNTS = [
  'payments',
  'web',
  'search',
  'data-lake',
  'identity',
  'mobile-api',
  'ops',
  'sandbox',
  'archive',
  'billing',
  'media',
  'partners',
];

/** States that are not `available`, by row and column of the small report. */
const TROUBLE: Readonly<Record<string, CellState>> = {
  '0-10': 'pending',
  '0-11': 'pending',
  '1-3': 'failed',
  '2-3': 'failed',
  '2-6': 'missing',
  '3-5': 'stale',
  '3-8': 'stale',
  '4-1': 'not shared',
  '4-4': 'not shared',
  '5-2': 'missing',
  '5-7': 'pending',
};
const STATES: readonly CellState[] = ['failed', 'pending', 'missing', 'stale', 'not shared', 'unknown'];

/** A report as it may look: 12 accounts and 6 recipes, with one account that could not be read. */
export function sampleReport(): StatusReport {
  return reportOf(12, 6, (row, column) => (column === 9 ? 'unknown' : (TROUBLE[`${row}-${column}`] ?? 'available')));
}

/** The largest that the page is made for. Every tenth cell is in each of the other states in turn. */
export function largeReport(columns = 200, rows = 50): StatusReport {
  return reportOf(columns, rows, (row, column) => {
    const index = row * columns + column;
    return index % 10 === 0 ? (STATES[(index / 10) % STATES.length] ?? 'failed') : 'available';
  });
}

function reportOf(columns: number, rows: number, stateAt: (row: number, column: number) => CellState): StatusReport {
  const all = Array.from({ length: columns }, (_, index) => column(index));
  return {
    readAt: READ_AT,
    columns: all,
    rows: Array.from({ length: rows }, (_, row) => rowOf(row, (column) => stateAt(row, column), all)),
  };
}

function column(index: number): Environment {
  const known = ACCOUNTS[index % ACCOUNTS.length] ?? '';
  return {
    account: index < ACCOUNTS.length ? known : `${known}-${Math.floor(index / ACCOUNTS.length) + 1}`,
    accountId: String(222_222_222_222 + index * 1_000_003),
    region: index % 4 === 3 ? 'us-east-1' : 'eu-west-1',
    labels: { wave: index < 2 ? 'canary' : 'main' },
  };
}

function rowOf(index: number, stateAt: (column: number) => CellState, columns: readonly Environment[]): Row {
  const known = RECIPES[index % RECIPES.length] ?? '';
  const title = index < RECIPES.length ? known : `${known}-${Math.floor(index / RECIPES.length) + 1}`;
  const bakedAt = Date.parse(READ_AT) - 3 * HOUR - (index % 7) * 5 * HOUR;
  const images = ['eu-west-1', 'us-east-1'].map((region, position) => ({
    imageId: imageId(900_000 + index * 2 + position),
    region,
    name: `${title}_${120 + index}_${iso(bakedAt).slice(0, 10)}`,
    bakedAt: iso(bakedAt + position * 4 * MINUTE),
  }));
  return {
    title,
    recipe: title,
    images,
    cells: columns.map(({ accountId, region }, column) => {
      const image = images.find((candidate) => candidate.region === region);
      if (!image) throw new Error(`no image in ${region}`);
      return cell(stateAt(column), image, index, column, accountId);
    }),
  };
}

function cell(state: CellState, image: Row['images'][number], row: number, column: number, accountId: string): Cell {
  const isOld = state === 'stale';
  const baked = Date.parse(image.bakedAt) - (isOld ? 50 * HOUR : 0);
  const started =
    state === 'pending' ? Date.parse(READ_AT) - (4 + column) * MINUTE : baked + (2 + (column % 3)) * MINUTE;
  const settled = started + (6 + ((row * 7 + column * 5) % 11)) * MINUTE + column * 1000;
  const copy: CopyFact = {
    imageId: imageId(row * 1000 + column),
    sourceImageId: isOld ? imageId(800_000 + row) : image.imageId,
    bakedAt: iso(baked),
    startedAt: iso(started),
    ...((state === 'available' || isOld) && { settledAt: iso(settled) }),
    attempt: state === 'failed' ? 3 : 1,
    keyArn: `arn:aws:kms:${image.region}:${accountId}:key/11111111-2222-3333-4444-${accountId}`,
  };
  switch (state) {
    case 'missing':
    case 'not shared':
      return { state };
    case 'unknown':
      return {
        state,
        reason: `AccessDenied: not authorized to perform: sts:AssumeRole on arn:aws:iam::${accountId}:role/ImageCopierReader`,
      };
    case 'failed':
      return { state, copy, reason: 'CopyFailed: EC2 failed to copy it 3 times. The KMS key is disabled.' };
    default:
      return { state, copy };
  }
}

function imageId(number: number): string {
  // Spread over all digits, as EC2's are.
  return `ami-0${((BigInt(number) * 0x9e3779b97f4a7c15n) % 2n ** 64n).toString(16).padStart(16, '0')}`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
