import { escapeHtml, escapeWithIds, formatShortDuration } from '../status/page-text.ts';
import type { CellState } from '../status/report.ts';
import { FLEET_STATES, type FleetReport, type FleetState, type RunningInstance } from './report.ts';
import { byImage, idsOf, stateOf, totals, type InstancesOfImage } from './show.ts';

const MAX_LINES = 200;
const DAY_SECONDS = 24 * 3600;

/** Ages of images in days: from one to the next. */
const AGES = [0, 7, 30, 90, 180, 365] as const;

/** The states that are listed, with the colours and signs of cells in a like state. */
const LISTED: Readonly<Partial<Record<FleetState, CellState>>> = {
  revoked: 'failed',
  unknown: 'unknown',
  behind: 'stale',
};

/** The part of the status page on running instances. It can be read without the page's script, which does not touch it. */
export function fleetSection(report: FleetReport): string {
  const { instances, environments, sourceProblem } = report;
  const unread = environments.flatMap(({ account, region, problem }) =>
    problem === undefined ? [] : [problemRow(`${account}, ${region}`, problem)],
  );
  if (sourceProblem !== undefined) unread.push(problemRow('the source account', sourceProblem));
  return `<section>
<h2 id="fleet-title">Running instances</h2>
<p>${escapeHtml(totals(report))}</p>
${instances.length === 0 ? '' : [recipes(report), ages(report), open(report)].join('\n')}
${unread.length === 0 ? '' : tableOf('unread', 'Instances that could not be read', ['Where', 'Reason'], unread)}
</section>`;
}

function problemRow(where: string, problem: string): string {
  return `<tr><td>${escapeWithIds(where)}</td><td>${escapeWithIds(problem)}</td></tr>`;
}

function recipes({ recipes: rows }: FleetReport): string {
  const lines = rows.map(
    ({ recipe, instances, states }) =>
      `<tr><th scope="row">${recipe === null ? 'no known recipe' : escapeWithIds(recipe)}</th><td>${instances}</td>${FLEET_STATES.map((state) => `<td>${states[state]}</td>`).join('')}</tr>`,
  );
  return tableOf('fleet-recipes', 'By recipe', ['Recipe', 'Instances', ...FLEET_STATES], lines);
}

/** How old the images are: a bar for each span of time, with a part for each state. */
function ages({ instances, readAt }: FleetReport): string {
  const seconds = instances.map(({ bakedAt }) => (Date.parse(readAt) - Date.parse(bakedAt ?? '')) / 1000);
  const inSpan = (from: number, to: number) =>
    instances.filter((_, index) => {
      const days = Math.max(0, seconds[index] ?? NaN) / DAY_SECONDS;
      return days >= from && days < to;
    });
  const spans = AGES.map((from, index) => {
    const to = AGES[index + 1] ?? Infinity;
    return { name: spanName(from, to), of: inSpan(from, to) };
  });
  const undated = instances.filter((_, index) => Number.isNaN(seconds[index] ?? NaN));
  const all = undated.length === 0 ? spans : [...spans, { name: 'not known', of: undated }];
  const most = Math.max(...all.map(({ of }) => of.length));
  const lines = all.map(({ name, of }) => {
    const counts = FLEET_STATES.map((state) => ({ state, count: of.filter((each) => each.state === state).length }));
    return `<tr><th scope="row">${name}</th><td>${of.length}</td><td>${bar(counts, most)}</td></tr>`;
  });
  const legend = FLEET_STATES.map((state) => `<span class="${partOf(state)}">${state}</span>`).join(' ');
  return tableOf(
    'fleet-ages',
    'Ages of their images',
    ['Age', 'Instances', 'By state'],
    lines,
    `<p class="legend">${legend}</p>`,
  );
}

function spanName(from: number, to: number): string {
  if (to === Infinity) return `${from} d or more`;
  return from === 0 ? `under ${to} d` : `${from} d to ${to} d`;
}

/** Parts next to each other, as long as their share of the longest bar. */
function bar(counts: readonly { readonly state: FleetState; readonly count: number }[], most: number): string {
  let x = 0;
  const parts = counts.flatMap(({ state, count }) => {
    if (count === 0) return [];
    const start = x;
    const width = Math.round((count / most) * 1000) / 10;
    x += width;
    return [`<rect class="${partOf(state)}" x="${start.toFixed(1)}" width="${width.toFixed(1)}" height="10"/>`];
  });
  const text = counts.flatMap(({ state, count }) => (count > 0 ? [`${count} ${state}`] : [])).join(', ');
  return `<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${parts.join('')}</svg><small>${text || 'none'}</small>`;
}

/** By account and image. */
function open({ instances, readAt }: FleetReport): string {
  const groups = byImage(instances).filter(({ first: { state } }) => LISTED[state] !== undefined);
  if (groups.length === 0) return '';
  const shown = groups.slice(0, MAX_LINES);
  const more = groups.length - shown.length;
  return tableOf(
    'fleet-open',
    'Revoked, unknown or behind',
    ['State', 'Recipe', 'Where', 'Image', 'Age', 'Instances', 'Which'],
    shown.map((group) => groupRow(group, readAt)),
    more > 0 ? `<p>The first ${MAX_LINES}. ${more} more are not shown here.</p>` : '',
  );
}

function groupRow(group: InstancesOfImage, readAt: string): string {
  const { first, instances } = group;
  const cells = [
    first.recipe ?? '-',
    `${first.account}, ${first.region}`,
    first.imageId,
    ageOf(first, readAt),
    String(instances.length),
    [idsOf(group), first.reason ?? ''].filter((text) => text !== '').join('. '),
  ];
  return `<tr><td class="mark ${LISTED[first.state] ?? ''}">${stateOf(first)}</td>${cells.map((cell) => `<td>${escapeWithIds(cell)}</td>`).join('')}</tr>`;
}

function ageOf({ bakedAt }: RunningInstance, readAt: string): string {
  const seconds = (Date.parse(readAt) - Date.parse(bakedAt ?? '')) / 1000;
  return Number.isNaN(seconds) ? '-' : formatShortDuration(Math.max(0, seconds));
}

function tableOf(id: string, title: string, head: readonly string[], rows: readonly string[], before = ''): string {
  return `<h3 id="${id}-title">${title}</h3>
${before}<div class="scroll" role="region" aria-labelledby="${id}-title" tabindex="0"><table class="list" id="${id}">
<thead><tr>${head.map((name) => `<th scope="col">${capitalized(name)}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The part of a bar for a state. */
function partOf(state: FleetState): string {
  return `runs-${state.replace(' ', '-')}`;
}
