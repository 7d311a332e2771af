import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFileError, parseAccountsFile } from '../accounts-file.ts';

const MODULES = join(import.meta.dirname, '..', '..', 'modules');
const X = 'x'.repeat(600);
const KEY = 'arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const ALIAS = 'arn:aws:kms:eu-west-1:222222222222:alias/images';
const TOPIC = 'arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify';
const STATEMENT = {
  sid: 'Backup',
  actions: ['kms:Decrypt'],
  principals: { AWS: ['*'] },
  effect: 'Allow',
  conditions: {},
};
const VPC = { security_group_ids: ['sg-0123456789abcdef0'], subnet_ids: ['subnet-0123456789abcdef0'] };

/** A publisher beside an organization that is right but for these changes. */
const beside = (changes: object) => ({
  recipe_tag: 'Recipe',
  unshare: false,
  organization: {
    regions: ['eu-west-1'],
    role_arn: 'arn:aws:iam::999999999999:role/read-units',
    unit_ids: ['ou-ab12-1a2b3c4d'],
    ...changes,
  },
});

/** Values that a variable takes, and that it does not take: at least one of these for each of its validations. */
interface Values {
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

const SHARED: Readonly<Record<string, Values>> = {
  alarm_actions: { good: [[], [TOPIC]], bad: [['on-call'], [TOPIC, 'arn:other:sns:x']] },
  architecture: { good: ['arm64', 'x86_64'], bad: ['x86', ''] },
  code_signing_config_arn: {
    good: ['arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0123456789abcdef0'],
    bad: ['csc-0123456789abcdef0', ''],
  },
  log_kms_key_arn: { good: [KEY], bad: [ALIAS, ''] },
  log_retention_days: { good: [1, 30, 3653], bad: [2, 0, 30.5] },
  permissions_boundary_arn: {
    good: ['arn:aws:iam::222222222222:policy/a/boundary', 'arn:aws:iam::aws:policy/ReadOnlyAccess'],
    bad: ['boundary', 'arn:aws:iam::222222222222:role/boundary', 'arn:aws:iam::222222222222:policy/a b'],
  },
  role_path: {
    good: ['/', '/organization/', `/${X.slice(0, 510)}/`],
    bad: ['', 'a', '/a', '/a b/', `/${X.slice(0, 511)}/`],
  },
  runtime: { good: ['nodejs22.x', 'nodejs24.x'], bad: ['nodejs20.x', 'nodejs24', ''] },
  tags: {
    good: [{}, { 'cost centre': 'ä 7', empty: '' }, { [X.slice(0, 128)]: X.slice(0, 256) }, many(50)],
    bad: [
      { 'AWS:team': 'x' },
      { 'a!': 'x' },
      { a: '!' },
      { '': 'x' },
      { [X.slice(0, 129)]: 'x' },
      { a: X.slice(0, 257) },
      many(51),
    ],
  },
  vpc: {
    good: [VPC],
    bad: [
      { ...VPC, security_group_ids: [] },
      { ...VPC, security_group_ids: ['web'] },
      { ...VPC, security_group_ids: Array(6).fill('sg-1') },
      { ...VPC, subnet_ids: [] },
      { ...VPC, subnet_ids: ['private'] },
      { ...VPC, subnet_ids: Array(17).fill('subnet-1') },
    ],
  },
};

const RETENTION = { keep_newest: 3, min_age_days: 7, quarantine_days: 0, recipes: {} };
/** With each number that it may leave out: Terraform's console knows no type that would make it null. */
const RECIPE = { keep_newest: 1, min_age_days: 0, quarantine_days: 7 };

const CASES: Readonly<Record<string, Readonly<Record<string, Values>>>> = {
  'image-copier': {
    ...SHARED,
    age_alarm_seconds: { good: [300, 1_000_000], bad: [299, 300.5] },
    approval: {
      good: [
        { watermark: "a(1) [b]./-'@_" },
        { shared_tag: 'approved' },
        { shared_tag: `${X.slice(0, 113)}=${X.slice(0, 256)}` },
        { shared_tag: 'ä=b=c' },
      ],
      bad: [
        {},
        { shared_tag: 'approved', watermark: 'approved' },
        { watermark: 'ok' },
        { watermark: '111111111111:approved' },
        { watermark: X.slice(0, 129) },
        { shared_tag: '' },
        { shared_tag: '=yes' },
        { shared_tag: 'imagecopier=x' },
        { shared_tag: 'ec2:SharedTag/approved' },
        { shared_tag: X.slice(0, 114) },
        { shared_tag: `a=${X.slice(0, 257)}` },
      ],
    },
    copy_tags: {
      good: [{}, { [X.slice(0, 127)]: X.slice(0, 256) }, { 'ä!': '' }, many(47)],
      bad: [
        { 'Aws:a': 'x' },
        { encrypted: 'x' },
        { ImageCopier: 'x' },
        { '': 'x' },
        { [X.slice(0, 128)]: 'x' },
        { a: X.slice(0, 257) },
        many(48),
      ],
    },
    copy_within_minutes: { good: [0, 15, 2880], bad: [1, 75, -15] },
    environment_variables: {
      good: [{}, { AWS_USE_FIPS_ENDPOINT: 'true' }],
      bad: [{ A: 'x' }, { '1AB': 'x' }, { 'A-B': 'x' }, ...ownVariables().map((name) => ({ [name]: 'x' }))],
    },
    failed_copy_delay_seconds: { good: [0, 900], bad: [-1, 901, 0.5] },
    key_deletion_window_days: { good: [7, 30], bad: [6, 31, 7.5] },
    key_policy_statements: {
      good: [[], [STATEMENT], [STATEMENT, { ...STATEMENT, sid: 'Other', effect: 'Deny' }]],
      bad: [
        [{ ...STATEMENT, actions: [] }],
        [{ ...STATEMENT, principals: {} }],
        [{ ...STATEMENT, principals: { Canonical: ['x'] } }],
        [{ ...STATEMENT, sid: 'a b' }],
        [{ ...STATEMENT, sid: 'NobodyDeletesKey' }],
        [STATEMENT, STATEMENT],
      ],
    },
    key_rotation_period_days: { good: [90, 2560], bad: [89, 2561, 90.5] },
    kms_key_arn: { good: [KEY], bad: [ALIAS, ''] },
    memory_size: { good: [128, 10_240], bad: [127, 10_241, 256.5] },
    name: { good: ['image-copier', X.slice(0, 36)], bad: ['', 'image/copier', X.slice(0, 37)] },
    overdue_hours: { good: [1, 720], bad: [0, 721, 1.5] },
    parameter_path: {
      good: ['/image-copier', '/a'.repeat(14), `/${X.slice(0, 499)}`],
      bad: ['image-copier', '/image-copier/', '/a'.repeat(15), '/SSM/images', '/awsome', '/a b', `/${X.slice(0, 500)}`],
    },
    recipe_tag: { good: ['Recipe', X.slice(0, 127)], bad: ['', X.slice(0, 128), 'aws:x', 'AWS:recipe'] },
    reconcile_newest: { good: [0, 10], bad: [-1, 11, 0.5] },
    reconcile_regions: { good: [[], ['us-east-1', 'us-gov-west-1']], bad: [['Ireland'], ['eu-west-1', 'eu-west-1a']] },
    request_delay_seconds: { good: [0, 900], bad: [-1, 901, 0.5] },
    housekeeping_topic_arn: { good: [], bad: [] },
    request_topic_arn: { good: [], bad: [] },
    results_topic_arn: { good: [], bad: [] },
    retention: {
      good: [
        RETENTION,
        { ...RETENTION, keep_newest: 1000, min_age_days: 0, quarantine_days: 365 },
        { ...RETENTION, recipes: { ubuntu: RECIPE, 'a b': RECIPE } },
      ],
      bad: [
        { ...RETENTION, keep_newest: 0 },
        { ...RETENTION, keep_newest: 1.5 },
        { ...RETENTION, min_age_days: -1 },
        { ...RETENTION, min_age_days: 0.5 },
        { ...RETENTION, quarantine_days: 366 },
        { ...RETENTION, quarantine_days: -1 },
        { ...RETENTION, quarantine_days: 0.5 },
        { ...RETENTION, recipes: { ubuntu: { ...RECIPE, keep_newest: 0 } } },
        { ...RETENTION, recipes: { ubuntu: { ...RECIPE, min_age_days: -1 } } },
        { ...RETENTION, recipes: { ubuntu: { ...RECIPE, quarantine_days: 366 } } },
      ],
    },
    retire_tagged: {
      good: [{}, { BuiltBy: 'amigo', 'ä b': '' }, { [X.slice(0, 127)]: X.slice(0, 256) }, many(10)],
      bad: [
        { 'Aws:a': 'x' },
        { ImageCopier: 'x' },
        { imagecopierend: 'x' },
        { '': 'x' },
        { 'a*': 'x' },
        { a: '$' },
        { [X.slice(0, 128)]: 'x' },
        { a: X.slice(0, 257) },
        many(11),
      ],
    },
    retry_hours: { good: [6, 96], bad: [1, 5, 97, 6.5] },
    rollback_depth: { good: [0, 100], bad: [-1, 101, 0.5] },
    source_key_arns: { good: [[], [KEY]], bad: [[ALIAS], [KEY, 'x']] },
    trusted_owner_ids: { good: [['111111111111']], bad: [[], ['11111111111'], ['111111111111', 'x']] },
  },
  'source-account': {
    ...SHARED,
    housekeeping_topic_name: {
      good: ['amigo-PROD-housekeeping-notify', X.slice(0, 237)],
      bad: ['', 'a.b', X.slice(0, 238), 'amigo-PROD-notify', 'amigo-PROD-notify-results'],
    },
    name: { good: ['amigo-PROD-notify', X.slice(0, 43)], bad: ['', 'a.b', X.slice(0, 44)] },
    organization_id: { good: ['o-a1b2c3d4e5'], bad: ['a1b2c3d4e5', 'o-A1b2c3d4e5', 'o-1'] },
    overdue_hours: { good: [1, 312], bad: [0, 313, 1.5] },
    publisher: {
      good: [
        { recipe_tag: 'Recipe', unshare: false },
        { recipe_tag: X.slice(0, 127), unshare: true },
        beside({}),
        beside({
          unit_ids: Array.from({ length: 20 }, () => 'r-ab12'),
          regions: Array.from({ length: 40 }, () => 'eu-west-1'),
        }),
      ],
      bad: [
        { recipe_tag: '', unshare: false },
        { recipe_tag: X.slice(0, 128), unshare: false },
        beside({ role_arn: 'read-units' }),
        beside({ unit_ids: [] }),
        beside({ unit_ids: ['ou-ab12-1a2b3c4d', '222222222222'] }),
        beside({ unit_ids: Array.from({ length: 21 }, () => 'r-ab12') }),
        beside({ regions: [] }),
        beside({ regions: ['eu-west-1', 'Ireland'] }),
        beside({ regions: Array.from({ length: 41 }, () => 'eu-west-1') }),
      ],
    },
    target_account_ids: { good: [ids(1), ids(1500)], bad: [['1'], [], ids(1501)] },
  },
};

/** Where the file says itself what a variable is set to: a file with such a value. The words are the file's own there. */
const OTHER_FIELDS: Readonly<Record<string, (value: never) => object>> = {
  'source-account name': (topic: string) => ({ topic }),
  'source-account organization_id': (organizationId: string) => ({ organizationId }),
  'source-account target_account_ids': (accounts: readonly string[]) => ({
    accounts: accounts.map((id, index) => ({ id, name: `account-${index}` })),
  }),
};

/** Made of fields whose values the file checks: no file can make them wrong. */
const MADE = [
  'image-copier housekeeping_topic_arn',
  'image-copier request_topic_arn',
  'image-copier results_topic_arn',
  'source-account publisher_targets',
];

interface Validation {
  readonly condition: string;
  /** As HCL. */
  readonly message: string;
}

/** The variables of a module that have validations. */
function validationsOf(module: string): Map<string, Validation[]> {
  const hcl = readFileSync(join(MODULES, module, 'variables.tf'), 'utf8');
  const variables = Array.from(hcl.matchAll(/^variable "(\w+)" \{\n(.*?)^\}$/gms), ([, name = '', body = '']) => {
    const blocks = Array.from(body.matchAll(/^ {2}validation \{\n(.*?)^ {2}\}$/gms), ([, block = '']) => ({
      condition: /^ {4}condition += (.+)$/m.exec(block)?.[1] ?? '',
      message: /^ {4}error_message += (.+)$/m.exec(block)?.[1] ?? '',
    }));
    return [name, blocks] as const;
  });
  return new Map(variables.filter(([, validations]) => validations.length > 0));
}

const all = ['image-copier', 'source-account'].flatMap((module) =>
  Array.from(validationsOf(module), ([name, validations]) => {
    const { good, bad } = CASES[module]?.[name] ?? { good: [], bad: [] };
    return { of: `${module} ${name}`, module, name, validations, values: [...good, ...bad], good, bad };
  }),
);

/** What the module says of each value: the messages of the validations that it fails. */
let verdicts: Map<string, readonly (readonly string[])[]>;
const folder = mkdtempSync(join(tmpdir(), 'input-limits-'));

beforeAll(() => {
  const items = all.flatMap(({ name, validations, values }) =>
    values.map((value) => {
      const variables = { name: 'amigo-PROD-notify', organization_id: null, [name]: value };
      const failed = validations.map(
        ({ condition, message }) => `${condition.replaceAll('var.', 'each.')} ? "" : ${message}`,
      );
      return `[for each in [${hclOf(variables)}] : compact([${failed.join(', ')}])][0],`;
    }),
  );
  writeFileSync(
    join(folder, 'main.tf'),
    `locals {
${localOf('key.tf', 'key_policy_sids')}
${localOf('main.tf', 'own_variables')}
  verdicts = [
${items.join('\n')}
  ]
}
`,
  );
  // OpenTofu would put warnings of other settings before the answer.
  const settings = join(folder, 'cli.tfrc');
  writeFileSync(settings, 'disable_checkpoint = true\n');
  const command = process.env['IMAGE_COPIER_TERRAFORM'] ?? 'terraform';
  const { stdout, stderr } = spawnSync(command, ['console'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, TF_CLI_ARGS: '-no-color', TF_CLI_CONFIG_FILE: settings, CHECKPOINT_DISABLE: '1' },
    input: 'jsonencode(local.verdicts)',
  });
  if (!stdout.startsWith('"')) throw new Error(`${stdout}\n${stderr}`);
  const answers = JSON.parse(JSON.parse(stdout) as string) as string[][];
  verdicts = new Map(all.map(({ of, values }) => [of, answers.splice(0, values.length)]));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each(all.filter(({ of }) => !MADE.includes(of)))('$of', ({ of, module, name, validations, values, good }) => {
  it('has values that each of its validations refuses', () => {
    const refusals = new Set(verdicts.get(of)?.flat());

    expect(refusals.size).toBe(validations.length);
    expect(verdicts.get(of)?.slice(0, good.length).flat()).toEqual([]);
  });

  it('is refused in the accounts file as by the module, in its words, with line and column', () => {
    const field = OTHER_FIELDS[of];
    const words = values.map((value) => {
      const change = field ? field(value as never) : inputs(module, name, value);
      return problemsOf({ ...file(), ...change }).map(({ line, text }) => `${line > 0 ? name : ''}: ${text}`);
    });

    if (field) expect(words.map(({ length }) => length > 0)).toEqual(verdicts.get(of)?.map(({ length }) => length > 0));
    else expect(words).toEqual(verdicts.get(of));
  });
});

it('has only inputs that the file makes from checked fields beside these', () => {
  expect(all.filter(({ bad }) => bad.length === 0).map(({ of }) => of)).toEqual(MADE);
});

it('takes placeholders for what they will be', () => {
  const change = inputs(
    'image-copier',
    'kms_key_arn',
    KEY.replace('eu-west-1', '{region}').replace('222222222222', '{account}'),
  );

  expect(problemsOf({ ...file(), ...change })).toEqual([]);
});

it('names the place of what is wrong', () => {
  const text = JSON.stringify(
    { ...file(), defaults: { ...file().defaults, inputs: { retry_hours: 1 } } },
    undefined,
    2,
  );
  const line = text.split('\n').findIndex((each) => each.includes('retry_hours')) + 1;

  expect(() => parseAccountsFile(text, 'accounts.json')).toThrow(
    `accounts.json:${line}:22: defaults.inputs.retry_hours: a whole number from 6 to 96.`,
  );
});

function file() {
  return {
    source: { id: '111111111111' },
    topic: 'amigo-PROD-notify',
    defaults: { roleName: 'deployer', regions: ['eu-west-1'] },
    accounts: [{ id: '222222222222', name: 'payments' }],
  };
}

function inputs(module: string, name: string, value: unknown): object {
  const own = { inputs: { [name]: value } };
  return module === 'source-account'
    ? { source: { ...file().source, ...own } }
    : { accounts: [{ ...file().accounts[0], ...own }] };
}

function problemsOf(accounts: object) {
  try {
    parseAccountsFile(JSON.stringify(accounts), 'accounts.json');
    return [];
  } catch (error) {
    if (error instanceof AccountsFileError) return error.problems;
    throw error;
  }
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(222_222_222_222 + index));
}

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, 'x']));
}

/** A list among the local values of the module image-copier, as it stands there. */
function localOf(tf: string, name: string): string {
  const hcl = readFileSync(join(MODULES, 'image-copier', tf), 'utf8');
  return new RegExp(`^ {2}${name} += \\[.*?\\]\n`, 'ms').exec(hcl)?.[0] ?? '';
}

function ownVariables(): string[] {
  return Array.from(localOf('main.tf', 'own_variables').matchAll(/"(\w+)"/g), ([, name = '']) => name);
}

/** JSON is HCL but for templates in texts. */
function hclOf(value: object): string {
  return JSON.stringify(value).replaceAll('${', '$${').replaceAll('%{', '%%{');
}
