import { HOURS } from './hours.ts';
import { text, type Variable } from './variables.ts';

/** A parameter of a template. */
export interface Parameter {
  readonly Type: 'CommaDelimitedList' | 'String' | 'Number';
  readonly Description: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly AllowedValues?: readonly (string | number)[];
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly MinLength?: number;
  readonly MaxLength?: number;
  readonly ConstraintDescription?: string;
}

/** In place of what cannot be the same in all stacks of a stack set: a path on one machine, and ARNs in each account. */
const IN_PLACE_OF: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = {
  alarm_actions: {
    AlarmTopicAccountId: {
      Type: 'String',
      Description: "ID of the account with the topics for alarms. Without it they are in the stack's own account.",
      Default: '',
      AllowedPattern: '^([0-9]{12})?$',
    },
    AlarmTopicName: {
      Type: 'String',
      Description:
        "Name of the SNS topic, in the stack's own Region, to notify when an alarm starts and when it ends. Without it nobody is told.",
      Default: '',
      AllowedPattern: '^[A-Za-z0-9_-]{0,256}$',
    },
  },
  approval: {
    Approval: {
      Type: 'String',
      Description:
        'What a source image needs before the parameter of its recipe points to a copy of it, as a JSON object: {"watermark":"<name>"}, or {"sharedTag":"<key>"} or {"sharedTag":"<key>=<value>"} for a tag ec2:SharedTag/<key>. Without it every verified copy is pointed to.',
      Default: '',
      AllowedPattern: String.raw`^(\{.*\})?$`,
    },
  },
  copy_tags: {
    CopyTags: {
      Type: 'String',
      Description: 'Tags that every copy and its snapshots get, as a JSON object of names and values.',
      Default: '{}',
      AllowedPattern: String.raw`^\{.*\}$`,
    },
  },
  environment_variables: {
    UseFipsEndpoints: {
      Type: 'String',
      Description: 'Whether the functions call the FIPS endpoints of AWS.',
      Default: 'false',
      AllowedValues: ['true', 'false'],
    },
  },
  function_zip: {
    FunctionBucketPrefix: {
      Type: 'String',
      Description:
        'Start of the names of the buckets with the zip of the functions, one in each Region: <prefix>-<Region>.',
      AllowedPattern: '^[a-z0-9][a-z0-9-]{1,47}$',
    },
    FunctionKey: {
      Type: 'String',
      Description: 'Key of the zip with the functions in these buckets. Another zip has another key.',
      MinLength: 1,
      MaxLength: 1024,
    },
  },
  // The stack lets go of its key when KmsKeyArn is given, and KMS keeps it.
  keep_own_key: {},
  // No parameter can hold them: the module organization puts them into the template.
  key_policy_statements: {},
  permissions_boundary_arn: {
    PermissionsBoundaryName: {
      Type: 'String',
      Description:
        "Path and name of the policy, in the stack's own account, that bounds the permissions of the functions' roles. Without it nothing bounds them.",
      Default: '',
      AllowedPattern: '^([!-~]+)?$',
    },
  },
  retention: {
    Retention: {
      Type: 'String',
      Description:
        'Which copies go by themselves, as a JSON object, for example {"keepNewest":3,"minAgeDays":7,"quarantineDays":7,"recipes":{"ubuntu":{"keepNewest":5}}}. Without it none goes.',
      Default: '',
      AllowedPattern: String.raw`^(\{.*\})?$`,
    },
  },
  // No parameter can be the name of a tag in a policy: the module organization puts them into the template.
  retire_tagged: {},
  // CloudFormation gives the tags of a stack to all that it makes.
  tags: {},
  vpc: {
    SecurityGroupIds: {
      Type: 'CommaDelimitedList',
      Description: 'IDs of the security groups of the functions, with commas between them, if SubnetIds are given.',
      Default: '',
      AllowedPattern: '^(sg-[0-9a-zA-Z]+)?$',
    },
    SubnetIds: {
      Type: 'CommaDelimitedList',
      Description:
        'IDs of the subnets that the functions run in, with commas between them. Without them they run in no VPC.',
      Default: '',
      AllowedPattern: '^(subnet-[0-9a-z]+)?$',
    },
  },
};

/** What a parameter says otherwise than its variable. */
const CHANGES: Readonly<Record<string, Partial<Parameter>>> = {
  housekeeping_topic_arn: {
    Description:
      "ARN of the topic for retirement requests and revocations. Its Region does not count: each stack subscribes to the topic of this name in the stack's own Region. Without it neither reaches the account.",
  },
  runtime: {
    Description: 'Lambda runtime of the functions: nodejs22.x, which AWS deprecates on 2027-04-30, or nodejs24.x.',
  },
  overdue_hours: { ConstraintDescription: 'overdue_hours: 1 to 96, or whole days (a multiple of 24) up to 720.' },
  recipe_tag: { AllowedPattern: '^(?![aA][wW][sS]:).*$' },
  request_topic_arn: {
    Description:
      "ARN of the topic for copy requests. Its Region does not count: each stack subscribes to the topic of this name in the stack's own Region.",
  },
};

