import type { Copier, Environment } from '../common/environment.ts';

/** `problem`: copies do not come, or may not be used. `warning`: something will hide or cause one. `note`: good to know. */
export type Severity = 'problem' | 'warning' | 'note';

/** Something that the doctor found in one account and Region. */
export interface Finding {
  /** Stays the same from version to version, for scripts. */
  readonly code: string;
  readonly severity: Severity;
  /** The resource that it is about. */
  readonly subject: string;
  readonly what: string;
  readonly why: string;
  /** The command or the Terraform input that fixes it. */
  readonly fix: string;
}

/** The copier that the checks look at. They have all facts already, so it comes without clients. */
export interface CheckedCopier extends Omit<Copier, 'aws'> {
  /** The second part of the ARNs in its Region. */
  readonly partition: string;
  /** How the user started this tool, for the fix of a finding. */
  readonly program: string;
  /** How its Terraform module is applied again, for the fix of a finding. */
  readonly apply: string;
}

/** A command of the AWS CLI for the Region of an environment. */
export function aws(command: string, { region }: Pick<Environment, 'region'>): string {
  return `aws ${command} --region ${region}`;
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
