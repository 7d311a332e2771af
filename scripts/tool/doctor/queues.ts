import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { ifThere } from '../common/aws-answers.ts';
import { toolCommand } from './commands.ts';
import { applyAfter, arnOf, found, type CheckedCopier, type Finding } from './finding.ts';
import { decide, parsePolicy, type Policy } from './policy.ts';

/** A queue as SQS describes it. */
interface QueueFacts {
  readonly url: string;
  readonly arn: string;
  readonly policy: Policy;
  readonly visibilitySeconds: number;
  /** Messages that wait, those included that somebody has just received. */
  readonly messages: number;
  readonly redrive?: { readonly deadLetterTargetArn?: string; readonly maxReceiveCount?: number };
}

/** The queues of a copier; one that is missing does not exist. */
export interface QueuesFacts {
  readonly requests?: QueueFacts;
  readonly deadLetters?: QueueFacts;
  readonly retirements?: QueueFacts;
  readonly settle?: QueueFacts;
}

/** What the checks of the queues have to know of the rest. */
export interface QueueUsers {
  /** ARN of the topic for requests, if it is known. */
  readonly topicArn: string | undefined;
  /** Timeouts in seconds of the functions that exist. */
  readonly copyTimeout: number | undefined;
  readonly retireTimeout: number | undefined;
  readonly settleTimeout: number | undefined;
  /** How long a request is tried again. */
  readonly retrySeconds: number | undefined;
}

const NO_QUEUE = ['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'];
// Lambda Developer Guide, "Using Lambda with Amazon SQS": six times the function's timeout.
const TIMEOUTS_IN_VISIBILITY = 6;
// As terraform/modules/image-copier/queue.tf counts the deliveries that a request may need.
const FIRST_DELIVERIES = 5;

export function queueNames(name: string) {
  return {
    requests: `${name}-requests`,
    deadLetters: `${name}-dead-letters`,
    retirements: `${name}-retirements`,
    settle: `${name}-settle.fifo`,
  };
}

/** Reads the queues of the copier. */
export async function readQueues(sqs: SQSClient, name: string): Promise<QueuesFacts> {
  const names = queueNames(name);
  const [requests, deadLetters, retirements, settle] = await Promise.all([
    readQueue(sqs, names.requests),
    readQueue(sqs, names.deadLetters),
    readQueue(sqs, names.retirements),
    readQueue(sqs, names.settle),
  ]);
  return {
    ...(requests && { requests }),
    ...(deadLetters && { deadLetters }),
    ...(retirements && { retirements }),
    ...(settle && { settle }),
  };
}

async function readQueue(sqs: SQSClient, QueueName: string): Promise<QueueFacts | undefined> {
  const asked = await ifThere(sqs.send(new GetQueueUrlCommand({ QueueName })), ...NO_QUEUE);
  if (asked?.QueueUrl === undefined) return undefined;
  const { QueueUrl: url } = asked;
  const answer = await ifThere(
    sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] })),
    ...NO_QUEUE,
  );
  if (!answer) return undefined;
  const { Attributes = {} } = answer;
  return {
    url,
    arn: Attributes.QueueArn ?? '',
    policy: parsePolicy(Attributes.Policy),
    visibilitySeconds: Number(Attributes.VisibilityTimeout),
    messages:
      Number(Attributes.ApproximateNumberOfMessages ?? 0) +
      Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    ...(Attributes.RedrivePolicy !== undefined && {
      redrive: JSON.parse(Attributes.RedrivePolicy) as { deadLetterTargetArn?: string; maxReceiveCount?: number },
    }),
  };
}

