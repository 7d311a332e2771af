import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import type { Environment } from '../common/environment.ts';
import type { WholeText } from '../common/terminal.ts';
import { wrapText } from '../common/wrap.ts';
import { linesOf } from './commands.ts';
import { isAtLeast, SEVERITIES, type Finding, type Severity } from './finding.ts';

/** One account and Region with what was found there, or why it could not be read. */
export type Examined =
  | { readonly environment: Environment; readonly findings: readonly Finding[] }
  | { readonly environment: Environment; readonly problem: string };

/** A finding in some place. */
interface Found {
  readonly place: string;
  readonly finding: Finding;
}

/** More places are counted. */
const MAX_NAMED = 3;
/** More subjects, places or commands of one finding are left to --json. */
const MAX_LISTED = 6;

/**
 * The findings, the gravest first: what is the same in several accounts and Regions once. Then a count of all.
 * @param least the least severity that is shown
 * @param width of the terminal: sentences are wrapped to fit into it, and commands are not, so that they can be pasted
 */
export function formatFindings(examined: readonly Examined[], least: Severity, width: number | undefined): WholeText {
  const all = examined.flatMap((each) =>
    'findings' in each ? each.findings.map((finding) => ({ place: placeOf(each), finding })) : [],
  );
  const shown = SEVERITIES.filter((severity) => isAtLeast(severity, least)).flatMap((severity) =>
    all.filter(({ finding }) => finding.severity === severity),
  );
  const well = examined.filter((each) => 'findings' in each && each.findings.length === 0).map(placeOf);
  const unread = examined.filter((each) => 'problem' in each).map(placeOf);
  const wrap = (text: string) => wrapText(text, width);
  const parts = [
    ...grouped(shown).map((group) => textAbout(group, examined.length, width)),
    ...(well.length === 0 ? [] : [wrap(`Nothing found in ${named(well, examined.length)}.`)]),
    ...(unread.length === 0 ? [] : [wrap(`Could not be read: ${named(unread, examined.length)}.`)]),
    wrap(summaryOf(examined, least)),
  ];
  return { whole: parts.join('\n\n') };
}

function placeOf({ environment: { account, accountId, region } }: Examined): string {
  return spellOutHidden(`${account === accountId ? account : `${account} (${accountId})`}, ${region}`);
}

/** What reads the same, but for its subject and its commands, is one. */
function grouped(all: readonly Found[]): Found[][] {
  const groups = new Map<string, Found[]>();
  for (const each of all) {
    const { severity, code, what, why, fix } = each.finding;
    const key = JSON.stringify([severity, code, what, why, fix]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()];
}

function textAbout(group: readonly Found[], of: number, width: number | undefined): string {
  const [first] = group;
  if (!first) return '';
  const { severity, code, what, why, fix } = first.finding;
  const places = distinct(group.map(({ place }) => place));
  const subjects = distinct(group.map(({ finding: { subject } }) => subject));
  // Each subject with its place, unless the line above says where it is.
  const about =
    subjects.length === 1 || places.length === 1
      ? subjects
      : group.map(({ place, finding: { subject } }) => `${place}: ${subject}`);
  const where = about.length > 1 && places.length > 1 ? counted(places, of) : named(places, of);
  const indented = (text: string) => `  ${spellOutHidden(text)}`;
  const sentences = [
    `${severity} ${code} in ${where}`,
    ...shortened(about, 'other').map(indented),
    indented(what),
    indented(`Why it matters: ${why}`),
    indented(`To fix it: ${fix}`),
  ];
  const commands = linesOf(group.flatMap((each) => each.finding.commands));
  return [
    ...sentences.map((line) => wrapText(line, width)),
    ...shortened(commands, 'command').map((line) => `    ${spellOutHidden(line)}`),
  ].join('\n');
}

/** Some places by their names, many by their number, with the first of them where they are not all. */
function named(places: readonly string[], of: number): string {
  if (places.length <= MAX_NAMED) return places.join('; ');
  const number = counted(places, of);
  return places.length === of ? number : `${number}: ${shortened(places, 'other').join('; ')}`;
}

function counted({ length }: readonly string[], of: number): string {
  return `${length} of ${of} accounts and Regions`;
}

function shortened(lines: readonly string[], what: string): readonly string[] {
  if (lines.length <= MAX_LISTED) return lines;
  return [...lines.slice(0, MAX_LISTED), `and ${countOf(lines.length - MAX_LISTED, what)}: see --json`];
}

function summaryOf(examined: readonly Examined[], least: Severity): string {
  const all = examined.flatMap((each) => ('findings' in each ? each.findings : []));
  const counts = (severities: readonly Severity[]) =>
    severities.map((severity) => countOf(all.filter((each) => each.severity === severity).length, severity)).join(', ');
  const hidden = SEVERITIES.filter((severity) => !isAtLeast(severity, least));
  const unread = examined.filter((each) => 'problem' in each).length;
  const environments = countOf(examined.length, 'account and Region', 'accounts and Regions');
  return [
    `${environments}: ${counts(SEVERITIES.filter((severity) => isAtLeast(severity, least)))}`,
    unread === 0 ? '.' : `; ${unread} could not be read.`,
    hidden.length === 0 ? '' : ` Not shown: ${counts(hidden)}.`,
  ].join('');
}

function countOf(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

function distinct(texts: readonly string[]): string[] {
  return Array.from(new Set(texts));
}
