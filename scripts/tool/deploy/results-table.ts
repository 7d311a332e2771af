import { formatTable } from '../common/table.ts';
import type { StackReport } from './roll-out.ts';

/** How it went with a stack, in some words. */
export function summaryOf({ result, changes, seconds = 0 }: StackReport): string {
  const time = `${seconds.toFixed(0)} s`;
  if (!changes) return `${result} after ${time}`;
  const { added, changed, destroyed } = changes;
  return `${result} in ${time}: +${added} ~${changed} -${destroyed}`;
}

/**
 * A row for each stack.
 * @param logOf gives the path of its log
 */
export function resultsTable(
  reports: readonly StackReport[],
  logOf: (report: StackReport) => string,
  width: number | undefined,
): string {
  const rows = reports.map((report) => {
    const { stack, result, changes, seconds } = report;
    const { added, changed, destroyed } = changes ?? { added: '-', changed: '-', destroyed: '-' };
    const time = seconds === undefined ? '-' : seconds.toFixed(0);
    const log = seconds === undefined ? '-' : logOf(report);
    return [stack.name, stack.accountId, result, added, changed, destroyed, time, log].map(String);
  });
  return formatTable(['STACK', 'ACCOUNT', 'RESULT', 'ADD', 'CHANGE', 'DESTROY', 'SECONDS', 'LOG'], rows, width);
}
