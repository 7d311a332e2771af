import type { ContextEntry } from '@aws-sdk/client-iam';
import type { Environment } from '../common/environment.ts';
import type { COPY_IMAGE_ACTIONS, RETIRE_IMAGE_ACTIONS, SETTLE_COPY_ACTIONS } from './called-actions.ts';
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
  /** Whether copies are deprecated when their source images are. */
  readonly deprecates: boolean;
}

type Actions<List extends readonly string[]> = Readonly<Record<List[number], readonly Omit<RoleCalls, 'actions'>[]>>;

// IAM does not look whether they exist (IAM API Reference, SimulatePrincipalPolicy, ResourceArns).
const SOME_IMAGE = 'image/ami-0123456789abcdef0';
const SOME_SNAPSHOT = 'snapshot/snap-0123456789abcdef0';
const SOME_TIME = '2026-01-01T00:00:00.000Z';
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
    'ssm:GetParameter': [{ resources: [endedArns(copier).one], context: [] }],
    'ssm:PutParameter': [{ resources: [requestNotes(copier).refused], context: [] }],
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
export function settleCopyCalls(
  { deprecates, parameterPath, resultsTopicArn }: RoleWork,
  copier: CheckedCopier,
): RoleCalls[] {
  const queues = queueArns(copier);
  const { image, snapshot } = imageArns(copier);
  const bus = arnOf('events', 'event-bus/default', copier);
  const parameter = arnOf('ssm', `parameter${parameterPath}/recipe`, copier);
  const notes = requestNotes(copier);
  const { marked, marking, markerAlone } = markersOf(copier);
  // The last one is made again if its answer is lost.
  const steps = [
    [marked('started'), marking('announcing')],
    [marked('announcing'), marking('announced')],
    [marked('announced'), marking('announced')],
    [marked('announcing'), marking('revoked')],
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
    'ec2:DisableImage': [{ resources: [image], context: [marked('revoked')] }],
    'ec2:EnableImageDeprecation': deprecates ? [{ resources: [image], context: [marked('announcing')] }] : [],
    'ec2:GetEbsEncryptionByDefault': [ANY],
    'events:PutEvents': ['Image Approved', 'Image Copied', 'Image Copy Failed'].map((detailType) => ({
      resources: [bus],
      context: [texts('events:source', 'image-copier'), texts('events:detail-type', detailType)],
    })),
    'sns:Publish': resultsTopicArn === undefined ? [] : [{ resources: [resultsTopicArn], context: [] }],
    'sqs:SendMessage': [{ resources: [queues.requests, queues.deadLetters], context: [] }],
    'ssm:GetParameter': [{ resources: [endedArns(copier).one, notes.refused], context: [] }],
    'ssm:GetParameters': [{ resources: [parameter, endedArns(copier).one], context: [] }],
    'ssm:GetParametersByPath': [
      { resources: [arnOf('ssm', `parameter${parameterPath}`, copier), notes.allAsked], context: [] },
    ],
    'ssm:PutParameter': [{ resources: [parameter, notes.asked], context: [] }],
  };
  return [
    ...calls(called),
    { actions: POLLING_ACTIONS, resources: [queues.settle], context: [] },
    logCalls(functionNames(copier.name).settleCopy, copier),
  ];
}

