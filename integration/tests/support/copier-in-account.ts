import { isDeepStrictEqual } from 'node:util';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetDashboardCommand,
  ListDashboardsCommand,
} from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
} from '@aws-sdk/client-iam';
import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
} from '@aws-sdk/client-kms';
import { LambdaClient, ListEventSourceMappingsCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetSubscriptionAttributesCommand, ListSubscriptionsByTopicCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { formsOf } from '../../../lambda/src/core/copy-request.ts';
import { emulatedAccount, emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { endpoint, REGION } from './emulator.ts';

/** What stands in an account, as AWS describes it: `service/name` and its attributes. */
export type Standing = Readonly<Record<string, unknown>>;

/** What AWS makes up for each resource, or counts: it says nothing of how the resource is set up. */
const INCIDENTAL = new Set([
  // Times.
  ...['AlarmConfigurationUpdatedTimestamp', 'CreatedTimestamp', 'CreateDate', 'CreationDate', 'creationTime'],
  ...['LastModified', 'LastModifiedTimestamp', 'RoleLastUsed', 'StateTransitionedTimestamp', 'StateUpdatedTimestamp'],
  // Ids.
  ...['CurrentKeyMaterialId', 'EventSourceMappingArn', 'RevisionId', 'RoleId', 'SubscriptionArn', 'UUID'],
  // Counts and what happened so far.
  ...['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesDelayed', 'ApproximateNumberOfMessagesNotVisible'],
  ...['LastProcessingResult', 'NextRotationDate', 'StateReason', 'StateReasonData', 'StateValue', 'storedBytes'],
  '$metadata',
]);
const POLICIES = new Set(['AssumeRolePolicyDocument', 'Policy', 'PolicyDocument']);
const JSON_TEXTS = new Set(['DashboardBody', 'EventPattern', 'FilterPolicy', 'RedrivePolicy']);

/**
 * Reads all that makes a copier, from an account that holds nothing else. The ids of the account and of its key are replaced
 * by `<account>` (`<account less 1 zeros>` where zeros are lost) and `<key>`, what AWS makes up is left out, and policies are in one form, so that accounts can be compared.
 */
export async function readCopier(
  accountId: string,
  source: EmulatedAccount,
  topicArns: readonly string[],
): Promise<Standing> {
  const settings = emulatedSettings(endpoint(), accountId, REGION);
  const { kms, sqs } = emulatedAccount(endpoint(), accountId, REGION);
  const parts = await Promise.all([
    readAlarms(new CloudWatchClient(settings)),
    readDashboards(new CloudWatchClient(settings)),
    readFunctions(new LambdaClient(settings)),
    readKeys(kms),
    readLogGroups(new CloudWatchLogsClient(settings)),
    readQueues(sqs),
    readRoles(new IAMClient(settings)),
    readRules(new EventBridgeClient(settings)),
    ...topicArns.map((topicArn) => readSubscriptions(source, topicArn, accountId)),
  ]);
  const standing = Object.assign({}, ...parts) as Record<string, { KeyId?: string }>;
  const key = Object.values(standing).find(({ KeyId }) => KeyId !== undefined)?.KeyId;
  if (key === undefined) throw new Error(`There is no key in account ${accountId}.`);
  // Before lists are sorted: an id that differs would have another place.
  const text = formsOf(accountId)
    .reduce(
      (replaced, form, zeros) => replaced.replaceAll(form, zeros === 0 ? '<account>' : `<account less ${zeros} zeros>`),
      JSON.stringify(standing),
    )
    .replaceAll(key, '<key>');
  return JSON.parse(JSON.stringify(JSON.parse(text), plain)) as Standing;
}

export interface Difference {
  /** Where, as `resource: attribute: attribute of it`. */
  readonly path: string;
  readonly one: unknown;
  readonly other: unknown;
}

/** The values at which two accounts differ. */
export function differences(one: unknown, other: unknown, path = ''): Difference[] {
  if (isObject(one) && (isObject(other) || path.split(': ').length === 1)) {
    const members = isObject(other) ? other : {};
    return Array.from(new Set([...Object.keys(one), ...Object.keys(members)]))
      .sort()
      .flatMap((key) => differences(one[key], members[key], path === '' ? key : `${path}: ${key}`));
  }
  return isDeepStrictEqual(one, other) ? [] : [{ path, one, other }];
}

async function readAlarms(client: CloudWatchClient): Promise<Standing> {
  const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({}));
  return named('alarm', MetricAlarms, 'AlarmName');
}

async function readDashboards(client: CloudWatchClient): Promise<Standing> {
  const { DashboardEntries = [] } = await client.send(new ListDashboardsCommand({}));
  const dashboards = DashboardEntries.map(({ DashboardName }) =>
    client.send(new GetDashboardCommand({ DashboardName })),
  );
  return named('dashboard', await Promise.all(dashboards), 'DashboardName');
}

async function readFunctions(client: LambdaClient): Promise<Standing> {
  const { Functions = [] } = await client.send(new ListFunctionsCommand({}));
  const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand({}));
  return {
    ...named('function', Functions, 'FunctionName'),
    ...named('mapping', EventSourceMappings, 'FunctionArn'),
  };
}

