import type { ContextEntry } from '@aws-sdk/client-iam';
import type { Environment } from '../common/environment.ts';
import type { COPY_IMAGE_ACTIONS, SETTLE_COPY_ACTIONS } from './called-actions.ts';
import { arnOf, type CheckedCopier } from './finding.ts';
import { functionNames } from './functions.ts';
import { queueNames } from './queues.ts';

/** Calls that a role must be able to make, of one kind: with the same resources and the same condition keys. */
export interface RoleCalls {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly context: readonly ContextEntry[];
}

/** What the roles work with. */
export interface RoleWork {
  readonly keyArn: string | undefined;
  readonly parameterPath: string;
  readonly resultsTopicArn: string | undefined;
}

type Actions<List extends readonly string[]> = Readonly<Record<List[number], readonly Omit<RoleCalls, 'actions'>[]>>;

// IAM does not look whether they exist (IAM API Reference, SimulatePrincipalPolicy, ResourceArns).
const SOME_IMAGE = 'image/ami-0123456789abcdef0';
const SOME_SNAPSHOT = 'snapshot/snap-0123456789abcdef0';
const ANY = { resources: ['*'], context: [] };

/** EBS User Guide, "Requirements for EBS encryption"; GenerateDataKey when the source is encrypted ("Copy a snapshot"). */
export const KEY_ACTIONS = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];
/** What Lambda does for a function whose messages come from a queue (Lambda Developer Guide, "Execution role permissions"). */
const POLLING_ACTIONS = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
const LOG_ACTIONS = ['logs:CreateLogStream', 'logs:PutLogEvents'];

/** The calls of copy-image, and those that AWS makes with its role. */
export function copyImageCalls({ keyArn }: RoleWork, copier: CheckedCopier): RoleCalls[] {
  const queues = queueArns(copier);
  const images = imageArns(copier);
  const called: Actions<typeof COPY_IMAGE_ACTIONS> = {
    'ec2:CopyImage': [
      { resources: [images.image, images.snapshot], context: [text('aws:RequestedRegion', copier.region)] },
    ],
    'ec2:DescribeImages': [ANY],
    'ec2:DescribeSnapshots': [ANY],
    'sqs:ChangeMessageVisibility': [{ resources: [queues.requests], context: [] }],
    'sqs:SendMessage': [{ resources: [queues.deadLetters], context: [] }],
  };
  return [
    ...calls(called),
    // CopyImage is authorized to tag apart from copying (EC2 User Guide, "Grant permission to tag resources on creation").
    {
      actions: ['ec2:CreateTags'],
      resources: [images.image, images.snapshot],
      context: [text('ec2:CreateAction', 'CopyImage')],
    },
    ...(keyArn === undefined ? [] : keyCalls(keyArn, copier)),
    { actions: POLLING_ACTIONS, resources: [queues.requests], context: [] },
    logCalls(functionNames(copier.name).copyImage, copier),
  ];
}

