import {
  attribute,
  choose,
  arnPart,
  NO_VALUE,
  ref,
  select,
  split,
  sub,
  type Resource,
  type Resources,
  type Value,
} from './intrinsics.ts';
import { fromHours } from './hours.ts';
import { FUNCTION_TIMEOUT_SECONDS } from './function.ts';

/** The topic is in the Region of the stack, whatever the Region in the parameter: a stack set has one value for all Regions. */
const TOPIC_ARN = sub('arn:${AWS::Partition}:sns:${AWS::Region}:${SourceAccount}:${Topic}', {
  SourceAccount: arnPart('RequestTopicArn', 'account'),
  Topic: arnPart('RequestTopicArn', 'name'),
});
/** Likewise. The colons at the end have the list long enough also where there is no topic. */
const HOUSEKEEPING_TOPIC_PARTS = split(':', sub('${HousekeepingTopicArn}:::::'));
export const HOUSEKEEPING_TOPIC_ARN = sub('arn:${AWS::Partition}:sns:${AWS::Region}:${SourceAccount}:${Topic}', {
  SourceAccount: select(4, HOUSEKEEPING_TOPIC_PARTS),
  Topic: select(5, HOUSEKEEPING_TOPIC_PARTS),
});
export const FOURTEEN_DAYS = 14 * 24 * 3600;
/** The default of Terraform; that of SQS has become 1 MiB. SNS, EventBridge and the functions send no more. */
export const MAXIMUM_MESSAGE_BYTES = 256 * 1024;

/** How many zeros at the start of an account id may be lost; as in queue.tf. */
const LOST_ZEROS = [1, 2, 3, 4];

/** Whether the account id begins with so many zeros: CloudFormation only splits texts, so an x marks where this one starts. */
export const lostZerosConditions: Readonly<Record<string, Value>> = Object.fromEntries(
  LOST_ZEROS.map((zeros) => [
    startsWithZeros(zeros),
    { 'Fn::Equals': [select(0, split(`x${'0'.repeat(zeros)}`, sub('x${AWS::AccountId}'))), ''] },
  ]),
);

function startsWithZeros(zeros: number): string {
  return `StartsWith${'0'.repeat(zeros)}`;
}

/** The account id without so many zeros at its start; the mark at the end has the list always long enough. */
function withoutZeros(zeros: number): Value {
  const start = `x${'0'.repeat(zeros)}`;
  return select(1, split(start, sub(`x\${AWS::AccountId}${start}`)));
}

const ACCOUNT_ID_FORMS: readonly Value[] = [
  ref('AWS::AccountId'),
  ...LOST_ZEROS.map((zeros) => choose(startsWithZeros(zeros), withoutZeros(zeros), NO_VALUE)),
];

/** As queue.tf. */
export const queueResources: Resources = {
  DeadLetters: {
    Type: 'AWS::SQS::Queue',
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      QueueName: sub('${Name}-dead-letters'),
      MessageRetentionPeriod: FOURTEEN_DAYS,
      MaximumMessageSize: MAXIMUM_MESSAGE_BYTES,
      SqsManagedSseEnabled: true,
    },
  },
  DeadLettersPolicy: queuePolicy('DeadLetters', [
    topicSends('DeadLetters', choose('HasHousekeepingTopic', [TOPIC_ARN, HOUSEKEEPING_TOPIC_ARN], TOPIC_ARN)),
  ]),
  Requests: {
    Type: 'AWS::SQS::Queue',
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      QueueName: sub('${Name}-requests'),
      DelaySeconds: ref('RequestDelaySeconds'),
      MessageRetentionPeriod: FOURTEEN_DAYS,
      MaximumMessageSize: MAXIMUM_MESSAGE_BYTES,
      VisibilityTimeout: 6 * FUNCTION_TIMEOUT_SECONDS,
      SqsManagedSseEnabled: true,
      RedrivePolicy: {
        deadLetterTargetArn: attribute('DeadLetters', 'Arn'),
        maxReceiveCount: fromHours('RetryHours', 'deliveries'),
      },
    },
  },
  RequestsPolicy: queuePolicy('Requests', [topicSends('Requests', TOPIC_ARN)]),
  Subscription: {
    Type: 'AWS::SNS::Subscription',
    // Before these, SQS would refuse what SNS delivers, and what it cannot deliver.
    DependsOn: ['DeadLettersPolicy', 'RequestsPolicy'],
    Properties: {
      TopicArn: TOPIC_ARN,
      Protocol: 'sqs',
      Endpoint: attribute('Requests', 'Arn'),
      RawMessageDelivery: true,
      FilterPolicy: choose('IsFilterEnabled', { targetAccounts: [...ACCOUNT_ID_FORMS, '*'] }, NO_VALUE),
      FilterPolicyScope: choose('IsFilterEnabled', 'MessageBody', NO_VALUE),
      RedrivePolicy: { deadLetterTargetArn: attribute('DeadLetters', 'Arn') },
    },
  },
};

/** The policy goes and stays with its queue: with it goes the protection from deletion. */
export function queuePolicy(queue: string, senders: readonly Value[]): Resource {
  const arn = attribute(queue, 'Arn');
  return {
    Type: 'AWS::SQS::QueuePolicy',
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      Queues: [ref(queue)],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          ...senders,
          tlsOnly(arn),
          choose(
            'IsDeletionProtected',
            {
              Sid: 'NobodyDeletesQueue',
              Effect: 'Deny',
              Principal: { AWS: '*' },
              Action: 'sqs:DeleteQueue',
              Resource: arn,
            },
            NO_VALUE,
          ),
        ],
      },
    },
  };
}

/** A statement that lets the topics send to the queue. */
export function topicSends(queue: string, topicArns: Value): Value {
  return {
    Sid: 'TopicSends',
    Effect: 'Allow',
    Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: attribute(queue, 'Arn'),
    Condition: { ArnEquals: { 'aws:SourceArn': topicArns } },
  };
}

/** A statement that denies what comes over plain HTTP. */
export function tlsOnly(queueArn: Value): Value {
  return {
    Sid: 'TlsOnly',
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action: 'sqs:*',
    Resource: queueArn,
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}
