import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import type { Environment } from '../common/environment.ts';
import type { Finding, Severity } from './finding.ts';

/** One account and Region with what was found there, or why it could not be read. */
export type Examined =
  | { readonly environment: Environment; readonly findings: readonly Finding[] }
  | { readonly environment: Environment; readonly problem: string };

const SEVERITIES: readonly Severity[] = ['problem', 'warning', 'note'];

/** The findings by account and Region, the gravest first, and a count of all. */
export function formatFindings(examined: readonly Examined[]): string {
  return [...examined.flatMap((each) => [...linesOf(each), '']), summaryOf(examined)].join('\n');
}

function linesOf(examined: Examined): string[] {
  const { account, accountId, region } = examined.environment;
  const title = spellOutHidden(`${account === accountId ? account : `${account} (${accountId})`}, ${region}`);
  if ('problem' in examined) return [`${title}: could not be read.`];
  const { findings } = examined;
  if (findings.length === 0) return [`${title}: nothing found.`];
  const ordered = SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
  return [title, ...ordered.flatMap(findingLines)];
}

function findingLines({ severity, code, subject, what, why, fix }: Finding): string[] {
  return [
    `  ${severity} ${code}: ${subject}`,
    `    ${what}`,
    `    Why it matters: ${why}`,
    `    To fix it: ${fix}`,
  ].map(spellOutHidden);
}

function summaryOf(examined: readonly Examined[]): string {
  const all = examined.flatMap((each) => ('findings' in each ? each.findings : []));
  const counts = SEVERITIES.map((severity) =>
    countOf(all.filter((each) => each.severity === severity).length, severity),
  );
  const unread = examined.filter((each) => 'problem' in each).length;
  const environments = countOf(examined.length, 'account and Region', 'accounts and Regions');
  return `${environments}: ${counts.join(', ')}${unread === 0 ? '' : `; ${unread} could not be read`}.`;
}

function countOf(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