/** Checks the queues, their policies, and how they fit the functions. */
export function checkQueues(queues: QueuesFacts, users: QueueUsers, copier: CheckedCopier): Finding[] {
  const names = queueNames(copier.name);
  const { requests, deadLetters, retirements, settle } = queues;
  return [
    ...(requests
      ? [
          ...checkRequests(names.requests, requests, users, copier),
          ...checkPolicy(names.requests, requests, { isProtected: true }, copier),
          ...checkVisibility(names.requests, requests, users.copyTimeout, copier),
        ]
      : [missing(names.requests, 'Copy requests have nowhere to arrive: SNS drops them.', copier)]),
    ...(deadLetters
      ? [
          ...checkDeadLetters(names.deadLetters, deadLetters, users, copier),
          ...checkPolicy(names.deadLetters, deadLetters, { isProtected: true }, copier),
        ]
      : [
          missing(
            names.deadLetters,
            'Requests that are rejected or given up are lost, and no alarm is raised.',
            copier,
          ),
        ]),
    ...(retirements
      ? [
          ...checkRetirements(names.retirements, retirements, users, copier),
          ...checkPolicy(names.retirements, retirements, { isProtected: true }, copier),
          ...checkVisibility(names.retirements, retirements, users.retireTimeout, copier),
        ]
      : [missing(names.retirements, 'Nothing can ask for an image to be retired or revoked.', copier)]),
    ...(settle
      ? [
          ...checkSettle(names.settle, settle, copier),
          ...checkPolicy(names.settle, settle, { isProtected: false }, copier),
          ...checkVisibility(names.settle, settle, users.settleTimeout, copier),
        ]
      : [missing(names.settle, 'No copy is verified, announced or tried again.', copier)]),
  ];
}

function missing(subject: string, why: string, { apply }: CheckedCopier): Finding {
  return { code: 'NoQueue', severity: 'problem', subject, what: 'The queue does not exist.', why, ...apply };
}

function checkRequests(subject: string, queue: QueueFacts, users: QueueUsers, copier: CheckedCopier): Finding[] {
  const { topicArn } = users;
  return found(
    !maySend(queue, 'sns.amazonaws.com', topicArn) && {
      code: 'TopicMayNotSend',
      severity: 'problem',
      subject,
      what: `The queue's policy does not let ${topicArn ?? 'SNS'} send to it.`,
      why: 'SNS does not deliver copy requests here, and gives them up without a retry.',
      ...copier.apply,
    },
    ...checkRedrive(subject, queue, { retrySeconds: users.retrySeconds, timeout: users.copyTimeout }, copier),
  );
}

function checkRetirements(subject: string, queue: QueueFacts, users: QueueUsers, copier: CheckedCopier): Finding[] {
  const rule = `${copier.name}-retention`;
  return found(
    !maySend(queue, 'events.amazonaws.com', arnOf('events', `rule/${rule}`, copier)) && {
      code: 'RulesMayNotSend',
      severity: 'problem',
      subject,
      what: `The queue's policy does not let ${rule} send to it.`,
      why: 'No image goes by itself, and none leaves its quarantine.',
      ...copier.apply,
    },
    ...checkRedrive(subject, queue, { retrySeconds: users.retrySeconds, timeout: users.retireTimeout }, copier),
  );
}

function checkRedrive(
  subject: string,
  queue: QueueFacts,
  { retrySeconds, timeout }: { readonly retrySeconds: number | undefined; readonly timeout: number | undefined },
  copier: CheckedCopier,
): Finding[] {
  const target = arnOf('sqs', queueNames(copier.name).deadLetters, copier);
  const { deadLetterTargetArn, maxReceiveCount = 0 } = queue.redrive ?? {};
  // A visibility timeout that is too short is a finding of its own.
  const wait = Math.max(1, queue.visibilitySeconds, TIMEOUTS_IN_VISIBILITY * (timeout ?? 0));
  const needed = retrySeconds === undefined ? 0 : FIRST_DELIVERIES + Math.ceil(retrySeconds / wait);
  const isRedriven = deadLetterTargetArn === target;
  return found(
    !isRedriven && {
      code: 'NoRedrive',
      severity: 'problem',
      subject,
      what:
        deadLetterTargetArn === undefined
          ? 'The queue has no redrive policy.'
          : `Its redrive policy names ${deadLetterTargetArn}, not ${target}.`,
      why: 'A request that crashes the function is tried until it expires, and no dead letter tells of it.',
      ...copier.apply,
    },
    isRedriven &&
      maxReceiveCount < needed && {
        code: 'RedriveTooEarly',
        severity: 'warning',
        subject,
        what: `SQS moves a request after ${maxReceiveCount} deliveries, and ${String(needed)} may be needed.`,
        why: 'A request that is tried again for long becomes a dead letter without a reason.',
        ...copier.apply,
      },
  );
}

