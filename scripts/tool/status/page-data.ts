import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import type { Environment } from '../common/environment.ts';
import { imageFor } from '../common/wanted-images.ts';
import { deprecationText } from './deprecation.ts';
import { formatDuration, formatShortDuration, formatTime, secondsBetween } from './page-text.ts';
import type { Cell, CellState, CopyFact, Row, SourceImageFact, StatusReport } from './report.ts';

/** What the details of a cell name, in this order. */
const LABELS = [
  'Reason',
  'Copy',
  'Attempt',
  'Source image',
  'Name of the source image',
  'Baked',
  'Copy started',
  'Settled',
  'Deprecated',
  'From bake to start',
  'From start to end',
  'Key',
] as const;

/**
 * What the script of the page reads. A text stands once in `texts`, and an index for it everywhere else: 10,000 cells name a
 * few hundred keys and images. Index 0 is the empty text.
 */
export interface PageData {
  readonly texts: readonly string[];
  readonly labels: readonly string[];
  readonly states: readonly CellState[];
  /** Account, its id, Region, then labels. */
  readonly columns: readonly (readonly number[])[];
  /** The title, then the ids of its images. */
  readonly rows: readonly (readonly number[])[];
  /**
   * For each cell of each row: its state, as an index of `states`; its note; seconds from bake to start, and from start to end; then a
   * text for each label.
   */
  readonly cells: readonly (readonly (readonly number[])[])[];
}

/** How long a copy took, as far as it is known. */
export interface CopyTimes {
  /** Seconds from the bake to CopyImage. */
  readonly waited: number | undefined;
  /** Seconds from CopyImage to the end, or to the time of reading while it goes on. */
  readonly copied: number | undefined;
}

/** The data of a report as the script of the page reads it. */
export function pageData(report: StatusReport): PageData {
  const texts = new Texts();
  const states = Array.from(new Set(report.rows.flatMap(({ cells }) => cells.map(({ state }) => state))));
  return {
    states,
    columns: report.columns.map((column) => columnTexts(column).map((text) => texts.indexOf(text))),
    rows: report.rows.map(({ title, images }) =>
      [title, ...images.map(({ imageId }) => imageId)].map((text) => texts.indexOf(text)),
    ),
    labels: LABELS,
    cells: report.rows.map((row) =>
      row.cells.map((cell, index) => {
        const { waited = 0, copied = 0 } = cell.copy ? copyTimes(cell.state, cell.copy, report.readAt) : {};
        const column = report.columns[index];
        const values = cellTexts(cell, imageFor(row.images, column?.region), report.readAt);
        const note = texts.indexOf(noteOf(cell, row, column, report.readAt));
        return [states.indexOf(cell.state), note, waited, copied, ...values.map((text) => texts.indexOf(text))];
      }),
    ),
    texts: texts.all,
  };
}

/** How long the copy of a cell took. */
export function copyTimes(state: Cell['state'], copy: CopyFact, readAt: string): CopyTimes {
  return {
    waited: secondsBetween(copy.bakedAt, copy.startedAt),
    copied: secondsBetween(copy.startedAt, copy.settledAt ?? (state === 'pending' ? readAt : undefined)),
  };
}

/** The little that a cell says beside its state. */
export function noteOf({ state, copy }: Cell, row: Row, column: Environment | undefined, readAt: string): string {
  if (!copy) return '';
  const { copied } = copyTimes(state, copy, readAt);
  const attempt = copy.attempt > 1 ? `attempt ${copy.attempt}` : '';
  switch (state) {
    case 'available':
      return copied === undefined ? '' : `in ${formatShortDuration(copied)}`;
    case 'pending':
      return copied === undefined ? attempt : `for ${formatShortDuration(copied)}`;
    case 'failed':
      return attempt;
    case 'stale': {
      const behind = secondsBetween(copy.bakedAt, imageFor(row.images, column?.region)?.bakedAt);
      return behind === undefined ? '' : `${formatShortDuration(behind)} behind`;
    }
    default:
      return '';
  }
}

/** Account, id, Region, then each label. */
function columnTexts({ account, accountId, region, labels }: Environment): string[] {
  return [account, accountId, region, ...Object.entries(labels).map(([name, value]) => `${name}=${value}`)];
}

function cellTexts({ state, copy, reason = '' }: Cell, image: SourceImageFact | undefined, readAt: string): string[] {
  const texts: Record<(typeof LABELS)[number], string> = {
    Reason: reason,
    Copy: copy?.imageId ?? '',
    Attempt: copy ? String(copy.attempt) : '',
    'Source image': copy?.sourceImageId ?? image?.imageId ?? '',
    'Name of the source image': !copy || copy.sourceImageId === image?.imageId ? (image?.name ?? '') : '',
    Baked: formatTime(copy?.bakedAt ?? image?.bakedAt ?? ''),
    'Copy started': formatTime(copy?.startedAt ?? ''),
    Settled: formatTime(copy?.settledAt ?? ''),
    Deprecated: deprecationText(copy, readAt),
    'From bake to start': '',
    'From start to end': '',
    Key: copy?.keyArn ?? '',
  };
  if (copy) {
    const { waited, copied } = copyTimes(state, copy, readAt);
    if (waited !== undefined) texts['From bake to start'] = formatDuration(waited);
    if (copied !== undefined) {
      texts['From start to end'] = formatDuration(copied) + (copy.settledAt === undefined ? ' so far' : '');
    }
  }
  return LABELS.map((label) => texts[label]);
}

class Texts {
  private readonly indexes = new Map<string, number>([['', 0]]);

  get all(): string[] {
    return Array.from(this.indexes.keys());
  }

  indexOf(text: string): number {
    const shown = spellOutHidden(text);
    const known = this.indexes.get(shown);
    if (known !== undefined) return known;
    this.indexes.set(shown, this.indexes.size);
    return this.indexes.size - 1;
  }
}
