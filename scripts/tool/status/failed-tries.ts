import type { Warn } from '../common/dead-letter-queue.ts';
import { lineAbout, type Copier } from '../common/environment.ts';
import {
  formatFailedTries,
  isTriedAgain,
  LOOK_BACK_MS,
  readFailedTriesIfAllowed,
  type FailedTriesOf,
} from '../common/failed-tries.ts';
import { PARALLEL } from '../common/in-environments.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import type { Cell, Row, StatusReport } from './report.ts';

/**
 * Says of copies that are not there, or are made again, which tries have failed. Only accounts with such cells are asked, so that
 * healthy ones cost nothing.
 * @param copiers in the order of the columns
 * @param warn is told which logs cannot be read; that stops nothing
 */
export async function withFailedTries(
  report: StatusReport,
  copiers: readonly Copier[],
  signal: AbortSignal,
  warn: Warn,
): Promise<StatusReport> {
  const nowMs = Date.parse(report.readAt);
  const asked = copiers.filter((_, index) => report.rows.some(({ cells }) => mayHaveFailedTries(cells[index])));
  const read = await mapConcurrently(asked, PARALLEL, (copier) => triesIn(copier, nowMs, warn), signal);
  const triesOf = new Map(asked.map((copier, index) => [copier, read[index]]));
  return {
    ...report,
    rows: report.rows.map((row) => ({
      ...row,
      cells: row.cells.map((cell, index) => {
        const copier = copiers[index];
        const tries = copier && triesOf.get(copier);
        return tries && mayHaveFailedTries(cell) ? explained(cell, row, tries, nowMs) : cell;
      }),
    })),
  };
}

/** A reason says already why an image is not copied. */
function mayHaveFailedTries({ state, copy, reason }: Partial<Cell> = {}): boolean {
  if (state === 'pending') return copy !== undefined && copy.attempt > 1;
  return (state === 'missing' || state === 'stale') && reason === undefined;
}

async function triesIn(copier: Copier, nowMs: number, warn: Warn): Promise<FailedTriesOf | undefined> {
  try {
    return await readFailedTriesIfAllowed(copier, nowMs - LOOK_BACK_MS, (line) => {
      warn(lineAbout(copier, line));
    });
  } finally {
    copier.aws.close();
  }
}

function explained(cell: Cell, { images }: Row, tries: FailedTriesOf, nowMs: number): Cell {
  const [failedTries] = images.flatMap(({ imageId }) => tries.get(imageId) ?? []);
  if (!failedTries) return cell;
  const known = { failedTries, reason: formatFailedTries(failedTries, nowMs) };
  if (cell.state === 'pending') return { ...cell, ...known };
  return isTriedAgain(failedTries, nowMs) ? { state: 'pending', ...known } : cell;
}