function checkDeadLetters(
  subject: string,
  queue: QueueFacts,
  { topicArn }: QueueUsers,
  copier: CheckedCopier,
): Finding[] {
  return found(
    queue.messages > 0 && {
      code: 'DeadLetters',
      severity: 'problem',
      subject,
      what: `${queue.messages === 1 ? '1 request was' : `${queue.messages} requests were`} rejected or given up.`,
      why: 'Copies that were asked for do not exist. SQS deletes the requests after 14 days at most.',
      fix: 'See the reasons, and fix what they name. Then put the requests back.',
      commands: [toolCommand(copier, 'dead-letters', 'list'), toolCommand(copier, 'dead-letters', 'redrive', '--all')],
    },
    !maySend(queue, 'sns.amazonaws.com', topicArn) && {
      code: 'TopicMayNotDeadLetter',
      severity: 'warning',
      subject,
      what: `The queue's policy does not let ${topicArn ?? 'SNS'} send to it.`,
      why: 'Requests that SNS cannot deliver to the requests queue are lost.',
      ...copier.apply,
    },
  );
}

function checkSettle(subject: string, queue: QueueFacts, copier: CheckedCopier): Finding[] {
  const silent = ['image-state', 'sweep']
    .map((rule) => `${copier.name}-${rule}`)
    .filter((rule) => !maySend(queue, 'events.amazonaws.com', arnOf('events', `rule/${rule}`, copier)));
  return found(
    silent.length > 0 && {
      code: 'RulesMayNotSend',
      severity: 'problem',
      subject,
      what: `The queue's policy does not let ${silent.join(' and ')} send to it.`,
      why: 'Copies are not verified, announced or tried again.',
      ...copier.apply,
    },
  );
}

function checkPolicy(
  subject: string,
  { policy }: QueueFacts,
  { isProtected }: { isProtected: boolean },
  copier: CheckedCopier,
): Finding[] {
  const principal = `arn:${copier.partition}:iam::${copier.accountId}:role/anybody`;
  const isDenied = (action: string, isSecure: boolean) =>
    decide(policy, { principal, action, context: { 'aws:SecureTransport': String(isSecure) } }) === 'denied';
  return found(
    !['sqs:SendMessage', 'sqs:ReceiveMessage'].every((action) => isDenied(action, false)) && {
      code: 'QueueWithoutTls',
      severity: 'warning',
      subject,
      what: 'The queue takes calls that are not encrypted.',
      why: 'Somebody in between could read or change requests.',
      ...copier.apply,
    },
    isProtected &&
      !isDenied('sqs:DeleteQueue', true) && {
        code: 'QueueUnprotected',
        severity: 'note',
        subject,
        what: 'The queue can be deleted.',
        why: 'Requests that wait in it would be lost.',
        ...applyAfter('Set the input deletion_protection to true.', copier),
      },
  );
}

function checkVisibility(
  subject: string,
  queue: QueueFacts,
  timeout: number | undefined,
  copier: CheckedCopier,
): Finding[] {
  const wanted = TIMEOUTS_IN_VISIBILITY * (timeout ?? 0);
  if (queue.visibilitySeconds >= wanted) return [];
  return [
    {
      code: 'VisibilityTooShort',
      severity: 'warning',
      subject,
      what: `A message is hidden for ${queue.visibilitySeconds} s. Its function may take ${String(timeout)} s, so AWS asks for ${wanted} s.`,
      why: 'A message is delivered again while the function still works at it.',
      ...copier.apply,
    },
  ];
}

/** Without an ARN it is enough that the service may send for anything that the policy itself names. */
function maySend({ policy }: QueueFacts, service: string, sourceArn: string | undefined): boolean {
  const context = {
    'aws:SecureTransport': 'true',
    ...(sourceArn !== undefined && { 'aws:SourceArn': sourceArn, 'aws:SourceAccount': sourceArn.split(':')[4] ?? '' }),
  };
  return decide(policy, { principal: service, action: 'sqs:SendMessage', context }) === 'allowed';
}
