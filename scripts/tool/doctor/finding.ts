import type { Copier } from '../common/environment.ts';
import type { Command, CommandsFor } from './commands.ts';

/** `problem`: copies do not come, or may not be used. `warning`: something will hide or cause one. `note`: good to know. */
export type Severity = (typeof SEVERITIES)[number];

/** The gravest first. */
export const SEVERITIES = ['problem', 'warning', 'note'] as const;

/** Whether a severity is as grave as another, or graver. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(least);
}

/** How something is fixed. */
export interface Remedy {
  /** What to do, in words that are the same in each account. */
  readonly fix: string;
  /** What to run for it, in this order; what `fix` says beyond that comes first. */
  readonly commands: readonly Command[];
}

/** Something that the doctor found in one account and Region. */
export interface Finding extends Remedy {
  /** Stays the same from version to version, for scripts. */
  readonly code: string;
  readonly severity: Severity;
  /** The resource that it is about. */
  readonly subject: string;
  readonly what: string;
  readonly why: string;
}

/** The copier that the checks look at. They have all facts already, so it comes without clients. */
export interface CheckedCopier extends Omit<Copier, 'aws'>, CommandsFor {
  /** The second part of the ARNs in its Region. */
  readonly partition: string;
  /** How its Terraform module is applied again. */
  readonly apply: Remedy;
  /** The same after the module of the source account, whose topics list who may subscribe. */
  readonly applyWithSource: Remedy;
}

/** Words alone, where no command can be known. */
export function inWords(fix: string): Remedy {
  return { fix, commands: [] };
}

/** The module is applied again after something else, which is said in a sentence. */
export function applyAfter(first: string, { apply }: CheckedCopier): Remedy {
  return { ...apply, fix: `${first} Then ${apply.fix.charAt(0).toLowerCase()}${apply.fix.slice(1)}` };
}

/** ARN of a resource in the account and Region of the copier. */
export function arnOf(service: string, resource: string, { partition, region, accountId }: CheckedCopier): string {
  return `arn:${partition}:${service}:${region}:${accountId}:${resource}`;
}

/** The account in an ARN. */
export function accountIn(arn: string): string {
  return arn.split(':')[4] ?? '';
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}

/** The findings among what each check gave. */
export function found(...findings: readonly (Finding | false | undefined)[]): Finding[] {
  return findings.filter((finding): finding is Finding => finding !== undefined && finding !== false);
}
