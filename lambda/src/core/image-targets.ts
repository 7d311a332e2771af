import { EVERY_ACCOUNT, quoteName } from './copy-request.ts';
import { asError } from './errors.ts';

/** An account that images are copied into. */
export interface Target {
  /** Its id, of 12 digits. */
  readonly account: string;
  /** Where it has a copier. */
  readonly regions: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The accounts that Terraform names. */
export interface Targets {
  list(): Promise<Target[]>;
}

/** The accounts of some units of an organization. */
export interface OrganizationTargets {
  /**
   * @param withLabels whether they come with their labels
   * @throws {Error} unless all of them could be read
   */
  list(withLabels: boolean): Promise<Target[]>;
}

/** All accounts that images are copied into, as far as they are known. */
export interface KnownTargets {
  readonly targets: readonly Target[];
  /** Why those of the organization are not among them; undefined if they are. */
  readonly missing?: Error;
}

/** Lists what Terraform names and, where there is one, what the organization has. Without the second the first still counts. */
export async function listTargets(
  named: Targets,
  organization: OrganizationTargets | undefined,
  withLabels: boolean,
): Promise<KnownTargets> {
  const targets = await named.list();
  if (!organization) return { targets };
  try {
    return { targets: union(targets, await organization.list(withLabels)) };
  } catch (error) {
    return { targets, missing: asError(error) };
  }
}

/** Of an account that both have, Terraform says the Regions, and what a label is that both give. */
function union(named: readonly Target[], others: readonly Target[]): Target[] {
  const targets = new Map(others.map((target) => [target.account, target]));
  for (const target of named) {
    targets.set(target.account, { ...target, labels: { ...targets.get(target.account)?.labels, ...target.labels } });
  }
  return Array.from(targets.values());
}

/** Who an image is for. */
export interface Meant {
  readonly targets: readonly Target[];
  /** What is wrong with the rest of the tag, each as a sentence. */
  readonly problems: readonly string[];
}

/**
 * Reads the tag of an image that says who is to have copies of it: `*`, account ids and labels, separated by commas or blanks. Each adds
 * the accounts that it names. What names none is told, and holds up no account that the rest of the tag names. While accounts are missing,
 * what names none may be theirs and is not told.
 */
export function whoIsMeant(value: string, { targets, missing }: KnownTargets): Meant {
  if (targets.length === 0 && !missing) {
    return { targets, problems: ['No target account is known to the publisher.'] };
  }
  const entries = entriesOf(value);
  if (entries.length === 0) return { targets: [], problems: ['It is empty, so it names nobody.'] };
  const named = targets.filter((target) => entries.some((entry) => names(entry, target)));
  const told = missing ? entries.filter((entry) => !isWellFormed(entry)) : entries;
  return { targets: named, problems: told.flatMap((entry) => problemWith(entry, targets) ?? []) };
}

/** Whether a tag means accounts by a label. */
export function namesLabel(value: string): boolean {
  return entriesOf(value).some((entry) => LABEL.test(entry));
}

function entriesOf(value: string): string[] {
  return value.split(/[\s,]+/).filter((entry) => entry !== '');
}

const ACCOUNT = /^[0-9]{12}$/;
const LABEL = /^([^=]+)=(.+)$/;

function names(entry: string, { account, labels }: Target): boolean {
  if (entry === EVERY_ACCOUNT || entry === account) return true;
  const [, label = '', value] = LABEL.exec(entry) ?? [];
  return value !== undefined && Object.hasOwn(labels, label) && labels[label] === value;
}

function isWellFormed(entry: string): boolean {
  return entry === EVERY_ACCOUNT || ACCOUNT.test(entry) || LABEL.test(entry);
}

function problemWith(entry: string, targets: readonly Target[]): string | undefined {
  if (targets.some((target) => names(entry, target))) return undefined;
  if (ACCOUNT.test(entry)) return `${entry} is no target account.`;
  if (LABEL.test(entry)) return `No target account has the label ${quoteName(entry)}.`;
  return `${quoteName(entry)} is no account id of 12 digits, no label such as wave=canary, and not "*".`;
}
