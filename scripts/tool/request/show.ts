import { formatTable } from '../common/table.ts';
import type { TargetState } from './follow.ts';
import type { PlannedCall } from './plan.ts';

/** A call of a dry run, on one line. */
export function formatCall({ action, resource, details }: PlannedCall): string {
  return `would call ${action} ${resource}: ${details}`;
}

/** How far each account is, as a table. */
export function stateTable(states: readonly TargetState[], width: number | undefined): string {
  const rows = states.map(({ target, progress, copy = '-', reason = '' }) => [
    target.account,
    target.region,
    target.imageId,
    progress,
    copy,
    reason,
  ]);
  return formatTable(['ACCOUNT', 'REGION', 'IMAGE', 'STATE', 'COPY', 'REASON'], rows, width);
}

/** How far one account is, on one line. */
export function formatState({ progress, copy, reason }: TargetState): string {
  return [progress, copy, reason].filter((part) => part !== undefined).join(', ');
}

/** How far one account is, for `--json`. */
export function stateFields({ target, progress, copy, reason }: TargetState) {
  const { accountId, account, region, imageId } = target;
  return { account, accountId, region, imageId, state: progress, copy: copy ?? null, reason: reason ?? null };
}
