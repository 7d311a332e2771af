/** A statement of a resource's policy. */
interface Statement {
  readonly Sid?: string;
  readonly Effect?: string;
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>;
  readonly NotPrincipal?: unknown;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** The policy of a queue or a key, as far as the doctor reads it: its resource is always the one that it belongs to. */
export interface Policy {
  readonly Statement?: Statement | readonly Statement[];
}

/** Who would call what, with the condition keys of the call. */
export interface Call {
  /** ARN of a role or user, or the name of a service such as `sns.amazonaws.com`. */
  readonly principal: string;
  readonly action: string;
  readonly context: Readonly<Record<string, string>>;
}

/**
 * What a policy alone says to a call: `delegated` means that IAM policies of the caller's account may allow it, as a
 * statement for the account itself does (KMS Developer Guide, "Default key policy").
 */
export type Decision = 'allowed' | 'delegated' | 'denied' | 'silent';

/** Reads a policy document; none, and one that is no JSON, have no statements. */
export function parsePolicy(text: string | undefined): Policy {
  if (text === undefined || text === '') return {};
  try {
    return JSON.parse(text) as Policy;
  } catch {
    return {};
  }
}

/** IAM User Guide, "Policy evaluation logic": an explicit deny wins. */
export function decide(policy: Policy, call: Call): Decision {
  const found = statementsOf(policy)
    .filter((statement) => isAbout(statement, call))
    .map((statement) => [statement.Effect, matchPrincipal(statement, call.principal)] as const)
    .filter(([, match]) => match !== 'none');
  if (found.some(([effect]) => effect === 'Deny')) return 'denied';
  const allowing = found.filter(([effect]) => effect === 'Allow');
  if (allowing.some(([, match]) => match === 'itself')) return 'allowed';
  return allowing.length > 0 ? 'delegated' : 'silent';
}

/** The statements of a policy; a single one need not be in a list. */
function statementsOf({ Statement = [] }: Policy): readonly Statement[] {
  return listOf(Statement);
}

/** What the statements call themselves, as far as they do. */
export function statementIds(policy: Policy): readonly string[] {
  return statementsOf(policy).flatMap(({ Sid }) => Sid ?? []);
}

/** The AWS principals that the policy's Allow statements name: `*`, account ids, and ARNs. */
export function allowedPrincipals(policy: Policy): readonly string[] {
  return statementsOf(policy)
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap((statement) => principalsOf(statement, 'AWS'));
}

/** The values of a condition in Allow statements for a service's call, such as the `aws:SourceArn` of what may send. */
export function allowedValues(policy: Policy, service: string, key: string): readonly string[] {
  return valuesIn(
    statementsOf(policy).filter((each) => principalsOf(each, 'Service').includes(service)),
    key,
  );
}

/** The values of a condition in Allow statements. */
export function conditionValues(policy: Policy, key: string): readonly string[] {
  return valuesIn(statementsOf(policy), key);
}

function valuesIn(statements: readonly Statement[], key: string): readonly string[] {
  return statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Condition = {} }) => Object.values(Condition))
    .flatMap((conditions) => Object.entries(conditions))
    .filter(([name]) => name.toLowerCase() === key.toLowerCase())
    .flatMap(([, values]) => listOf(values));
}

function isAbout({ Action, NotAction, Condition = {} }: Statement, { action, context }: Call): boolean {
  const isNamed = (names: string | readonly string[]) =>
    listOf(names).some((name) => isLike(action.toLowerCase(), name.toLowerCase()));
  if (Action !== undefined && !isNamed(Action)) return false;
  if (NotAction !== undefined && isNamed(NotAction)) return false;
  const known = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  return Object.entries(Condition).every(([operator, conditions]) =>
    Object.entries(conditions).every(([key, wanted]) => holds(operator, known.get(key.toLowerCase()), listOf(wanted))),
  );
}

function matchPrincipal(statement: Statement, principal: string): 'itself' | 'account' | 'none' {
  if (statement.NotPrincipal !== undefined) return 'none';
  const isRole = principal.startsWith('arn:');
  if (statement.Principal === '*') return 'itself';
  if (!isRole) return principalsOf(statement, 'Service').includes(principal) ? 'itself' : 'none';
  const named = principalsOf(statement, 'AWS');
  if (named.includes('*') || named.includes(principal)) return 'itself';
  const account = principal.split(':')[4] ?? '';
  return named.some((name) => name === account || name.endsWith(`:iam::${account}:root`)) ? 'account' : 'none';
}

function principalsOf({ Principal }: Statement, kind: 'AWS' | 'Service'): readonly string[] {
  if (Principal === undefined) return [];
  return Principal === '*' ? ['*'] : listOf(Principal[kind] ?? []);
}

type Test = (value: string, wanted: string) => boolean;

// IAM User Guide, "Condition operators". A condition with an operator that is missing here counts as not met: what it
// allows is then reported as not allowed, and the reader looks.
const TESTS: Readonly<Record<string, Test>> = {
  stringequals: (value, wanted) => value === wanted,
  stringequalsignorecase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  stringlike: isLike,
  arnequals: isLike,
  arnlike: isLike,
  bool: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
};

function holds(operator: string, value: string | undefined, wanted: readonly string[]): boolean {
  const plain = operator.toLowerCase().replace(/^for(anyvalue|allvalues):/, '');
  const name = plain.replace(/ifexists$/, '');
  if (name === 'null') return wanted.some((each) => (each.toLowerCase() === 'true') === (value === undefined));
  const isNegated = /^(string|arn)not/.test(name);
  const test = TESTS[name.replace(/^(string|arn)not/, '$1')];
  if (!test) return false;
  // IAM User Guide: a key that the call lacks meets a negated operator, one with IfExists, and ForAllValues.
  if (value === undefined) return isNegated || plain !== name || operator.toLowerCase().startsWith('forallvalues:');
  return wanted.some((each) => test(value, each)) !== isNegated;
}

/** `*` stands for any characters, `?` for one. */
function isLike(value: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(value);
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
