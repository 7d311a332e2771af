import { beforeAll, afterAll, expect } from '@jest/globals';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { CreateKeyCommand, DescribeKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import { ListSubscriptionsCommand } from '@aws-sdk/client-sns';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { emulatedAccount, emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import { AWS_CLI } from '../../../scripts/dev/localstack/install.ts';
import { renderPolicies } from '../../../scripts/dev/permissions.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { ownImages, tagOf } from '../../../scripts/tool/common/copies.ts';
import { bakeImage, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { startCommand, type Ended } from '../support/command.ts';
import { denials, type Denial } from '../support/decisions.ts';
import { endpoint, injectFault, newAccountId, REGION } from '../support/emulator.ts';
import { leaveAccount } from '../support/leave-account.ts';
import { withAttachedProvider } from '../support/operators-environment.ts';
import { withoutActions } from '../support/role-policy.ts';
import { Rollout } from '../support/rollout.ts';
import { runHere } from '../support/run-here.ts';

export const DEPLOY_TIMEOUT_MS = 900_000;
// As Rollout names it.
export const TOPIC = 'amigo-TEST-notify';
/** IAM User Guide, "IAM and AWS STS quotas": of a managed policy, which is shorter than an inline one may be. */
const MAX_POLICY_LENGTH = 6144;

export const rollout = new Rollout();
export const source = emulatedAccount(endpoint(), rollout.source, REGION);
export const target = emulatedAccount(endpoint(), newAccountId(), REGION);
export const targets = { web: { id: target.id } };
/** With all that the source account can have. */
export const SOURCE_INPUTS = { publisher: {} };
export const environment = withAttachedProvider();

/** The policy of each role, in the source account and in the target account. */
export const ROLES = {
  deployer: { source: 'deploy-source', target: 'deploy-target' },
  reader: { source: 'read', target: 'read' },
  requester: { source: 'request', target: 'read' },
  operator: { source: 'request', target: 'operate' },
  retirer: { source: 'read', target: 'retire' },
  // It asks nothing of target accounts.
  revoker: { source: 'revoke', target: 'read' },
} as const;
export type Role = keyof typeof ROLES;
export type Place = 'source' | 'target';
export type PolicyName = (typeof ROLES)[Role][Place];

const accounts = { source: source.id, target: target.id };
let policies: Record<string, string>;
let bakes = 0;

beforeAll(async () => {
  rollout.write(targets, { deletion_protection: false }, SOURCE_INPUTS);
  policies = await renderPolicies(rollout.out, { topic_name: TOPIC, publisher: 'true' }, environment);
  const Trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: OPERATORS_ACCOUNT } };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [Trust] });
  for (const { role, place, policy } of holdings()) {
    expect(publishedPolicy(policy).length).toBeLessThanOrEqual(MAX_POLICY_LENGTH);
    await iamOf(place).send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument }));
    await give(role, place);
  }
}, DEPLOY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, target].map(leaveAccount));
  rollout.remove();
});

/** A policy as the module writes it. */
export function publishedPolicy(name: PolicyName): string {
  const policy = policies[name];
  if (policy === undefined) throw new Error(`There is no policy ${name}.`);
  return policy;
}

/** Who has which policy where. */
export function holdings(): { role: Role; place: Place; policy: PolicyName; roleArn: string }[] {
  return (Object.keys(ROLES) as Role[]).flatMap((role) =>
    (['source', 'target'] as const).map((place) => ({
      role,
      place,
      policy: ROLES[role][place],
      roleArn: `arn:aws:iam::${accounts[place]}:role/${role}`,
    })),
  );
}

/** Gives a role its policy, without some of its actions. */
export async function give(role: Role, place: Place, taken: ReadonlySet<string> = new Set()): Promise<void> {
  const PolicyDocument = withoutActions(publishedPolicy(ROLES[role][place]), (action) => taken.has(action));
  await iamOf(place).send(new PutRolePolicyCommand({ RoleName: role, PolicyName: 'published', PolicyDocument }));
}

/** What a role was denied in an account. */
export async function denialsOf(role: Role, place: Place): Promise<Denial[]> {
  const session = `arn:aws:sts::${accounts[place]}:assumed-role/${role}/`;
  return (await denials()).filter(({ principal }) => principal.startsWith(session));
}

/** Whether a text says that an action was not allowed. SNS and SQS write actions in ways of their own. */
export function saysDenied(text: string, action: string): boolean {
  return new RegExp(`not authorized to perform: ${action} on`, 'i').test(text);
}

/** Runs a command of the tool for the accounts of the file. */
export async function run(role: Role, ...args: string[]) {
  return await runHere([...args, '--accounts-file', rollout.accountsFile, '--role-name', role], environment);
}

/** A key that KMS would delete. */
async function keyInDeletion(): Promise<string> {
  const { KeyMetadata } = await target.kms.send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId ?? '';
  await target.kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  return KeyId;
}

