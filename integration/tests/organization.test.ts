import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { CreatePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteTopicCommand } from '@aws-sdk/client-sns';
import {
  emulatedAccount,
  emulatedEnvironment,
  emulatedSettings,
  withoutAws,
} from '../../scripts/dev/emulated-account.ts';
import { ZIP } from '../../scripts/dev/lambda-bundle.ts';
import { formsOf } from '../../lambda/src/core/copy-request.ts';
import { CACHE, ROOT } from '../../scripts/tool/common/paths.ts';
import { TerraformRoot } from '../../scripts/tool/deploy/terraform-root.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { parameterName } from '../../terraform/template/parameters.ts';
import { imageCopierTemplate } from '../../terraform/template/template.ts';
import { differences, readCopier, type Difference, type Standing } from './support/copier-in-account.ts';
import { endpoint, joinOrganization, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';
import { createSourceTopic } from '../../scripts/dev/source-topics.ts';

const TIMEOUT_MS = 900_000;
const EXPLICIT_DENY = 'with an explicit deny in a resource-based policy';
const STACK_NAME = 'image-copier';
const WORK = join(CACHE, 'test', 'organization');
const template = imageCopierTemplate();
const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const topics = { housekeeping: '', request: '', results: '' };
/** Bucket names are unique among all accounts. */
const bucketPrefix = `image-copier-${source.id}`;
const ORGANIZATION = 'o-a1b2c3d4e5';
let artifacts: TerraformRoot;
let functionKey: string;
/** Longer than what CloudFormation takes in a call. */
let templateUrl: string;
/** The key that the organization made, by account. */
const organizationsKeys = new Map<string, string>();

type Shared = Readonly<Record<string, boolean | number | string | readonly string[]>>;
type Inputs = Readonly<Record<string, Shared[string] | Readonly<Record<string, unknown>>>>;

interface Scenario {
  readonly inputs: string;
  /** The account that the module is applied in. */
  readonly byModule: string;
  /** The account that has a stack of the template. */
  readonly byTemplate: string;
  /** The inputs that the module and the template share. */
  readonly shared: (accountId: string) => Shared;
  /** Inputs of the module alone, and the parameters that stand for them. */
  readonly ofModule: (accountId: string) => Inputs;
  readonly ofTemplate: Readonly<Record<string, string>>;
}

/** The log groups of the template, and the functions that they are for. */
const LOGS = { CopyImageLog: 'copy-image', RetireImageLog: 'retire-image', SettleCopyLog: 'settle-copy' };
const OTHERS = 'each input other than its default';
const OWN_KEY = 'a key of the organization';
const scenarios: readonly Scenario[] = [
  {
    inputs: 'only the inputs that are required',
    byModule: newAccountId(),
    byTemplate: newAccountId(),
    shared: () => ({ request_topic_arn: topics.request }),
    ofModule: () => ({}),
    ofTemplate: {},
  },
  {
    inputs: OTHERS,
    byModule: newAccountId(),
    byTemplate: newAccountId(),
    shared: () => ({
      age_alarm_seconds: 600,
      architecture: 'x86_64',
      copy_deprecation: false,
      copy_within_minutes: 45,
      dashboard: true,
      deletion_protection: false,
      failed_copy_delay_seconds: 60,
      filter_enabled: false,
      housekeeping_topic_arn: topics.housekeeping,
      // What KMS would wait is seen in the deletion alone: terraform/template/test has it.
      key_deletion_window_days: 7,
      key_rotation_period_days: 180,
      log_kms_key_arn: `arn:aws:kms:${REGION}:${source.id}:key/logs`,
      log_retention_days: 90,
      memory_size: 512,
      name: 'copier_2',
      overdue_hours: 120,
      parameter_path: '/images/newest',
      recipe_tag: 'Role',
      reconcile_newest: 3,
      reconcile_regions: ['us-east-1', 'eu-central-1'],
      request_delay_seconds: 30,
      request_topic_arn: topics.request,
      results_topic_arn: topics.results,
      retry_hours: 13,
      role_path: '/organization/copier/',
      rollback_depth: 5,
      source_key_arns: ['1', '2'].map((id) => `arn:aws:kms:${REGION}:${source.id}:key/${id}`),
      trusted_owner_ids: [source.id, '012345678901'],
    }),
    ofModule: (accountId) => ({
      alarm_actions: [`arn:aws:sns:${REGION}:${accountId}:on-call`],
      approval: { watermark: 'approved' },
      environment_variables: { AWS_USE_FIPS_ENDPOINT: 'true' },
      permissions_boundary_arn: `arn:aws:iam::${accountId}:policy/organization/boundary`,
      retention: {
        keep_newest: 3,
        min_age_days: 7,
        quarantine_days: 7,
        recipes: { ubuntu: { keep_newest: 5 } },
      },
    }),
    ofTemplate: {
      AlarmTopicName: 'on-call',
      Approval: '{"watermark":"approved"}',
      PermissionsBoundaryName: 'organization/boundary',
      Retention: '{"keepNewest":3,"minAgeDays":7,"quarantineDays":7,"recipes":{"ubuntu":{"keepNewest":5}}}',
      Runtime: 'nodejs24.x',
      UseFipsEndpoints: 'true',
    },
  },
  {
    inputs: OWN_KEY,
    // With zeros at their start, which a request may have lost.
    byModule: newAccountId().replace(/^.{4}/, '0001'),
    byTemplate: newAccountId().replace(/^.{4}/, '0001'),
    shared: (accountId) => ({
      deletion_protection: false,
      kms_key_arn: organizationsKeys.get(accountId) ?? '',
      request_topic_arn: topics.request,
    }),
    ofModule: () => ({ copy_tags: { CostCenter: '4711' } }),
    ofTemplate: { CopyTags: '{"CostCenter":"4711"}' },
  },
];

/** Each difference that may be there, and why. `declared` gives what the template says, where LocalStack does not do it. */
const EXPLAINED: readonly {
  readonly where: RegExp;
  readonly why: string;
  /** The scenario in which it is there, if not in each. */
  readonly inputs?: string;
  readonly declared?: (parameters: Readonly<Record<string, string>>, accountId: string) => unknown;
}[] = [
  {
    where: /^dashboard \S+: DashboardBody$/,
    why: 'LocalStack has no AWS::CloudWatch::Dashboard',
    inputs: OTHERS,
    declared: (parameters, accountId) => {
      const body = resolved(template.Resources['Dashboard']?.Properties['DashboardBody'], parameters, accountId);
      return JSON.parse(body.replaceAll(accountId, '<account>')) as unknown;
    },
  },
  {
    where: /^dashboard \S+: DashboardName$/,
    why: 'LocalStack has no AWS::CloudWatch::Dashboard',
    inputs: OTHERS,
    declared: (parameters, accountId) =>
      resolved(template.Resources['Dashboard']?.Properties['DashboardName'], parameters, accountId),
  },
  {
    where: /^dashboard \S+: DashboardArn$/,
    why: 'LocalStack has no AWS::CloudWatch::Dashboard',
    inputs: OTHERS,
  },
  {
    where: /^key \S+: RotationPeriodInDays$/,
    why: "LocalStack ignores a key's RotationPeriodInDays",
    inputs: OTHERS,
    declared: (parameters, accountId) =>
      Number(resolved(template.Resources['ImageKey']?.Properties['RotationPeriodInDays'], parameters, accountId)),
  },
  { where: /^function \S+: Runtime$/, why: 'AWS provider 5.100 refuses nodejs24.x', inputs: OTHERS },
  ...Object.entries(LOGS).map(([log, name]) => ({
    where: new RegExp(String.raw`^log group \S+-${name}: kmsKeyId$`),
    why: "LocalStack ignores a log group's KmsKeyId",
    inputs: OTHERS,
    declared: (parameters: Readonly<Record<string, string>>, accountId: string) => {
      const keyId = template.Resources[log]?.Properties['KmsKeyId'] as { 'Fn::If': readonly unknown[] } | undefined;
      return resolved(keyId?.['Fn::If'][1], parameters, accountId);
    },
  })),
  ...Object.entries(LOGS).map(([log, name]) => ({
    where: new RegExp(String.raw`^log group \S+-${name}: retentionInDays$`),
    why: "LocalStack ignores a log group's RetentionInDays",
    declared: (parameters: Readonly<Record<string, string>>, accountId: string) =>
      Number(resolved(template.Resources[log]?.Properties['RetentionInDays'], parameters, accountId)),
  })),
  {
    where: /^queue \S+-(?:requests|retirements): RedrivePolicy: maxReceiveCount$/,
    why: 'a table of a template holds text, which SQS takes for the number; LocalStack keeps it as text',
    declared: ({ RetryHours = '' }) => Number(template.Mappings['Hours']?.[RetryHours]?.D),
  },
  { where: /^rule \S+: Targets: 0: Id$/, why: "Terraform makes up a target's id" },
];

beforeAll(async () => {
  const accounts = scenarios.flatMap(({ byModule, byTemplate }) => [byModule, byTemplate]);
  topics.request = await createSourceTopic(source, 'notify', 'sns:Subscribe', accounts);
  topics.housekeeping = await createSourceTopic(source, 'housekeeping', 'sns:Subscribe', accounts);
  topics.results = await createSourceTopic(source, 'notify-results', 'sns:Publish', accounts);
  artifacts = terraform(writeArtifacts(), source.id, {});
  const withKey = scenarios.find(({ inputs }) => inputs === OWN_KEY);
  for (const account of [withKey?.byModule, withKey?.byTemplate].filter((each) => each !== undefined)) {
    organizationsKeys.set(account, await createKey(account));
  }
  // At once: they wait for AWS to settle, not for each other.
  await Promise.all([
    apply(artifacts),
    ...scenarios.map(async ({ byModule, shared, ofModule }) => {
      await createBoundary(byModule);
      await apply(terraform(folderOf('image-copier'), byModule, { ...shared(byModule), ...ofModule(byModule) }));
    }),
  ]);
  const outputs = await artifacts.outputs();
  functionKey = String(outputs['function_key']);
  templateUrl = String(outputs['template_url']);
}, TIMEOUT_MS);

afterAll(async () => {
  for (const TopicArn of Object.values(topics)) await source.sns.send(new DeleteTopicCommand({ TopicArn }));
}, TIMEOUT_MS);

describe.each(scenarios)(
  'the module and the template, with $inputs',
  ({ inputs, byModule, byTemplate, shared, ofTemplate }) => {
    const explained = EXPLAINED.filter((difference) => [undefined, inputs].includes(difference.inputs));
    const cloudFormation = new CloudFormationClient(emulatedSettings(endpoint(), byTemplate, REGION));
    const { kms } = emulatedAccount(endpoint(), byTemplate, REGION);
    let parameters: Record<string, string>;
    let found: readonly Difference[];

    beforeAll(async () => {
      const given = { ...parametersOf(shared(byTemplate)), ...ofTemplate };
      await createBoundary(byTemplate);
      // Only accounts of the organization read from the bucket.
      await joinOrganization(byTemplate, ORGANIZATION);
      await createStack(given);
      const [module, stack] = await Promise.all([byModule, byTemplate].map(read));
      parameters = { ...defaults(), ...given };
      found = differences(module, stack);
    }, TIMEOUT_MS);

    afterAll(async () => {
      await leaveAccount(emulatedAccount(endpoint(), byModule, REGION));
    });

    it('differ in nothing that is not explained', () => {
      expect(found.filter(({ path }) => !explained.some(({ where }) => where.test(path)))).toEqual([]);
    });

    it.each(explained)('differ at $where: $why', ({ where, declared }) => {
      const here = found.filter(({ path }) => where.test(path));

      expect(here.length).toBeGreaterThan(0);
      if (!declared) return;
      for (const { one } of here) expect(declared(parameters, byTemplate)).toEqual(one);
    });

    it('let requests pass for each form of the account id', async () => {
      const filter = (standing: Standing) =>
        Object.entries(standing).flatMap(([name, attributes]) =>
          /^subscription .*-requests$/.test(name) ? [(attributes as { FilterPolicy?: unknown }).FilterPolicy] : [],
        );
      const shortForms = formsOf(byModule).slice(1);
      const targetAccounts = ['<account>', ...shortForms.map((_, i) => `<account less ${i + 1} zeros>`), '*'];
      const expected = shared(byModule)['filter_enabled'] === false ? undefined : { targetAccounts };

      expect(filter(await read(byModule))).toEqual([expected]);
      expect(filter(await read(byTemplate))).toEqual([expected]);
      expect(shortForms).toHaveLength(inputs === OWN_KEY ? 3 : 0);
    });

    it('have functions that run, on either runtime', async () => {
      const lambda = new LambdaClient(emulatedSettings(endpoint(), byTemplate, REGION));
      const Payload = JSON.stringify({ Records: [] });
      const answers = Object.values(LOGS).map(async (name) => {
        const FunctionName = `${parameters['Name'] ?? ''}-${name}`;
        const { StatusCode, FunctionError } = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
        return { StatusCode, FunctionError };
      });

      const answered = { StatusCode: 200, FunctionError: undefined };
      expect(await Promise.all(answers)).toEqual(Object.values(LOGS).map(() => answered));
    });

    it('stand in the way of a second stack, which takes nothing away', async () => {
      const before = await read(byTemplate);

      await expect(createStack(parameters, 'second')).rejects.toThrow('The stack ended as');

      expect(differences(before, await read(byTemplate))).toEqual([]);
    });

    it('keep the key when the stack is deleted, and let nobody delete it while it is protected', async () => {
      const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: STACK_NAME }));
      const KeyId = stack?.Outputs?.find(({ OutputKey }) => OutputKey === 'KeyArn')?.OutputValue;
      await cloudFormation.send(new DeleteStackCommand({ StackName: STACK_NAME }));
      await waitFor('the deletion of the stack', async () =>
        (await statusOf(stack?.StackId)) === 'DELETE_COMPLETE' ? true : undefined,
      );

      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata?.KeyState).toBe('Enabled');
      const deletion = kms.send(new ScheduleKeyDeletionCommand({ KeyId }));
      if (parameters['DeletionProtection'] === 'true') await expect(deletion).rejects.toThrow(EXPLICIT_DENY);
      else await deletion;
    });

    async function createStack(given: Readonly<Record<string, string>>, StackName = STACK_NAME): Promise<void> {
      const { StackId } = await cloudFormation.send(
        new CreateStackCommand({
          StackName,
          TemplateURL: templateUrl,
          Capabilities: ['CAPABILITY_NAMED_IAM'],
          Parameters: Object.entries(given).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
        }),
      );
      const status = await waitFor('the stack', async () => {
        const now = await statusOf(StackId);
        return now?.endsWith('_IN_PROGRESS') ? undefined : now;
      });
      if (status !== 'CREATE_COMPLETE') throw new Error(`The stack ended as ${status}.`);
    }

    async function statusOf(StackName: string | undefined) {
      const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return stack?.StackStatus;
    }
  },
);

