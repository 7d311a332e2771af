import * as z from 'zod';
import { closest } from './closest.ts';
import { COPIER_LIMITS, SOURCE_LIMITS, type InputValue, type Limit, type Limits } from './input-limits.ts';
import { readYaml, YamlSyntaxError, type LocatedYaml, type Path, type Position } from './located-yaml.ts';
import { partitionOf, REGIONS } from './regions.ts';

/** The name of the source account unless the file gives another. */
export const SOURCE_NAME = 'source';

/** As the module's variables.tf has them. */
const APPROVAL = 'object({ shared_tag = optional(string), watermark = optional(string) })';

const VPC = 'object({ security_group_ids = list(string), subnet_ids = list(string) })';

const KEY_POLICY_STATEMENTS =
  'list(object({ sid = string, actions = list(string), principals = map(list(string)), effect = optional(string, "Allow"), conditions = optional(map(map(list(string))), {}) }))';

const RETENTION =
  'object({ keep_newest = number, min_age_days = number, quarantine_days = number, recipes = optional(map(object({ keep_newest = optional(number), min_age_days = optional(number), quarantine_days = optional(number) })), {}) })';

const PUBLISHER =
  'object({ organization = optional(object({ regions = list(string), role_arn = string, unit_ids = list(string) })), recipe_tag = optional(string, "Recipe"), unshare = optional(bool, false) })';

type InputType =
  | 'bool'
  | 'list(string)'
  | 'map(string)'
  | 'number'
  | 'string'
  | typeof APPROVAL
  | typeof KEY_POLICY_STATEMENTS
  | typeof PUBLISHER
  | typeof RETENTION
  | typeof VPC;

/** The inputs of the module image-copier that an account may set, with the types of its variables.tf. */
export const COPIER_INPUTS = {
  age_alarm_seconds: 'number',
  alarm_actions: 'list(string)',
  approval: APPROVAL,
  architecture: 'string',
  code_signing_config_arn: 'string',
  copy_deprecation: 'bool',
  copy_tags: 'map(string)',
  copy_within_minutes: 'number',
  dashboard: 'bool',
  deletion_protection: 'bool',
  environment_variables: 'map(string)',
  failed_copy_delay_seconds: 'number',
  filter_enabled: 'bool',
  function_zip: 'string',
  keep_own_key: 'bool',
  key_deletion_window_days: 'number',
  key_policy_statements: KEY_POLICY_STATEMENTS,
  key_rotation_period_days: 'number',
  kms_key_arn: 'string',
  log_kms_key_arn: 'string',
  log_retention_days: 'number',
  memory_size: 'number',
  name: 'string',
  overdue_hours: 'number',
  parameter_path: 'string',
  permissions_boundary_arn: 'string',
  recipe_tag: 'string',
  reconcile_newest: 'number',
  reconcile_regions: 'list(string)',
  request_delay_seconds: 'number',
  retention: RETENTION,
  retire_tagged: 'map(string)',
  retry_hours: 'number',
  role_path: 'string',
  rollback_depth: 'number',
  runtime: 'string',
  source_key_arns: 'list(string)',
  tags: 'map(string)',
  trusted_owner_ids: 'list(string)',
  vpc: VPC,
} as const satisfies Record<string, InputType>;

/** The same of the module source-account. */
export const SOURCE_INPUTS = {
  alarm_actions: 'list(string)',
  architecture: 'string',
  code_signing_config_arn: 'string',
  function_zip: 'string',
  housekeeping_topic_name: 'string',
  log_kms_key_arn: 'string',
  log_retention_days: 'number',
  overdue_hours: 'number',
  permissions_boundary_arn: 'string',
  publisher: PUBLISHER,
  role_path: 'string',
  runtime: 'string',
  tags: 'map(string)',
  vpc: VPC,
} as const satisfies Record<string, InputType>;