async function keyInUse(): Promise<string> {
  const { KeyMetadata } = await target.kms.send(new DescribeKeyCommand({ KeyId: 'alias/image-copier' }));
  return KeyMetadata?.KeyId ?? '';
}

async function mapping(): Promise<string> {
  const lambda = new LambdaClient(emulatedSettings(endpoint(), target.id, REGION));
  const { EventSourceMappings: [first] = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: 'image-copier-copy-image' }),
  );
  return first?.UUID ?? '';
}

async function subscription(): Promise<string> {
  const { Subscriptions = [] } = await target.sns.send(new ListSubscriptionsCommand({}));
  return Subscriptions.find(({ TopicArn }) => TopicArn?.endsWith(`:${TOPIC}`))?.SubscriptionArn ?? '';
}

/** What doctor prints for the AWS CLI, by the action that it takes. */
const MENDS: Readonly<Record<string, () => Promise<readonly string[]> | readonly string[]>> = {
  'cloudwatch:DescribeAlarmHistory': () => ['cloudwatch', 'describe-alarm-history', '--alarm-name', ALARM],
  'cloudwatch:EnableAlarmActions': () => ['cloudwatch', 'enable-alarm-actions', '--alarm-names', ALARM],
  'events:EnableRule': () => ['events', 'enable-rule', '--name', 'image-copier-sweep'],
  'kms:CancelKeyDeletion': async () => ['kms', 'cancel-key-deletion', '--key-id', await keyInDeletion()],
  'kms:EnableKey': async () => ['kms', 'enable-key', '--key-id', await keyInUse()],
  'kms:EnableKeyRotation': async () => ['kms', 'enable-key-rotation', '--key-id', await keyInUse()],
  'lambda:DeleteFunctionConcurrency': () => [
    ...['lambda', 'delete-function-concurrency', '--function-name', 'image-copier-copy-image'],
  ],
  'lambda:UpdateEventSourceMapping': async () => [
    ...['lambda', 'update-event-source-mapping', '--uuid', await mapping(), '--enabled'],
  ],
  'sns:SetSubscriptionAttributes': async () => [
    ...['sns', 'set-subscription-attributes', '--subscription-arn', await subscription()],
    ...['--attribute-name', 'RawMessageDelivery', '--attribute-value', 'true'],
  ],
};
const ALARM = 'image-copier-settling';
export const MENDED_BY = Object.keys(MENDS);

/** Runs it as an operator, and ends with 1 where it fails: the AWS CLI has other codes. */
export async function mendBy(action: string): Promise<Ended> {
  const chosen = ['--accounts-file', rollout.accountsFile, '--role-name', 'operator', '--only', 'web'];
  const words = (await MENDS[action]?.()) ?? [];
  const { code, ...output } = await startCommand(
    ['exec', ...chosen, '--region', REGION, '--', AWS_CLI, ...words],
    environment,
  ).ended;
  return { code: code === 0 ? 0 : 1, ...output };
}

export async function bake(keyArn?: string): Promise<BakedImage> {
  bakes += 1;
  return await bakeImage(source.ec2, {
    name: `amigo_ubuntu_${bakes}`,
    description: '',
    tags: { Recipe: 'ubuntu' },
    volumeSizes: [8],
    ...(keyArn !== undefined && { keyArn }),
  });
}

/** Bakes an image without a recipe: nothing needs a copy of it. */
export async function bakeUnneeded(): Promise<BakedImage> {
  bakes += 1;
  const recipe = { name: `amigo_unneeded_${bakes}`, description: '', tags: { BuiltBy: 'amigo' } };
  return await bakeImage(source.ec2, { ...recipe, volumeSizes: [8] });
}

/** Makes copies such as the first versions made: their markers do not name their key. */
export async function forgetKeys(): Promise<void> {
  for (const image of await ownImages(target)) {
    const Value = tagOf(image, MARKER)?.replace(/ key=.*/, '');
    await target.ec2.send(new CreateTagsCommand({ Resources: [image.ImageId ?? ''], Tags: [{ Key: MARKER, Value }] }));
  }
}

export async function untilDeadLetter(): Promise<void> {
  await waitFor('a dead letter', async () => {
    const { stdout } = await run('operator', 'dead-letters', 'list', '--json');
    return (JSON.parse(stdout) as unknown[]).length > 0 || undefined;
  });
}

/** Keeps the target account from listing its subscriptions until the returned function is called. */
export async function refuseSubscriptions(): Promise<() => Promise<void>> {
  return await injectFault({
    kind: 'error',
    service: 'sns',
    account: target.id,
    operation: 'ListSubscriptions',
    code: 'AuthorizationError',
    message: 'User is not authorized.',
    status: 403,
  });
}

function iamOf(place: Place): IAMClient {
  return new IAMClient(emulatedSettings(endpoint(), accounts[place], REGION));
}