it('compares other values than the defaults for each parameter', () => {
  const given = Object.fromEntries(
    scenarios.flatMap(({ byTemplate, shared, ofTemplate }) =>
      Object.entries({ ...parametersOf(shared(byTemplate)), ...ofTemplate }),
    ),
  );
  const same = Object.entries(template.Parameters).filter(
    ([name, { Default = '' }]) => given[name] === undefined || given[name] === String(Default),
  );

  // The account of the alarms' topic has no counterpart in the module, which takes whole ARNs. The others name what each account has
  // under another id: terraform/template/test has them.
  expect(same.map(([name]) => name)).toEqual([
    'AlarmTopicAccountId',
    'CodeSigningConfigArn',
    'SecurityGroupIds',
    'SubnetIds',
  ]);
});

/** The policy that bounds the roles: with one that is not there they may do nothing. */
async function createBoundary(accountId: string): Promise<void> {
  const iam = new IAMClient(emulatedSettings(endpoint(), accountId, REGION));
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });
  await iam.send(new CreatePolicyCommand({ Path: '/organization/', PolicyName: 'boundary', PolicyDocument }));
}

/** A configuration that has the bucket with the zip, and the template beside it as the module organization puts it there. */
function writeArtifacts(): string {
  const directory = join(WORK, 'artifacts', source.id);
  mkdirSync(directory, { recursive: true });
  const configuration = {
    module: {
      artifacts: {
        source: folderOf('artifact-bucket'),
        // Terraform copies a module that is named by its absolute path, away from its default zip.
        function_zips: [ZIP],
        prefix: bucketPrefix,
        organization_id: ORGANIZATION,
      },
    },
    resource: {
      aws_s3_object: {
        template: {
          bucket: '${module.artifacts.bucket}',
          key: 'image-copier/template.json',
          content: '${file("template.json")}',
        },
      },
    },
    output: {
      function_key: { value: '${module.artifacts.function_key}' },
      template_url: {
        value: `https://\${module.artifacts.bucket}.s3.${REGION}.amazonaws.com/\${aws_s3_object.template.key}`,
      },
    },
  };
  writeFileSync(join(directory, 'main.tf.json'), JSON.stringify(configuration));
  writeFileSync(join(directory, 'template.json'), JSON.stringify(template));
  return directory;
}