/** The inputs that the stacks set themselves in one of the modules, and from what. */
export const SET_INPUTS: Readonly<Record<string, string>> = {
  existing_topics: 'source.existingTopics',
  housekeeping_topic_arn: 'topic, source.id and source.inputs.housekeeping_topic_name',
  name: 'topic',
  organization_id: 'organizationId',
  publisher_targets: 'accounts',
  request_topic_arn: 'topic and source.id',
  results_topic_arn: 'topic and source.id',
  target_account_ids: 'accounts',
};

/** Inputs of a module; null means the module's own default. */
export type Inputs = Readonly<Record<string, InputValue | null>>;

const accountId = z
  .string()
  .regex(/^[0-9]{12}$/, 'must be 12 digits, in quotes')
  .describe('ID of the account: 12 digits, in quotes.');

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be 1 to 40 lower-case letters, digits and hyphens, the first no hyphen')
  .describe('Name of the account, of its stack and of its state. Keep it for as long as the account is served.');

const region = z.enum(REGIONS as [string, ...string[]]).meta({ id: 'Region' });

const regions = z.array(region).min(1, 'must name at least one Region');

const roleName = z
  .string()
  .regex(/^[\w+=,.@/-]{1,512}$/, 'must be the name of a role (with its path, if it has one), not an ARN')
  .describe('Name of the role to assume in the account.');

const roleArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[\w+=,.@/-]+$/, 'must be the ARN of a role')
  .describe('ARN of the role to assume.');

// Terraform would read $ and % before a brace as the start of an expression.
const profile = z
  .string()
  .regex(/^[^${}%]+$/, 'must be the name of a profile')
  .describe('Profile of the AWS configuration file to use.');

const labels = z
  .record(
    z.string().regex(/^[A-Za-z][\w.-]{0,62}$/, 'must be up to 63 letters, digits, dots, hyphens and underscores'),
    z.string().regex(/^[\w./:-]{1,63}$/, 'must be 1 to 63 letters, digits and . / : _ -'),
  )
  .describe('Labels to choose accounts by, such as wave: canary.');

const retiredRegions = z
  .array(region)
  .describe('Regions that left the list: what stands there is destroyed by the next apply. Remove them after it.');

const access = {
  roleName: roleName.exactOptional(),
  roleArn: roleArn.exactOptional(),
  profile: profile.exactOptional(),
};

const copierInputs = inputs(COPIER_INPUTS, COPIER_LIMITS).meta({ id: 'CopierInputs' });

const schema = fields({
  $schema: z.string().describe('Path of accounts.schema.json, for the editor.').exactOptional(),
  source: fields({
    id: accountId,
    name: name.exactOptional(),
    ...access,
    inputs: inputs(SOURCE_INPUTS, SOURCE_LIMITS).exactOptional(),
    existingTopics: z
      .array(region)
      .describe(
        "Regions where the topics for requests and housekeeping are there already and are another system's, such as AMIgo's: used as they are.",
      )
      .exactOptional(),
    retiredRegions: retiredRegions.exactOptional(),
  }).describe('The account where images are baked.'),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,200}$/, 'must be 1 to 200 letters, digits, hyphens and underscores')
    .describe('Name of the topic for copy requests, in each Region of any target.'),
  organizationId: z
    .string()
    .regex(/^o-[a-z0-9]{10,32}$/, 'must be "o-" and 10 to 32 lower-case letters and digits')
    .describe('Organization whose accounts may all subscribe. Without it the listed accounts may.')
    .exactOptional(),
  backend: z
    .discriminatedUnion('type', [
      fields({
        type: z.literal('s3'),
        bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket'),
        region,
        keyPrefix: z
          .string()
          .regex(/^[\w!.*'()-][\w!.*'()/-]*$/, 'must be the start of an object key, such as image-copier/')
          .describe('Start of the keys of the states. The default is image-copier/.')
          .exactOptional(),
      }),
      fields({
        type: z.literal('local'),
        path: z
          .string()
          .regex(/^[^${}%]+$/, 'must be a folder')
          .describe('Folder of the states, from the accounts file. The default is states in the output folder.')
          .exactOptional(),
      }),
    ])
    .describe('Where the states are kept. The default is local.')
    .exactOptional(),
  defaults: fields({
    regions: regions.exactOptional(),
    roleName: access.roleName,
    profile: access.profile,
    labels: labels.exactOptional(),
    inputs: copierInputs.exactOptional(),
  })
    .describe('What holds for each account that says nothing else; the role or profile for the source account too.')
    .exactOptional(),
  accounts: z
    .array(
      fields({
        id: accountId,
        name,
        regions: regions.exactOptional(),
        labels: labels.exactOptional(),
        ...access,
        inputs: copierInputs.exactOptional(),
        retiredRegions: retiredRegions.exactOptional(),
      }),
    )
    .min(1, 'must list at least one account')
    .describe('The accounts that the images are copied into.'),
});

