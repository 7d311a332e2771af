import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import type { Finding, Severity } from './finding.ts';
import type { Environment } from '../common/environment.ts';

/** One account and Region with what was found there, or why it could not be read. */
export interface Examined {
  readonly environment: Environment;
  readonly findings?: readonly Finding[];
  readonly problem?: string;
}

const SEVERITIES: readonly Severity[] = ['problem', 'warning', 'note'];

/** The findings by account and Region, the gravest first, and a count of all. */
export function findingLines(examined: readonly Examined[]): string[] {
  return [...examined.flatMap((each) => [...linesOf(each), '']), summary(examined)];
}

function linesOf({ environment, findings }: Examined): string[] {
  const { account, accountId, region } = environment;
  const title = spellOutHidden(`${account === accountId ? account : `${account} (${accountId})`}, ${region}`);
  if (!findings) return [`${title}: could not be read.`];
  if (findings.length === 0) return [`${title}: nothing found.`];
  const ordered = SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
  return [title, ...ordered.flatMap(findingText)];
}

function findingText({ severity, code, subject, what, why, fix }: Finding): string[] {
  return [
    `  ${severity} ${code}: ${subject}`,
    `    ${what}`,
    `    Why it matters: ${why}`,
    `    To fix it: ${fix}`,
  ].map(spellOutHidden);
}

function summary(examined: readonly Examined[]): string {
  const all = examined.flatMap(({ findings = [] }) => findings);
  const counts = SEVERITIES.map((severity) =>
    counted(all.filter((each) => each.severity === severity).length, severity),
  );
  const unread = examined.filter(({ findings }) => !findings).length;
  const places = counted(examined.length, 'account and Region', 'accounts and Regions');
  return `${places}: ${counts.join(', ')}${unread === 0 ? '' : `; ${unread} could not be read`}.`;
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
