import type { Alternative } from './alternatives.ts';
import { quantitiesOf, type CostPlan, type MonthlyCost } from './monthly-cost.ts';
import { PRICES_AS_OF, PRICES_REGION } from './prices.ts';
import { count, formatDollars, formatShare, plural } from './words.ts';
import { formatTable } from '../common/table.ts';
import { wrapText } from '../common/wrap.ts';

const HEAD = ['PART', '$ A MONTH', 'SHARE', '$ AN ACCOUNT', 'COUNTED'];
/** The columns of figures, in this table and in that of two policies. */
const FIGURES = [1, 2, 3];
/** EC2 User Guide, "Amazon EC2 AMI quotas". */
const MAX_IMAGES = 50_000;

/**
 * A plan and its cost for people.
 * @param width of the terminal, without which there is room for everything
 */
export function formatCost(
  plan: CostPlan,
  { parts, dollars, quantities }: MonthlyCost,
  width: number | undefined,
): string {
  const row = (part: string, amount: number, counted: string) => [
    part,
    formatDollars(amount),
    formatShare(amount, dollars),
    formatDollars(amount / plan.accounts),
    counted,
  ];
  const rows = [
    ...parts.map(({ part, dollars: amount, counted }) => row(part, amount, counted)),
    row('Total', dollars, ''),
  ];
  return [inWords(plan, quantities.keptCopies), tableOf(HEAD, rows, width), ...remarks(quantities)].join('\n\n');
}

/** A plan beside the same with the newest copies of each recipe alone. */
export function formatComparison(
  plan: CostPlan & Required<Pick<CostPlan, 'newest'>>,
  byAge: MonthlyCost,
  byNumber: MonthlyCost,
  width: number | undefined,
): string {
  const { copies, recipes } = plan.newest;
  const head = ['PART', `$ FOR ${plural(plan.keepDays, 'DAY', 'DAYS')}`, `$ FOR THE NEWEST ${count(copies)}`, '$ LESS'];
  const row = (part: string, aged: number, numbered: number) => [
    part,
    ...[aged, numbered, aged - numbered].map(formatDollars),
  ];
  const rows = [
    ...byAge.parts.map(({ part, dollars }, index) => row(part, dollars, byNumber.parts[index]?.dollars ?? 0)),
    row('Total', byAge.dollars, byNumber.dollars),
  ];
  const kept = `${plural(byNumber.quantities.keptCopies, 'copy', 'copies')} in each`;
  return [
    `${inWords(plan, byAge.quantities.keptCopies)}\nWith the newest ${count(copies)} of each of ${plural(recipes, 'recipe')} alone: ${kept}.`,
    tableOf(head, rows, width),
    ...remarks(byAge.quantities),
  ].join('\n\n');
}

/** The alternatives, each with what it risks. */
export function formatAlternatives(
  plan: CostPlan,
  alternatives: readonly Alternative[],
  width: number | undefined,
): string {
  const rows = alternatives.map(({ name, dollars, risk }) => [name, formatDollars(dollars), risk]);
  const counted = [
    'Each counts the images of the source account, kept as long as copies are. Each way to share counts a customer managed key',
    'in each account and Region too, for the volumes: with aws/ebs in its place that costs nothing. Not counted: launches,',
    'builds, and the work of people.',
  ].join(' ');
  return [
    wrapText(inWords(plan, quantitiesOf(plan).keptCopies, ['image', 'images']), width),
    tableOf(['ALTERNATIVE', '$ A MONTH', 'RISK'], rows, width, [1]),
    ...[counted, ...remarks(quantitiesOf(plan))].map((text) => wrapText(text, width)),
  ].join('\n\n');
}

function remarks({ keptCopies }: MonthlyCost['quantities']): string[] {
  return [
    ...(keptCopies > MAX_IMAGES
      ? [`That is more than the ${count(MAX_IMAGES)} images that EC2 allows an account and Region by default.`]
      : []),
    `List prices of ${PRICES_REGION} as known on ${PRICES_AS_OF}, without free tier, discounts and tax. Check them.`,
  ];
}

function inWords(
  { accounts, regions, imageGib, incremental }: CostPlan,
  kept: number,
  [one, many]: readonly [string, string] = ['copy', 'copies'],
): string {
  const environments = `${plural(accounts, 'account')}, ${plural(regions, 'Region')}${accounts === 1 ? '' : ' each'}`;
  const size = incremental
    ? `full once a recipe (${plural(incremental.recipes, 'recipe')}), else ${count(incremental.gib)} GiB`
    : 'each full';
  return `${environments}: ${plural(kept, one, many)} in each, of ${count(imageGib)} GiB, ${size}.`;
}

/** With all figures to the right of their columns. */
function tableOf(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  figures: readonly number[] = FIGURES,
): string {
  const widths = names.map((_, column) => Math.max(...[names, ...rows].map((row) => row[column]?.length ?? 0)));
  const [head = [], ...lines] = [names, ...rows].map((row) =>
    row.map((cell, column) => (figures.includes(column) ? cell.padStart(widths[column] ?? 0) : cell)),
  );
  return formatTable(head, lines, width);
}
