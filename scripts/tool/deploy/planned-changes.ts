import type { ResourceChange } from './resource-changes.ts';
import type { StackReport } from './roll-out.ts';

/** The one that costs most comes first. */
const ORDER = ['destroy', 'replace', 'update', 'create'] as const;

/** What would change, once for all accounts and Regions where it is the same; undefined if nothing would. */
export function formatPlanned(reports: readonly StackReport[]): string | undefined {
  const groups = new Map<string, { readonly places: Place[]; readonly changes: readonly ResourceChange[] }>();
  for (const { place, changes } of reports.flatMap(changesByPlace)) {
    const key = JSON.stringify(changes);
    const group = groups.get(key) ?? { places: [], changes };
    group.places.push(place);
    groups.set(key, group);
  }
  if (groups.size === 0) return undefined;
  return Array.from(groups.values(), ({ places, changes }) =>
    [`${namesOf(places)}:`, ...ORDER.flatMap((action) => linesOf(action, changes))].join('\n'),
  ).join('\n\n');
}

function linesOf(action: ResourceChange['action'], changes: readonly ResourceChange[]): string[] {
  const addresses = changes.filter((change) => change.action === action).map(({ address }) => address);
  if (addresses.length === 0) return [];
  const isGrave = action === 'destroy' || action === 'replace';
  return [`  ${isGrave ? action.toUpperCase() : action}`, ...addresses.sort().map((address) => `    ${address}`)];
}

interface Place {
  readonly stack: string;
  readonly region: string;
}

/** The changes of a stack in each Region, by their addresses in the module there. */
function changesByPlace({ stack, changes }: StackReport): { place: Place; changes: ResourceChange[] }[] {
  const byRegion = new Map<string, ResourceChange[]>();
  for (const { address, action } of changes?.resources ?? []) {
    const [, region = '', inModule = address] =
      /^module\.(?:image-copier|source-account)-([a-z0-9-]+)\.(.+)$/.exec(address) ?? [];
    byRegion.set(region, [...(byRegion.get(region) ?? []), { address: inModule, action }]);
  }
  return Array.from(byRegion, ([region, all]) => ({
    place: { stack: stack.name, region },
    changes: all,
  }));
}

function namesOf(places: readonly Place[]): string {
  const regions = new Map<string, string[]>();
  for (const { stack, region } of places) regions.set(stack, [...(regions.get(stack) ?? []), region]);
  return Array.from(regions, ([stack, all]) => `${stack} (${all.join(', ')})`).join(', ');
}
