import { formatFailedTries } from '../common/failed-tries.ts';
import { formatTable } from '../common/table.ts';
import type { TargetState } from './follow.ts';
import type { PlannedCall } from './plan.ts';

/** A call of a dry run, on one line. */
export function formatCall({ action, resource, details }: PlannedCall): string {
  return `would call ${action} ${resource}: ${details}`;
}

/** How far each account is, as a table. */
export function stateTable(states: readonly TargetState[], width: number | undefined): string {
  const rows = states.map((state) => {
    const { target, progress, copy = '-' } = state;
    return [target.account, target.region, target.imageId, progress, copy, reasonOf(state) ?? ''];
  });
  return formatTable(['ACCOUNT', 'REGION', 'IMAGE', 'STATE', 'COPY', 'REASON'], rows, width);
}

/** How far one account is, on one line. */
export function formatState(state: TargetState): string {
  return [state.progress, state.copy, reasonOf(state)].filter((part) => part !== undefined).join(', ');
}

/** How far one account is, for `--json`. */
export function stateFields(state: TargetState) {
  const { target, progress, copy = null, failedTries = null } = state;
  const { accountId, account, region, imageId } = target;
  return { account, accountId, region, imageId, state: progress, copy, reason: reasonOf(state) ?? null, failedTries };
}

function reasonOf({ reason, failedTries }: TargetState): string | undefined {
  return reason ?? (failedTries && formatFailedTries(failedTries, Date.now()));
}
