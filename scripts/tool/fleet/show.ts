import { age } from '../common/age.ts';
import { formatTable } from '../common/table.ts';
import { FLEET_STATES, type FleetReport, type FleetState, type RunningInstance } from './report.ts';
import { counted } from '../common/counted.ts';

const MAX_LINES = 60;
const MAX_IDS = 3;
const NOTHING = '-';
const HEAD = ['STATE', 'RECIPE', 'ACCOUNT', 'REGION', 'IMAGE', 'AGE', 'INSTANCES', 'WHICH'];
/** What is to be looked at comes first. */
const ORDER: readonly FleetState[] = ['revoked', 'unknown', 'behind', 'no copy', 'current'];
const QUIET: readonly FleetState[] = ['current', 'no copy'];

/** Instances of one account and Region that run the same image. */
export interface InstancesOfImage {
  readonly instances: readonly RunningInstance[];
  /** One of them, which says what all of them run. */
  readonly first: RunningInstance;
}

/**
 * The report for a terminal or a log: how many instances of each recipe are in which state, then a line for each image in each account
 * that is not the newest one.
 * @param options `all` for a line for each image; `width` of the terminal, without which there is room for everything
 */
export function formatFleet(
  report: FleetReport,
  { all = false, width }: { readonly all?: boolean | undefined; readonly width: number | undefined },
): string {
  const { instances, readAt } = report;
  if (instances.length === 0) return 'No running instance was found.';
  const open = byImage(instances).filter(({ first }) => all || !QUIET.includes(first.state));
  const shown = all ? open : open.slice(0, MAX_LINES);
  const parts = [countsOf(report, width)];
  if (shown.length > 0) {
    const lines = shown.map((group) => groupLine(group, readAt));
    parts.push(formatTable(HEAD, lines, width));
  }
  if (open.length > shown.length) parts.push(`${open.length - shown.length} more. --all shows them.`);
  parts.push(totals(report));
  return parts.join('\n\n');
}

/** All that run the same image in the same account and Region together: the gravest first, then the most behind. */
export function byImage(instances: readonly RunningInstance[]): InstancesOfImage[] {
  const groups = new Map<string, RunningInstance[]>();
  for (const instance of instances) {
    const key = [instance.accountId, instance.region, instance.imageId].join(' ');
    const same = groups.get(key);
    if (same) same.push(instance);
    else groups.set(key, [instance]);
  }
  return Array.from(groups.values(), ([first, ...others]) => (first ? [{ first, instances: [first, ...others] }] : []))
    .flat()
    .sort(
      ({ first: one }, { first: other }) =>
        ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || (other.behind ?? 0) - (one.behind ?? 0),
    );
}

/** A state as a line says it: `2 behind`. */
export function stateOf({ state, behind }: RunningInstance): string {
  return state === 'behind' ? `${behind ?? 0} behind` : state;
}

/** The first ids of a group. */
export function idsOf({ instances }: InstancesOfImage): string {
  const ids = instances.slice(0, MAX_IDS).map(({ instanceId }) => instanceId);
  const others = instances.length - ids.length;
  return ids.join(', ') + (others > 0 ? ` and ${others} more` : '');
}

/** How many instances there are, and in which states. */
export function totals({ instances, environments }: FleetReport): string {
  const counts = FLEET_STATES.map((state) => [state, instances.filter((each) => each.state === state).length] as const);
  const states = counts.flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []));
  const read = environments.filter(({ problem }) => problem === undefined).length;
  const unread = environments.length - read;
  const where = counted(read, 'account and Region', 'accounts and Regions');
  const gap = unread > 0 ? ` ${unread} could not be read.` : '';
  return `${counted(instances.length, 'instance', 'instances')} in ${where}: ${states.join(', ') || 'none'}.${gap}`;
}

function countsOf({ recipes, instances, readAt }: FleetReport, width: number | undefined): string {
  const head = ['RECIPE', 'INSTANCES', ...FLEET_STATES.map((state) => state.toUpperCase()), 'OLDEST', 'MOST BEHIND'];
  const rows = recipes.map(({ recipe, instances: count, states }) => {
    const own = instances.filter((instance) => (instance.recipe ?? null) === recipe);
    const oldest = own.flatMap(({ bakedAt }) => (bakedAt === undefined ? [] : Date.parse(bakedAt)));
    const most = own.reduce((known, { behind = 0 }) => Math.max(known, behind), 0);
    return [
      recipe ?? NOTHING,
      String(count),
      ...FLEET_STATES.map((state) => String(states[state])),
      oldest.length === 0 ? NOTHING : age(Date.parse(readAt) - oldest.reduce((a, b) => Math.min(a, b))),
      most === 0 ? NOTHING : String(most),
    ];
  });
  return formatTable(head, rows, width);
}

function groupLine(group: InstancesOfImage, readAt: string): string[] {
  const { first, instances } = group;
  const { recipe = NOTHING, account, region, imageId, bakedAt, copyId, reason } = first;
  const notes = [
    ...(copyId === undefined ? [] : [`Its image was made of ${copyId}.`]),
    ...(reason === undefined ? [] : [reason]),
  ];
  const baked = bakedAt === undefined ? NOTHING : age(Date.parse(readAt) - Date.parse(bakedAt));
  const which = [`${idsOf(group)}${notes.length > 0 ? '.' : ''}`, ...notes].join(' ');
  return [stateOf(first), recipe, account, region, imageId, baked, String(instances.length), which];
}
