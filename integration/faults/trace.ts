import { copyIdIn, type AccountRun } from './account-run.ts';
import type { NotedCall } from './execution-environment.ts';

/** What happened in an account, and each call of its functions, to find out why an invariant is broken. */
export function traceOf({ story, invocations, target }: AccountRun): string {
  const calls = invocations.flatMap(({ functionName, calls: made }) => [functionName, ...made.map(describe)]);
  return [`Account ${target.account.id}`, ...story, ...calls].join('\n');
}

function describe(call: NotedCall): string {
  const { action, body, answer, interruption } = call;
  const cut = interruption ? `, ${interruption.how} ${interruption.when}` : '';
  const copyId = copyIdIn(call);
  const ids = body.match(/ami-[0-9a-f]+|snap-[0-9a-f]+|attempt\W+\d/g) ?? [];
  return `  ${action} ${answer?.status ?? '-'}${cut} ${Array.from(new Set(ids)).join(' ')}${copyId ? ` -> ${copyId}` : ''}`;
}
