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

/** The account and Region that findings are about, and how it is fixed. */
export interface Site {
  readonly accountId: string;
  readonly region: string;
  readonly partition: string;
  /** Start of the names of all that belongs to the copier. */
  readonly name: string;
  /** How the Terraform module is applied there again. */
  readonly apply: string;
}

/** A command of the AWS CLI for the Region of the site. */
export function aws(command: string, { region }: Pick<Site, 'region'>): string {
  return `aws ${command} --region ${region}`;
}

/** ARN of a resource of the site. */
export function arnOf(service: string, resource: string, { partition, region, accountId }: Site): string {
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