/** The calls of settle-copy, and those that AWS makes with its role. */
export function settleCopyCalls({ parameterPath, resultsTopicArn }: RoleWork, copier: CheckedCopier): RoleCalls[] {
  const queues = queueArns(copier);
  const { image, snapshot } = imageArns(copier);
  const bus = arnOf('events', 'event-bus/default', copier);
  // As lambda/src/core/copy-marker.ts writes it.
  const time = '2026-01-01T00:00:00.000Z';
  const markers = {
    started: `${copier.name} attempt=1 baked=${time}`,
    announcing: `${copier.name} announcing=${time} attempt=1 baked=${time}`,
    announced: `${copier.name} announced=${time} attempt=1 baked=${time}`,
  };
  const marked = (now: keyof typeof markers) => text('aws:ResourceTag/ImageCopier', markers[now]);
  const marking = (next: keyof typeof markers) => text('aws:RequestTag/ImageCopier', markers[next]);
  const markerAlone = texts('aws:TagKeys', 'ImageCopier');
  // The last one is made again if its answer is lost.
  const steps = [
    [marked('started'), marking('announcing')],
    [marked('announcing'), marking('announced')],
    [marked('announced'), marking('announced')],
  ];
  const called: Actions<typeof SETTLE_COPY_ACTIONS> = {
    'ec2:CreateTags': [
      ...steps.map((step) => ({ resources: [image], context: [...step, markerAlone] })),
      { resources: [snapshot], context: [marking('announced')] },
    ],
    'ec2:DeleteSnapshot': [{ resources: [snapshot], context: [marked('started')] }],
    'ec2:DeregisterImage': [{ resources: [image], context: [marked('started')] }],
    'ec2:DescribeImages': [ANY],
    'ec2:DescribeSnapshots': [ANY],
    'ec2:GetEbsEncryptionByDefault': [ANY],
    'events:PutEvents': ['Image Copied', 'Image Copy Failed'].map((detailType) => ({
      resources: [bus],
      context: [texts('events:source', 'image-copier'), texts('events:detail-type', detailType)],
    })),
    'sns:Publish': resultsTopicArn === undefined ? [] : [{ resources: [resultsTopicArn], context: [] }],
    'sqs:SendMessage': [{ resources: [queues.requests, queues.deadLetters], context: [] }],
    'ssm:GetParameter': [{ resources: [arnOf('ssm', `parameter${parameterPath}/recipe`, copier)], context: [] }],
    'ssm:GetParametersByPath': [{ resources: [arnOf('ssm', `parameter${parameterPath}`, copier)], context: [] }],
    'ssm:PutParameter': [{ resources: [arnOf('ssm', `parameter${parameterPath}/recipe`, copier)], context: [] }],
  };
  return [
    ...calls(called),
    { actions: POLLING_ACTIONS, resources: [queues.settle], context: [] },
    logCalls(functionNames(copier.name).settleCopy, copier),
  ];
}

/** What CopyImage does with a key on behalf of its caller, through EC2. */
export function keyCalls(keyArn: string, { region }: Pick<Environment, 'region'>): RoleCalls[] {
  const via = text('kms:ViaService', `ec2.${region}.amazonaws.com`);
  const forAws: ContextEntry = {
    ContextKeyName: 'kms:GrantIsForAWSResource',
    ContextKeyType: 'boolean',
    ContextKeyValues: ['true'],
  };
  return [
    { actions: KEY_ACTIONS, resources: [keyArn], context: [via] },
    { actions: ['kms:CreateGrant'], resources: [keyArn], context: [via, forAws] },
  ];
}

function calls(called: Readonly<Record<string, readonly Omit<RoleCalls, 'actions'>[]>>): RoleCalls[] {
  return Object.entries(called).flatMap(([action, all]) => all.map((each) => ({ actions: [action], ...each })));
}

function logCalls(functionName: string, copier: CheckedCopier): RoleCalls {
  const stream = arnOf('logs', `log-group:/aws/lambda/${functionName}:log-stream:some`, copier);
  return { actions: LOG_ACTIONS, resources: [stream], context: [] };
}

function queueArns(copier: CheckedCopier) {
  const names = queueNames(copier.name);
  return {
    requests: arnOf('sqs', names.requests, copier),
    deadLetters: arnOf('sqs', names.deadLetters, copier),
    settle: arnOf('sqs', names.settle, copier),
  };
}

/** ARNs of images hold no account (Service Authorization Reference, Amazon EC2). */
function imageArns({ partition, region }: CheckedCopier) {
  const start = `arn:${partition}:ec2:${region}::`;
  return { image: start + SOME_IMAGE, snapshot: start + SOME_SNAPSHOT };
}

/** A key that has several values, one of which is given (Service Authorization Reference, type ArrayOfString). */
function texts(ContextKeyName: string, value: string): ContextEntry {
  return { ContextKeyName, ContextKeyType: 'stringList', ContextKeyValues: [value] };
}

function text(ContextKeyName: string, value: string): ContextEntry {
  return { ContextKeyName, ContextKeyType: 'string', ContextKeyValues: [value] };
}
