import { EVERY_ACCOUNT, quoteName } from './copy-request.ts';

/** An account that images are copied into. */
export interface Target {
  /** Its id, of 12 digits. */
  readonly account: string;
  /** Where it has a copier. */
  readonly regions: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** All accounts that images are copied into. */
export interface Targets {
  list(): Promise<Target[]>;
}

/** Who an image is for. */
export interface Meant {
  readonly targets: readonly Target[];
  /** What is wrong with the rest of the tag, each as a sentence. */
  readonly problems: readonly string[];
}

/**
 * Reads the tag of an image that says who is to have copies of it: `*`, account ids and labels, separated by commas or blanks. Each adds
 * the accounts that it names. What names none is told, and holds up no account that the rest of the tag names.
 */
export function whoIsMeant(value: string, targets: readonly Target[]): Meant {
  if (targets.length === 0) return { targets, problems: ['No target account is known to the publisher.'] };
  const entries = value.split(/[\s,]+/).filter((entry) => entry !== '');
  if (entries.length === 0) return { targets: [], problems: ['It is empty, so it names nobody.'] };
  const named = targets.filter((target) => entries.some((entry) => names(entry, target)));
  return { targets: named, problems: entries.flatMap((entry) => problemWith(entry, targets) ?? []) };
}

const ACCOUNT = /^[0-9]{12}$/;
const LABEL = /^([^=]+)=(.+)$/;

function names(entry: string, { account, labels }: Target): boolean {
  if (entry === EVERY_ACCOUNT || entry === account) return true;
  const [, label = '', value] = LABEL.exec(entry) ?? [];
  return value !== undefined && Object.hasOwn(labels, label) && labels[label] === value;
}

function problemWith(entry: string, targets: readonly Target[]): string | undefined {
  if (targets.some((target) => names(entry, target))) return undefined;
  if (ACCOUNT.test(entry)) return `${entry} is no target account.`;
  if (LABEL.test(entry)) return `No target account has the label ${quoteName(entry)}.`;
  return `${quoteName(entry)} is no account id of 12 digits, no label such as wave=canary, and not "*".`;
}