/** The accounts file: the source account, the target accounts, and how each is reached. */
export type AccountsFile = z.output<typeof schema>;

/** An object with these keys and no others. Its message for an unknown key is the list of the known ones. */
function fields<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });
}

function inputs(types: Readonly<Record<string, InputType>>, limits: Limits): z.ZodType<Inputs> {
  const texts = z.array(z.string());
  const schemas = {
    bool: z.boolean(),
    'list(string)': texts,
    'map(string)': z.record(z.string(), z.string()),
    number: z.number(),
    string: z.string(),
    [APPROVAL]: fields({ shared_tag: z.string().exactOptional(), watermark: z.string().exactOptional() }),
    [KEY_POLICY_STATEMENTS]: z.array(
      fields({
        sid: z.string(),
        actions: texts,
        principals: z.record(z.string(), texts),
        effect: z.enum(['Allow', 'Deny']).exactOptional(),
        conditions: z.record(z.string(), z.record(z.string(), texts)).exactOptional(),
      }),
    ),
    [PUBLISHER]: fields({
      organization: fields({ regions: texts, role_arn: z.string(), unit_ids: texts }).exactOptional(),
      recipe_tag: z.string().exactOptional(),
      unshare: z.boolean().exactOptional(),
    }),
    [RETENTION]: fields({
      keep_newest: z.number(),
      min_age_days: z.number(),
      quarantine_days: z.number(),
      recipes: z
        .record(
          z.string(),
          fields({
            keep_newest: z.number().exactOptional(),
            min_age_days: z.number().exactOptional(),
            quarantine_days: z.number().exactOptional(),
          }),
        )
        .exactOptional(),
    }),
    [VPC]: fields({ security_group_ids: texts, subnet_ids: texts }),
  } satisfies Record<InputType, z.ZodType>;
  return fields(
    Object.fromEntries(
      Object.entries(types).map(([name, type]) => [
        name,
        limited(schemas[type], limits[name] ?? [])
          .nullable()
          .exactOptional(),
      ]),
    ),
  ).describe(
    'Inputs of the module, as in its variables.tf. {account} and {region} in them are replaced; null is the default of the module.',
  );
}

/** With the validations that the variable has in its module, so that they come with a line, and before Terraform runs. */
function limited(type: z.ZodType<InputValue>, limits: readonly Limit[]): z.ZodType<InputValue> {
  return limits.reduce(
    (schema, { holds, text }) => schema.refine((value) => holds(withoutPlaceholders(value)), text),
    type,
  );
}

/** The value as some account and Region would have it: which ones, no limit asks. */
function withoutPlaceholders(value: InputValue): InputValue {
  const filled = JSON.stringify(value).replaceAll('{account}', '222222222222').replaceAll('{region}', 'eu-west-1');
  return JSON.parse(filled) as InputValue;
}

/** The JSON Schema of the accounts file, for editors. */
export function accountsJsonSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7' });
  return { $schema, title: 'Accounts of Image Copier', ...rest };
}

interface AccountsFileProblem extends Position {
  /** Path of the value, such as accounts[0].id; empty for the file as a whole. */
  readonly field: string;
  readonly text: string;
}

/** An accounts file that cannot be used. Each line of its message names a place and what to do there. */
export class AccountsFileError extends Error {
  override readonly name = 'AccountsFileError';
  readonly problems: readonly AccountsFileProblem[];

