/** An input of a module. */
export type InputValue = boolean | number | string | readonly InputValue[] | { readonly [key: string]: InputValue };

/** A validation of a variable of a module, for the accounts file, which can say the line. */
export interface Limit {
  readonly holds: (value: InputValue) => boolean;
  /** In the words of the module's error_message. */
  readonly text: string;
}

const ARN_OF_KEY = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[A-Za-z0-9-]+$/u;
const TAG_KEY = /^[\p{L}\p{Z}\p{N}_.:/=+@-]+$/u;
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u;
const LOG_RETENTION_DAYS = [
  ...[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
];
const MINUTES = [0, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 960, 1440, 2880];

/** As own_variables in the module's main.tf. */
const OWN_VARIABLES = [
  'APPROVAL',
  'COPIER_NAME',
  'COPY_DEPRECATION',
  'COPY_TAGS',
  'COPY_WITHIN_MINUTES',
  'DEAD_LETTER_QUEUE_URL',
  'FAILED_COPY_DELAY_SECONDS',
  'KMS_KEY_ARN',
  'OVERDUE_SECONDS',
  'PARAMETER_PATH',
  'QUEUE_URL',
  'RECIPE_TAG',
  'RECONCILE_NEWEST',
  'RECONCILE_REGIONS',
  'RESULTS_TOPIC_ARN',
  'RETENTION',
  'RETIRE_TAGGED',
  'RETRY_SECONDS',
  'ROLLBACK_DEPTH',
  'TRUSTED_OWNERS',
];

/** As key_policy_sids in the module's key.tf. */
const KEY_POLICY_SIDS = ['AccountAdministersKey', 'AccountUsesKeyThroughEc2', 'NobodyDeletesKey'];

const SHARED = {
  architecture: [text((name) => ['arm64', 'x86_64'].includes(name), 'arm64 or x86_64')],
  code_signing_config_arn: [
    text(
      (arn) => /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$/u.test(arn),
      'the ARN of a code signing configuration, for example arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0123456789abcdef0; or null',
    ),
  ],
  log_kms_key_arn: [
    text(
      (arn) => ARN_OF_KEY.test(arn),
      'the ARN of a key, not of an alias, for example arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab; or null',
    ),
  ],
  log_retention_days: [oneOf(LOG_RETENTION_DAYS, `one of ${LOG_RETENTION_DAYS.join(', ')}`)],
  permissions_boundary_arn: [
    text(
      (arn) => /^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy\/[!-~]+$/u.test(arn),
      'the ARN of an IAM policy, for example arn:aws:iam::222222222222:policy/boundary; or null',
    ),
  ],
  role_path: [
    text(
      (path) => /^\/([!-~]+\/)?$/u.test(path) && path.length <= 512,
      '/ alone, or a path that begins and ends with it, for example /organization/; at most 512 characters, none of them a space',
    ),
  ],
  runtime: [text((name) => ['nodejs22.x', 'nodejs24.x'].includes(name), 'nodejs22.x or nodejs24.x')],
  tags: [
    map(
      (tags) =>
        tags.length <= 50 &&
        tags.every(
          ([key, value]) =>
            TAG_KEY.test(key) &&
            TAG_VALUE.test(value) &&
            lengthOf(key) <= 128 &&
            lengthOf(value) <= 256 &&
            !isOfAws(key),
        ),
      'at most 50, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 128 and values of up to 256 characters; no key begins with aws:',
    ),
  ],
  vpc: [
    vpc('security_group_ids', 5, /^sg-[0-9a-zA-Z]+$/u, '1 to 5 security_group_ids such as sg-0123456789abcdef0'),
    vpc('subnet_ids', 16, /^subnet-[0-9a-z]+$/u, '1 to 16 subnet_ids such as subnet-0123456789abcdef0'),
  ],
} satisfies Limits;

/** The validations of the inputs of a module, by their names. */
export type Limits = Readonly<Record<string, readonly Limit[]>>;

/** Those of the module image-copier. */
export const COPIER_LIMITS: Limits = {
  ...SHARED,
  alarm_actions: [alarmActions('222222222222')],
  age_alarm_seconds: [
    whole(300, Infinity, 'a whole number of at least 300. The first tries of a request take about 200 seconds'),
  ],
  approval: [
    approval(
      ({ shared_tag, watermark }) => (shared_tag === undefined) !== (watermark === undefined),
      'give either shared_tag or watermark, not both; or null to point to every verified copy',
    ),
    approval(
      ({ watermark }) => watermark === undefined || /^[A-Za-z0-9()[\] ./'@_-]{3,128}$/u.test(watermark),
      "watermark is the name alone, without the account: 3 to 128 letters, digits, spaces and ( ) [ ] . / - ' @ _",
    ),
    approval(
      ({ shared_tag: tag }) =>
        tag === undefined ||
        (/^[^=]{1,113}(=.{0,256})?$/su.test(tag) && !/^(imagecopier(=|$)|ec2:SharedTag\/)/iu.test(tag)),
      'shared_tag is <key> or <key>=<value>, a key of 1 to 113 and a value of up to 256 characters, without ec2:SharedTag/ and not ImageCopier',
    ),
  ],
  copy_tags: [
    map(
      (tags) =>
        tags.length <= 47 &&
        tags.every(
          ([key, value]) =>
            isBetween(lengthOf(key), 1, 127) &&
            lengthOf(value) <= 256 &&
            !isOfAws(key) &&
            !['encrypted', 'copiedfromami', 'imagecopier'].includes(key.toLowerCase()),
        ),
      'at most 47, keys of 1 to 127 and values of up to 256 characters; no key begins with aws: or is Encrypted, CopiedFromAMI or ImageCopier',
    ),
  ],
  copy_within_minutes: [oneOf(MINUTES, `${MINUTES.slice(0, -1).join(', ')} or ${MINUTES.at(-1) ?? ''}`)],
  environment_variables: [
    map(
      (variables) =>
        variables.every(([name]) => /^[A-Za-z][A-Za-z0-9_]+$/u.test(name) && !OWN_VARIABLES.includes(name)),
      "names of two letters, digits and underscores or more, the first a letter; none of the functions' own (own_variables in main.tf)",
    ),
  ],
  failed_copy_delay_seconds: [whole(0, 900)],
  key_deletion_window_days: [whole(7, 30)],
  key_policy_statements: [
    statements(
      (all) =>
        all.every(
          ({ actions, principals }) =>
            actions.length > 0 &&
            Object.keys(principals).length > 0 &&
            Object.keys(principals).every((kind) => ['AWS', 'Federated', 'Service'].includes(kind)),
        ),
      'each needs at least one action and one principal; the effect is Allow or Deny, a kind of principals is AWS, Federated or Service',
    ),
    statements(
      (all) => {
        const sids = [...all.map(({ sid }) => sid), ...KEY_POLICY_SIDS];
        return new Set(sids).size === sids.length && sids.every((sid) => /^[A-Za-z0-9]+$/u.test(sid));
      },
      `each sid is of letters and digits, and no other statement has it, nor one of the module: ${KEY_POLICY_SIDS.join(', ')}`,
    ),
  ],
  key_rotation_period_days: [whole(90, 2560)],
  kms_key_arn: SHARED.log_kms_key_arn,
  memory_size: [whole(128, 10_240)],
  name: [text((name) => /^[A-Za-z0-9_-]{1,36}$/u.test(name), '1 to 36 letters, digits, hyphens and underscores')],
  overdue_hours: [whole(1, 720)],
  parameter_path: [
    text(
      (path) => /^(\/[A-Za-z0-9_.-]+){1,14}$/u.test(path) && !/^\/(aws|ssm)/iu.test(path) && path.length <= 500,
      '1 to 14 levels such as /image-copier, each of letters, digits, dots, hyphens and underscores, without a slash at the end; not beginning with /aws or /ssm',
    ),
  ],
  recipe_tag: [
    text((key) => isBetween(lengthOf(key), 1, 127) && !isOfAws(key), '1 to 127 characters, not beginning with aws:'),
  ],
  reconcile_newest: [whole(0, 10)],
  reconcile_regions: [
    texts(
      (names) => names.every((name) => /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$/u.test(name)),
      'each must be the name of a Region, for example eu-west-1',
    ),
  ],
  request_delay_seconds: [whole(0, 900)],
  retention: [
    retention('keep_newest', 1, Infinity, 'at least 1'),
    retention('min_age_days', 0, Infinity, 'at least 0'),
    retention('quarantine_days', 0, 365, 'from 0 to 365'),
  ],
  retire_tagged: [
    map(
      (tags) =>
        tags.length <= 10 &&
        tags.every(
          ([key, value]) =>
            TAG_KEY.test(key) &&
            TAG_VALUE.test(value) &&
            lengthOf(key) <= 127 &&
            lengthOf(value) <= 256 &&
            !isOfAws(key) &&
            !['imagecopier', 'imagecopierend'].includes(key.toLowerCase()),
        ),
      'at most 10, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 127 and values of up to 256 characters; no key begins with aws: or is ImageCopier or ImageCopierEnd',
    ),
  ],
  retry_hours: [whole(6, 96)],
  rollback_depth: [whole(0, 100)],
  source_key_arns: [
    texts(
      (arns) => arns.every((arn) => ARN_OF_KEY.test(arn)),
      'each must be the ARN of a key, not of an alias, for example arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    ),
  ],
  trusted_owner_ids: [
    texts(
      (ids) => ids.length > 0 && ids.every((id) => /^[0-9]{12}$/u.test(id)),
      'at least one account ID, each a string of 12 digits, in quotes; or null for the account of the topic',
    ),
  ],
};

/** Those of the module source-account. */
export const SOURCE_LIMITS: Limits = {
  ...SHARED,
  alarm_actions: [alarmActions('111111111111')],
  housekeeping_topic_name: [
    text((name) => /^[A-Za-z0-9_-]{1,237}$/u.test(name), '1 to 237 letters, digits, hyphens and underscores'),
  ],
  overdue_hours: [whole(1, 312)],
  publisher: [
    {
      holds: (value) => isBetween((value as { readonly recipe_tag?: string }).recipe_tag?.length ?? 1, 1, 127),
      text: 'recipe_tag has 1 to 127 characters',
    },
    ofOrganization(
      ({ role_arn }) => /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[!-~]+$/u.test(role_arn),
      'role_arn of organization is the ARN of a role, for example arn:aws:iam::999999999999:role/read-units',
    ),
    ofOrganization(
      ({ unit_ids }) =>
        isBetween(unit_ids.length, 1, 20) &&
        unit_ids.every((id) => /^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$/u.test(id)),
      'organization has 1 to 20 unit_ids, of units such as ou-ab12-1a2b3c4d, or of the root, r-ab12',
    ),
    ofOrganization(
      ({ regions }) =>
        isBetween(regions.length, 1, 40) &&
        regions.every((region) => /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$/u.test(region)),
      'organization has 1 to 40 regions, such as eu-west-1',
    ),
  ],
};

function alarmActions(account: string): Limit {
  return texts(
    (arns) => arns.every((arn) => /^arn:aws[a-z-]*:[a-z0-9-]+:/u.test(arn)),
    `each action must be an ARN, for example arn:aws:sns:eu-west-1:${account}:on-call`,
  );
}

// The schema has seen to the types before a limit is asked.

function text(holds: (value: string) => boolean, words: string): Limit {
  return { holds: (value) => holds(value as string), text: words };
}

function texts(holds: (values: readonly string[]) => boolean, words: string): Limit {
  return { holds: (value) => holds(value as readonly string[]), text: words };
}

function map(holds: (entries: readonly (readonly [string, string])[]) => boolean, words: string): Limit {
  return { holds: (value) => holds(Object.entries(value as Readonly<Record<string, string>>)), text: words };
}

function statements(holds: (all: readonly Statement[]) => boolean, words: string): Limit {
  return { holds: (value) => holds(value as unknown as readonly Statement[]), text: words };
}

interface Organization {
  readonly regions: readonly string[];
  readonly role_arn: string;
  readonly unit_ids: readonly string[];
}

function ofOrganization(holds: (organization: Organization) => boolean, words: string): Limit {
  return {
    holds: (value) => {
      const { organization } = value as { readonly organization?: Organization };
      return organization === undefined || holds(organization);
    },
    text: words,
  };
}

interface Statement {
  readonly sid: string;
  readonly actions: readonly string[];
  readonly principals: Readonly<Record<string, unknown>>;
}

function vpc(input: string, most: number, pattern: RegExp, words: string): Limit {
  return {
    holds: (value) => {
      const ids = (value as Readonly<Record<string, readonly string[]>>)[input] ?? [];
      return isBetween(ids.length, 1, most) && ids.every((id) => pattern.test(id));
    },
    text: words,
  };
}

function approval(holds: (value: ApprovalInput) => boolean, words: string): Limit {
  return { holds: (value) => holds(value as ApprovalInput), text: words };
}

interface ApprovalInput {
  readonly shared_tag?: string;
  readonly watermark?: string;
}

/** A number of a retention policy, and of each recipe that has one of its own. */
function retention(input: keyof RetentionNumbers, from: number, to: number, words: string): Limit {
  return {
    holds: (value) => {
      const { recipes = {}, ...rest } = value as unknown as RetentionNumbers & {
        readonly recipes?: Readonly<Record<string, RetentionNumbers>>;
      };
      return [rest, ...Object.values(recipes)].every(
        ({ [input]: count = from }) => Number.isInteger(count) && isBetween(count, from, to),
      );
    },
    text: `${input} is a whole number ${words}`,
  };
}

interface RetentionNumbers {
  readonly keep_newest?: number;
  readonly min_age_days?: number;
  readonly quarantine_days?: number;
}

function whole(from: number, to: number, words = `a whole number from ${from} to ${to}`): Limit {
  return { holds: (value) => Number.isInteger(value) && isBetween(value as number, from, to), text: words };
}

function oneOf(values: readonly InputValue[], words: string): Limit {
  return { holds: (value) => values.includes(value), text: words };
}

function isBetween(value: number, from: number, to: number): boolean {
  return value >= from && value <= to;
}

/** In characters. What Terraform takes for one that is written as several counts as several here. */
function lengthOf(value: string): number {
  return Array.from(value).length;
}

/** Whether a tag is one of those that AWS alone may set (EC2 API Reference, Tag). */
function isOfAws(key: string): boolean {
  return key.toLowerCase().startsWith('aws:');
}
