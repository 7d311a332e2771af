import { formatTable } from '../common/table.ts';
import type { ToldState } from './follow.ts';

/** How far each account is, as a table. */
export function toldTable(states: readonly ToldState[], width: number | undefined): string {
  const rows = states.map((state) => {
    const { told, images, instances } = state;
    const counts = state.state === 'done' ? [images.length, instances].map(String) : ['-', '-'];
    return [told.account, told.region, told.imageId, state.state, ...counts, remarkOn(state)];
  });
  return formatTable(['ACCOUNT', 'REGION', 'SOURCE IMAGE', 'STATE', 'IMAGES', 'INSTANCES', 'REASON'], rows, width);
}

/** How far one account is, on one line. */
export function formatTold(state: ToldState): string {
  const { told, images, instances } = state;
  const counts = [`${images.length} ${images.length === 1 ? 'image' : 'images'}`, `${instances} running`];
  const remark = remarkOn(state);
  return [
    `${told.imageId} ${state.state}`,
    ...(state.state === 'done' ? counts : []),
    ...(remark ? [remark] : []),
  ].join(', ');
}

/** How far one account is, for `--json`. */
export function toldFields({ told, state, images, pending, instances, stuck, problems }: ToldState) {
  const { account, accountId, region, imageId } = told;
  return {
    account,
    accountId,
    region,
    sourceAmi: imageId,
    state,
    images,
    pending,
    instances,
    stuckParameters: stuck,
    problems,
  };
}

function remarkOn({ state, pending, stuck, problems }: ToldState): string {
  if (problems.length > 0) return problems.join('; ');
  if (state === 'waiting') return 'No answer.';
  return [
    ...(pending.length > 0 ? [`EC2 is still making ${pending.join(', ')}.`] : []),
    ...stuck.map((name) => `${name} still points to it: there is no other copy.`),
  ].join(' ');
}