  constructor(fileName: string, problems: readonly AccountsFileProblem[]) {
    super(
      problems
        .map(
          ({ line, column, field, text }) =>
            `${fileName}:${line}:${column}: ${field === '' ? text : `${field}: ${text}`}`,
        )
        .join('\n'),
    );
    this.problems = problems;
  }
}

/**
 * Reads an accounts file, YAML or JSON.
 * @throws {AccountsFileError} with all that is wrong with it
 */
export function parseAccountsFile(text: string, fileName: string): AccountsFile {
  const yaml = readSyntax(text, fileName);
  const parsed = schema.safeParse(yaml.value);
  const issues = parsed.error?.issues ?? [];
  const meant = meantKeys(issues, yaml.value);
  const problems = [
    ...issues.flatMap((issue) => (meant.some((path) => isSame(path, issue.path)) ? [] : problemsOf(issue, yaml))),
    ...crossCheck(
      withoutFaults(yaml.value, [
        ...issues.filter(({ code }) => code !== 'unrecognized_keys').map(({ path }) => path),
        ...meant,
      ]),
      yaml,
    ),
  ];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new AccountsFileError(
    fileName,
    problems.sort((a, b) => a.line - b.line || a.column - b.column),
  );
}

function readSyntax(text: string, fileName: string): LocatedYaml {
  try {
    return readYaml(text);
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw new AccountsFileError(
      fileName,
      error.problems.map((problem) => ({ ...problem, field: '' })),
    );
  }
}

function problemsOf(issue: z.core.$ZodIssue, yaml: LocatedYaml): AccountsFileProblem[] {
  const { path } = issue;
  const problem = (text: string, at = yaml.positionOf(path)) => [{ ...at, field: fieldName(path), text }];
  const value = valueAt(yaml.value, path);
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    return issue.keys.map((key) => ({
      ...yaml.positionOfKey([...path, key]),
      field: fieldName([...path, key]),
      text: unknownKey(key, known, path),
    }));
  }
  if (value === undefined) return problem('is missing. Add it.');
  switch (issue.code) {
    case 'invalid_type':
      return problem(wrongType(issue.expected, value, yaml.textOf(path)));
    case 'invalid_key':
      return problem(`the key ${issue.issues[0]?.message ?? 'is wrong'}.`, yaml.positionOfKey(path));
    case 'invalid_value':
    case 'invalid_union':
      return problem(wrongChoice(value, issue));
    default:
      return problem(`${issue.message}.`);
  }
}

function unknownKey(key: string, known: readonly string[], path: Path): string {
  const source = path.at(-1) === 'inputs' ? SET_INPUTS[key] : undefined;
  if (source !== undefined) return `is set for you, from ${source}. Remove it.`;
  const meant = closest(key, known);
  return meant === undefined
    ? `there is no such key. Keys here: ${known.join(', ')}.`
    : `there is no such key. Did you mean ${meant}?`;
}

function wrongType(expected: string, value: unknown, text: string | undefined): string {
  const names: Readonly<Record<string, string>> = {
    array: 'a list',
    boolean: 'true or false',
    object: 'a map of keys and values',
    record: 'a map of keys and values',
    string: 'a string',
  };
  if (expected === 'string' && typeof value === 'number') {
    return `is a number, which loses leading zeros. Quote it: "${text ?? value}".`;
  }
  if (expected === 'string' && typeof value === 'boolean') return `is true or false. Quote it: "${text ?? value}".`;
  return `must be ${names[expected] ?? `a ${expected}`}, not ${kindOf(value)}.`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : JSON.stringify(value);
}

function wrongChoice(value: unknown, issue: z.core.$ZodIssueInvalidValue | z.core.$ZodIssueInvalidUnion): string {
  if (issue.code === 'invalid_union') return 'must be s3 or local.';
  const choices = issue.values.map(String);
  if (typeof value !== 'string' || !choices.includes('eu-west-1')) return `must be ${choices.join(' or ')}.`;
  const meant = closest(value, choices);
  return /^[a-z]{2,4}(-[a-z]+)+-[0-9]+$/.test(value)
    ? `there is no Region ${value}${meant === undefined ? '' : `. Did you mean ${meant}?`}${meant === undefined ? ' that Image Copier knows (terraform/stacks/regions.ts).' : ''}`
    : `must be a Region such as eu-west-1, not ${JSON.stringify(value)}.`;
}