async function readKeys(client: EmulatedAccount['kms']): Promise<Standing> {
  const { Aliases = [] } = await client.send(new ListAliasesCommand({}));
  const own = Aliases.filter(({ AliasName = '' }) => !AliasName.startsWith('alias/aws/'));
  const keys = own.map(async ({ AliasName, TargetKeyId: KeyId }) => {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    const { Policy } = await client.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
    const rotation = await client.send(new GetKeyRotationStatusCommand({ KeyId }));
    return { ...KeyMetadata, ...rotation, KeyId, AliasName, Policy };
  });
  return named('key', await Promise.all(keys), 'AliasName');
}

async function readLogGroups(client: CloudWatchLogsClient): Promise<Standing> {
  const { logGroups = [] } = await client.send(new DescribeLogGroupsCommand({}));
  return named('log group', logGroups, 'logGroupName');
}

async function readQueues(client: EmulatedAccount['sqs']): Promise<Standing> {
  const { QueueUrls = [] } = await client.send(new ListQueuesCommand({}));
  const queues = QueueUrls.map(async (QueueUrl) => {
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    return { ...Attributes, QueueName: QueueUrl.split('/').at(-1) };
  });
  return named('queue', await Promise.all(queues), 'QueueName');
}

async function readRoles(client: IAMClient): Promise<Standing> {
  const { Roles = [] } = await client.send(new ListRolesCommand({}));
  const roles = Roles.map(async ({ RoleName }) => {
    const { Role } = await client.send(new GetRoleCommand({ RoleName }));
    const { PolicyNames = [] } = await client.send(new ListRolePoliciesCommand({ RoleName }));
    const { AttachedPolicies } = await client.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    const policies = PolicyNames.map(async (PolicyName) => {
      const { PolicyDocument } = await client.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      return [PolicyName, { PolicyDocument }] as const;
    });
    return { ...Role, AttachedPolicies, Policies: Object.fromEntries(await Promise.all(policies)) };
  });
  return named('role', await Promise.all(roles), 'RoleName');
}

async function readRules(client: EventBridgeClient): Promise<Standing> {
  const { Rules = [] } = await client.send(new ListRulesCommand({}));
  const rules = Rules.map(async (rule) => {
    const { Targets } = await client.send(new ListTargetsByRuleCommand({ Rule: rule.Name }));
    return { ...rule, Targets };
  });
  return named('rule', await Promise.all(rules), 'Name');
}

async function readSubscriptions({ sns }: EmulatedAccount, TopicArn: string, accountId: string): Promise<Standing> {
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  const subscriptions = Subscriptions.filter(({ Endpoint = '' }) => Endpoint.split(':')[4] === accountId).map(
    async ({ SubscriptionArn }) => {
      const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
      return Attributes ?? {};
    },
  );
  return named('subscription', await Promise.all(subscriptions), 'Endpoint');
}

/** Resources by service and name. */
function named<Name extends string>(
  service: string,
  resources: readonly Readonly<Partial<Record<Name, unknown>>>[],
  name: Name,
): Standing {
  return Object.fromEntries(resources.map((resource) => [`${service} ${String(resource[name])}`, resource]));
}

/** Leaves out what is incidental, and takes apart what AWS gives as text. */
function plain(name: string, value: unknown): unknown {
  if (INCIDENTAL.has(name)) return undefined;
  if (typeof value !== 'string') return value;
  if (POLICIES.has(name)) return inOneForm(JSON.parse(value.startsWith('%') ? decodeURIComponent(value) : value));
  return JSON_TEXTS.has(name) ? (JSON.parse(value) as unknown) : value;
}

/** A policy with its statements by Sid, and each list sorted; a list of one is its item. */
function inOneForm(policy: unknown): unknown {
  const { Statement, ...rest } = policy as { Statement: { Sid?: string }[] };
  return {
    ...rest,
    Statement: Object.fromEntries(Statement.map(({ Sid = '', ...statement }) => [Sid, sorted(statement)])),
  };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 1 ? sorted(value[0]) : value.map(sorted).sort();
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, sorted(member)]))
    : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