/** The calls of retire-image, and those that AWS makes with its role. */
export function retireImageCalls({ parameterPath, resultsTopicArn }: RoleWork, copier: CheckedCopier): RoleCalls[] {
  const queues = queueArns(copier);
  const { image, snapshot } = imageArns(copier);
  const { marked, marking, markerAlone } = markersOf(copier);
  const ended = endedArns(copier);
  const parameter = arnOf('ssm', `parameter${parameterPath}/recipe`, copier);
  const end = `${copier.name} retired=${SOME_TIME} quarantine=7`;
  const markedOther = text('aws:ResourceTag/ImageCopierEnd', end);
  const otherAlone = texts('aws:TagKeys', 'ImageCopierEnd');
  const called: Actions<typeof RETIRE_IMAGE_ACTIONS> = {
    'autoscaling:DescribeAutoScalingGroups': [ANY],
    'autoscaling:DescribeLaunchConfigurations': [ANY],
    'ec2:CreateTags': [
      { resources: [image, snapshot], context: [marked('announced'), marking('retired'), markerAlone] },
      { resources: [image, snapshot], context: [marked('retired'), marking('announced'), markerAlone] },
      { resources: [image], context: [marked('announced'), marking('revoked'), markerAlone] },
      { resources: [image], context: [marked('revoked'), marking('started'), markerAlone] },
      { resources: [image], context: [text('aws:RequestTag/ImageCopierEnd', end), otherAlone] },
    ],
    'ec2:DeleteSnapshot': [{ resources: [snapshot], context: [marked('retired')] }],
    'ec2:DeleteTags': [{ resources: [image], context: [markedOther, otherAlone] }],
    'ec2:DeregisterImage': [{ resources: [image], context: [marked('retired')] }],
    'ec2:DescribeFleets': [ANY],
    'ec2:DescribeImageReferences': [ANY],
    'ec2:DescribeImages': [ANY],
    'ec2:DescribeInstances': [ANY],
    'ec2:DescribeLaunchTemplateVersions': [ANY],
    'ec2:DescribeSnapshots': [ANY],
    'ec2:DescribeSpotFleetRequests': [ANY],
    'ec2:DescribeSpotInstanceRequests': [ANY],
    'ec2:DisableImage': [{ resources: [image], context: [] }],
    'ec2:EnableImage': [
      { resources: [image], context: [marked('retired')] },
      { resources: [image], context: [markedOther] },
    ],
    'events:PutEvents': ['Image Retired', 'Image Revoked'].map((detailType) => ({
      resources: [arnOf('events', 'event-bus/default', copier)],
      context: [texts('events:source', 'image-copier'), texts('events:detail-type', detailType)],
    })),
    'sns:Publish': resultsTopicArn === undefined ? [] : [{ resources: [resultsTopicArn], context: [] }],
    'sqs:ChangeMessageVisibility': [{ resources: [queues.retirements], context: [] }],
    'sqs:SendMessage': [{ resources: [queues.deadLetters, queues.retirements], context: [] }],
    'ssm:DeleteParameter': [{ resources: [ended.one], context: [] }],
    'ssm:DescribeParameters': [ANY],
    'ssm:GetParameter': [{ resources: [ended.one], context: [] }],
    'ssm:GetParameters': [{ resources: [parameter], context: [] }],
    'ssm:GetParametersByPath': [
      { resources: [arnOf('ssm', `parameter${parameterPath}`, copier), ended.all], context: [] },
    ],
    'ssm:PutParameter': [{ resources: [parameter, ended.one], context: [] }],
  };
  return [
    ...calls(called),
    { actions: POLLING_ACTIONS, resources: [queues.retirements], context: [] },
    logCalls(functionNames(copier.name).retireImage, copier),
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
    retirements: arnOf('sqs', names.retirements, copier),
    settle: arnOf('sqs', names.settle, copier),
  };
}

/** The parameters that say which images are never copied again, as lambda/src/core/ended-sources.ts has them. */
function endedArns(copier: CheckedCopier) {
  const all = arnOf('ssm', `parameter/image-copier-ended/${copier.name}`, copier);
  return { all, one: `${all}/ami-0123456789abcdef0` };
}

/** The parameters that say what was asked for and what was refused, as lambda/src/core/asked-requests.ts has them. */
function requestNotes(copier: CheckedCopier) {
  const all = arnOf('ssm', `parameter/image-copier-requests/${copier.name}`, copier);
  return { allAsked: `${all}/asked`, asked: `${all}/asked/0`, refused: `${all}/refused/ami-0123456789abcdef0` };
}

/** The tag ImageCopier as lambda/src/core/copy-marker.ts writes it: on a resource, in a request, and alone in it. */
function markersOf({ name }: CheckedCopier) {
  const markers = {
    started: `${name} attempt=1 baked=${SOME_TIME}`,
    announcing: `${name} announcing=${SOME_TIME} attempt=1 baked=${SOME_TIME}`,
    announced: `${name} announced=${SOME_TIME} attempt=1 baked=${SOME_TIME}`,
    retired: `${name} retired=${SOME_TIME} attempt=1 baked=${SOME_TIME}`,
    revoked: `${name} revoked=${SOME_TIME} attempt=1 baked=${SOME_TIME}`,
  };
  return {
    marked: (now: keyof typeof markers) => text('aws:ResourceTag/ImageCopier', markers[now]),
    marking: (next: keyof typeof markers) => text('aws:RequestTag/ImageCopier', markers[next]),
    markerAlone: texts('aws:TagKeys', 'ImageCopier'),
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