/** A key with an alias, by which readCopier finds it. */
async function createKey(accountId: string): Promise<string> {
  const { kms } = emulatedAccount(endpoint(), accountId, REGION);
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/organization', TargetKeyId: KeyMetadata?.KeyId }));
  return KeyMetadata?.Arn ?? '';
}

function folderOf(module: string): string {
  return join(ROOT, 'terraform', 'modules', module);
}

function terraform(directory: string, accountId: string, variables: Inputs): TerraformRoot {
  return new TerraformRoot({
    directory,
    workDirectory: join(WORK, accountId),
    variables,
    env: { ...withoutAws(), ...emulatedEnvironment(endpoint(), accountId, REGION) },
  });
}

async function apply(root: TerraformRoot): Promise<void> {
  await root.init();
  await root.apply();
}

async function read(accountId: string): Promise<Standing> {
  return await readCopier(accountId, source, [topics.request, topics.housekeeping]);
}

/** The parameters that stand for inputs of the module: a list has commas between its items. */
function parametersOf(inputs: Shared): Record<string, string> {
  const parameters = Object.entries(inputs).map(([name, value]) => [parameterName(name), String(value)]);
  return Object.fromEntries([
    ...parameters,
    ['FunctionBucketPrefix', bucketPrefix],
    ['FunctionKey', functionKey],
  ]) as Record<string, string>;
}

function defaults(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(template.Parameters).map(([name, { Default = '' }]) => [name, String(Default)]),
  );
}

/** What a Ref or an Fn::Sub of parameters comes to. */
function resolved(value: unknown, parameters: Readonly<Record<string, string>>, accountId: string): string {
  const known: Record<string, string> = {
    ...parameters,
    'AWS::AccountId': accountId,
    'AWS::Partition': 'aws',
    'AWS::Region': REGION,
  };
  const { Ref: name, 'Fn::Sub': text } = value as { Ref?: string; 'Fn::Sub'?: string };
  return (text ?? `\${${name ?? ''}}`).replaceAll(/\$\{([^}]+)\}/g, (_, key: string) => known[key] ?? `no ${key}`);
}