/** The parameters of the template, from the variables of the HCL module. */
export function parametersOf(variables: readonly Variable[]): Record<string, Parameter> {
  return Object.fromEntries(
    variables.flatMap((variable) =>
      Object.entries(
        IN_PLACE_OF[variable.name] ?? {
          [parameterName(variable.name)]: { ...parameterOf(variable), ...CHANGES[variable.name] },
        },
      ),
    ),
  );
}

/** A parameter and a resource may not have one name (cfn-lint E3007): the dashboard is a resource. */
const OTHER_NAMES: Readonly<Record<string, string>> = { dashboard: 'WithDashboard' };

/** The name of the parameter that a variable becomes: retry_hours is RetryHours. */
export function parameterName(variable: string): string {
  return OTHER_NAMES[variable] ?? variable.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function parameterOf(variable: Variable): Parameter {
  const { name, type, errorMessage } = variable;
  const base = {
    Description: variable.description,
    ...(errorMessage !== undefined && { ConstraintDescription: errorMessage }),
  };
  switch (type) {
    case 'bool':
      return { ...base, Type: 'String', AllowedValues: ['true', 'false'], ...defaultOf(variable) };
    case 'number':
      return name.endsWith('_hours')
        ? { ...base, ...hours(variable) }
        : { ...base, Type: 'Number', ...numbers(variable), ...defaultOf(variable) };
    case 'string':
    case 'list(string)':
      return { ...base, Type: 'String', ...texts(variable), ...defaultOf(variable) };
    default:
      throw new Error(`${name}: no parameter can have the type ${type}`);
  }
}

/** CloudFormation knows no null and no list in a text: an empty text stands for both. */
function defaultOf({ defaultValue }: Variable): Pick<Parameter, 'Default'> {
  if (defaultValue === undefined) return {};
  if (defaultValue === 'null' || defaultValue === '[]') return { Default: '' };
  if (defaultValue.startsWith('"')) return { Default: text(defaultValue) };
  return { Default: /^[0-9]+$/.test(defaultValue) ? Number(defaultValue) : defaultValue };
}

/** CloudFormation has no arithmetic: it can turn into seconds the hours of a table (hours.ts), whose rows it finds by text. */
function hours({ name, defaultValue, conditions }: Variable): Omit<Parameter, 'Description'> {
  const { MinValue = 0, MaxValue = Infinity } = limits(conditions, `var.${name}`, 'MinValue', 'MaxValue');
  return {
    Type: 'String',
    AllowedValues: HOURS.filter((count) => count >= MinValue && count <= MaxValue).map(String),
    ...(defaultValue !== undefined && { Default: defaultValue }),
  };
}

function numbers({ name, conditions }: Variable): Partial<Parameter> {
  return { ...allowedValues(conditions), ...limits(conditions, `var.${name}`, 'MinValue', 'MaxValue') };
}

function texts(variable: Variable): Partial<Parameter> {
  const { name, conditions } = variable;
  return {
    ...allowedValues(conditions),
    ...limits(conditions, `length(var.${name})`, 'MinLength', 'MaxLength'),
    ...allowedPattern(variable),
  };
}

function allowedValues(conditions: readonly string[]): Pick<Parameter, 'AllowedValues'> {
  const list = conditions.map((condition) => /^contains\((\[.+\]), var\.\w+\)$/.exec(condition)?.[1]).find(Boolean);
  return list === undefined ? {} : { AllowedValues: JSON.parse(list) as (string | number)[] };
}

function limits<Min extends string, Max extends string>(
  conditions: readonly string[],
  what: string,
  min: Min,
  max: Max,
): Partial<Record<Min | Max, number>> {
  const limit = (operator: string) =>
    conditions
      .flatMap((condition) => condition.split(' && '))
      .filter((part) => part.startsWith(`${what} ${operator} `))
      .map((part) => Number(part.slice(`${what} ${operator} `.length)))[0];
  const [least, most] = [limit('>='), limit('<=')];
  return {
    ...(least !== undefined && { [min]: least }),
    ...(most !== undefined && { [max]: most }),
  } as Partial<Record<Min | Max, number>>;
}

/** The pattern of a text, or of a list's items with commas between them. */
function allowedPattern({ type, defaultValue, conditions }: Variable): Pick<Parameter, 'AllowedPattern'> {
  const hcl = conditions
    .map((condition) => /(?<!!)can\(regex\(("(?:[^"\\]|\\.)+"), \w/.exec(condition)?.[1])
    .find(Boolean);
  if (hcl === undefined) return {};
  const item = text(hcl).slice(1, -1);
  const whole = type === 'list(string)' ? `${item}(,${item})*` : item;
  return { AllowedPattern: defaultValue === 'null' || defaultValue === '[]' ? `^(${whole})?$` : `^${whole}$` };
}