/** What the checks between fields look at: the file without its faults, each of which is reported already. */
type Faultless<Value> = Value extends readonly (infer Item)[]
  ? readonly (Faultless<Item> | undefined)[]
  : Value extends object
    ? { readonly [Key in keyof Value]?: Faultless<Value[Key]> | undefined }
    : Value;

type Draft = Faultless<AccountsFile>;

function withoutFaults(value: unknown, faults: readonly Path[]): Draft {
  const copy: unknown = structuredClone(value);
  for (const path of faults) {
    const key = path.at(-1);
    const holder = valueAt(copy, path.slice(0, -1));
    // The key stays, so that no check finds the value missing as well.
    if (isRecord(holder) && key !== undefined) holder[String(key)] = undefined;
  }
  return isRecord(copy) ? copy : {};
}

/** The keys that misspelled ones stand for: they count as given. */
function meantKeys(issues: readonly z.core.$ZodIssue[], value: unknown): Path[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.flatMap((key) => {
          const meant = closest(key, issue.message.split(' '));
          const path = [...issue.path, meant ?? ''];
          return meant === undefined || valueAt(value, path) !== undefined ? [] : [path];
        })
      : [],
  );
}

function isSame(one: Path, other: Path): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index]);
}

type Report = (path: Path, text: string) => void;

/** The checks that no single field can fail. */
function crossCheck(draft: Draft, yaml: LocatedYaml): AccountsFileProblem[] {
  const problems: AccountsFileProblem[] = [];
  const report: Report = (path, text) => {
    problems.push({ ...yaml.positionOf(path), field: fieldName(path), text });
  };
  checkUnique(draft, yaml, report);
  checkAccess(draft, report);
  checkRegions(draft, report);
  checkTopics(draft, report);
  return problems;
}

function checkUnique({ source, accounts = [] }: Draft, yaml: LocatedYaml, report: Report): void {
  const names = new Map<string, Path>([[source?.name ?? SOURCE_NAME, ['source', 'name']]]);
  const ids = new Map<string, Path>();
  for (const [index, account] of accounts.entries()) {
    const idPath = ['accounts', index, 'id'];
    const first = account?.id === undefined ? undefined : ids.get(account.id);
    if (first) {
      report(
        idPath,
        `account ${account?.id ?? ''} is listed already, on line ${yaml.positionOf(first).line}. Remove one; an account has one entry for all its Regions.`,
      );
    } else if (account?.id !== undefined) {
      ids.set(account.id, idPath);
    }
    if (account?.name === undefined) continue;
    const namePath = ['accounts', index, 'name'];
    const namesake = names.get(account.name);
    if (namesake?.[0] === 'source') {
      report(namePath, `${account.name} is the name of the source account. Choose another.`);
    } else if (namesake) {
      report(
        namePath,
        `${account.name} is the name of another account, on line ${yaml.positionOf(namesake).line}. Choose another.`,
      );
    } else {
      names.set(account.name, namePath);
    }
  }
}

const WAYS = ['roleName', 'roleArn', 'profile'] as const;

function checkAccess({ source, defaults, accounts = [] }: Draft, report: Report): void {
  const byDefault = waysOf(defaults);
  if (byDefault.length > 1) report(['defaults', byDefault[1] ?? ''], `${byDefault.join(' and ')}: give only one.`);
  const check = (path: Path, account: Faultless<AccountsFile['source']> | undefined) => {
    if (!account) return;
    const ways = waysOf(account);
    if (ways.length > 1) report([...path, ways[1] ?? ''], `${ways.join(' and ')}: give only one.`);
    if (ways.length === 0 && byDefault.length === 0) {
      report(path, 'nothing says how to reach the account. Give roleName, roleArn or profile, here or in defaults.');
    }
    const { roleArn, id } = account;
    if (roleArn !== undefined && id !== undefined && !roleArn.includes(`::${id}:`)) {
      report([...path, 'roleArn'], `is a role of another account than ${id}.`);
    }
  };
  check(['source'], source);
  for (const [index, account] of accounts.entries()) check(['accounts', index], account);
}

function waysOf(place: object | undefined): string[] {
  return place ? WAYS.filter((way) => way in place) : [];
}

function checkRegions({ source, defaults, accounts = [] }: Draft, report: Report): void {
  const lists = [
    { path: ['defaults', 'regions'], regions: defaults?.regions },
    ...accounts.map((account, index) => ({ path: ['accounts', index, 'regions'], regions: account?.regions })),
  ];
  const first = lists.flatMap(({ regions = [] }) => regions).find((region) => region !== undefined);
  for (const { path, regions = [] } of lists) {
    for (const [index, region] of regions.entries()) {
      if (region === undefined || first === undefined) continue;
      if (regions.indexOf(region) < index) report([...path, index], `${region} is listed already. Remove one.`);
      // Neither roles nor topics reach across partitions (IAM User Guide, ARN format: partition).
      if (partitionOf(region) !== partitionOf(first)) {
        report(
          [...path, index],
          `${region} is in another partition (${partitionOf(region)}) than ${first}. Give it an accounts file of its own.`,
        );
      }
    }
  }
  const used = new Set<string | undefined>();
  for (const [index, account] of accounts.entries()) {
    if (!account) continue;
    const regions = 'regions' in account ? (account.regions ?? []) : defaults?.regions;
    if (regions === undefined && !(defaults && 'regions' in defaults)) {
      report(['accounts', index], 'no Region. Give regions, here or in defaults.');
    }
    for (const region of regions ?? []) used.add(region);
    checkRetired(['accounts', index], account.retiredRegions, new Set(regions), report);
  }
  checkRetired(['source'], source?.retiredRegions, used, report);
  if (used.has(undefined)) return;
  for (const [index, region] of (source?.existingTopics ?? []).entries()) {
    if (region !== undefined && used.size > 0 && !used.has(region)) {
      report(['source', 'existingTopics', index], `${region} is the Region of no account. Remove it, or correct it.`);
    }
  }
}

// A topic policy may have 30 KB (SNS Developer Guide, Amazon SNS API permissions); an account takes 15 bytes of it.
const MAX_SUBSCRIBERS = 1500;

/** What the module source-account validates of inputs that are made from several fields. */
function checkTopics(draft: Draft, report: Report): void {
  const { source, topic, accounts = [] } = draft;
  const housekeeping = source?.inputs?.['housekeeping_topic_name'];
  if (topic !== undefined && [topic, `${topic}-results`].some((name) => name === housekeeping)) {
    report(
      ['source', 'inputs', 'housekeeping_topic_name'],
      'this is the name of the topic for copy requests or for results. Retirements need one of their own.',
    );
  }
  if (accounts.length > MAX_SUBSCRIBERS && !('organizationId' in draft)) {
    report(['accounts'], `at most ${MAX_SUBSCRIBERS} accounts fit into a topic policy. Set organizationId instead.`);
  }
}

function checkRetired(
  path: Path,
  retired: readonly (string | undefined)[] = [],
  used: ReadonlySet<string | undefined>,
  report: Report,
): void {
  for (const [index, region] of retired.entries()) {
    if (region !== undefined && used.has(region)) {
      report([...path, 'retiredRegions', index], `${region} is still in use. Take it out of regions first.`);
    }
  }
}

/** A path as people write it: accounts[0].id. */
function fieldName(path: Path): string {
  return path.reduce<string>(
    (name, key) => (typeof key === 'number' ? `${name}[${key}]` : `${name}${name === '' ? '' : '.'}${String(key)}`),
    '',
  );
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((holder, key) => (isRecord(holder) ? holder[String(key)] : undefined), value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
