import {
  ASKED_IMAGES,
  attribute,
  choose,
  ENDED_SOURCES,
  IMAGES,
  join,
  NO_VALUE,
  OWN_MARKER,
  PARAMETERS,
  ref,
  REFUSED_REQUESTS,
  REGION,
  SNAPSHOTS,
  sub,
  type Resource,
  type Resources,
  type Value,
} from './intrinsics.ts';
import { functionLog, functionRole, lambdaFunction, TRUSTED_OWNERS } from './function.ts';
import { fromHours } from './hours.ts';
import { MAXIMUM_MESSAGE_BYTES, tlsOnly } from './queue.ts';

const SETTLE_TIMEOUT_SECONDS = 120;

/** As settle.tf and modules/function. */
export const settleResources: Resources = {
  Settle: {
    Type: 'AWS::SQS::Queue',
    Properties: {
      QueueName: sub('${Name}-settle.fifo'),
      FifoQueue: true,
      ContentBasedDeduplication: true,
      MessageRetentionPeriod: 3600,
      MaximumMessageSize: MAXIMUM_MESSAGE_BYTES,
      VisibilityTimeout: 6 * SETTLE_TIMEOUT_SECONDS,
      SqsManagedSseEnabled: true,
    },
  },
  SettlePolicy: {
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: [ref('Settle')],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'RulesSend',
            Effect: 'Allow',
            Principal: { Service: 'events.amazonaws.com' },
            Action: 'sqs:SendMessage',
            Resource: attribute('Settle', 'Arn'),
            // Built, not read from the rules: they wait for this policy.
            Condition: { ArnEquals: { 'aws:SourceArn': [ruleArn('image-state'), ruleArn('sweep')] } },
          },
          tlsOnly(attribute('Settle', 'Arn')),
        ],
      },
    },
  },
  ImageState: rule('image-state', {
    Description: 'The end of each copy, and images that are taken away',
    EventPattern: {
      source: ['aws.ec2'],
      'detail-type': ['EC2 AMI State Change'],
      detail: { State: ['available', 'failed', 'deregistered', 'disabled'] },
    },
  }),
  Sweep: rule('sweep', {
    Description: 'Settles the copies whose events were lost, and asks for those that no request asked for',
    ScheduleExpression: 'rate(15 minutes)',
  }),
  SettleCopyRole: functionRole('settle-copy', [
    {
      Sid: 'ReadCopies',
      Effect: 'Allow',
      Action: ['ec2:DescribeImages', 'ec2:DescribeSnapshots', 'ec2:GetEbsEncryptionByDefault'],
      Resource: '*',
    },
    {
      Sid: 'MarkCopies',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: IMAGES,
      Condition: {
        StringLike: {
          'aws:ResourceTag/ImageCopier': [sub('${Name} attempt=*'), sub('${Name} announcing=*')],
          'aws:RequestTag/ImageCopier': [sub('${Name} announcing=*'), sub('${Name} announced=*')],
        },
        'ForAllValues:StringEquals': { 'aws:TagKeys': 'ImageCopier' },
      },
    },
    {
      Sid: 'MarkAnnouncedCopiesAgain',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: IMAGES,
      Condition: {
        StringLike: {
          'aws:ResourceTag/ImageCopier': sub('${Name} announced=*'),
          'aws:RequestTag/ImageCopier': sub('${Name} announced=*'),
        },
        'ForAllValues:StringEquals': { 'aws:TagKeys': 'ImageCopier' },
      },
    },
    choose(
      'CopiesDeprecation',
      {
        Sid: 'DeprecateCopies',
        Effect: 'Allow',
        Action: 'ec2:EnableImageDeprecation',
        Resource: IMAGES,
        Condition: {
          StringLike: { 'aws:ResourceTag/ImageCopier': [sub('${Name} attempt=*'), sub('${Name} announcing=*')] },
        },
      },
      NO_VALUE,
    ),
    {
      Sid: 'MarkRevokedCopies',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: IMAGES,
      Condition: {
        StringLike: {
          'aws:ResourceTag/ImageCopier': [
            sub('${Name} attempt=*'),
            sub('${Name} announcing=*'),
            sub('${Name} revoked=*'),
          ],
          'aws:RequestTag/ImageCopier': sub('${Name} revoked=*'),
        },
        'ForAllValues:StringEquals': { 'aws:TagKeys': 'ImageCopier' },
      },
    },
    {
      Sid: 'DisableRevokedCopies',
      Effect: 'Allow',
      Action: 'ec2:DisableImage',
      Resource: IMAGES,
      Condition: { StringLike: { 'aws:ResourceTag/ImageCopier': sub('${Name} revoked=*') } },
    },
    {
      Sid: 'RepairSnapshotTags',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: SNAPSHOTS,
      Condition: {
        StringLike: { 'aws:RequestTag/ImageCopier': sub('${Name} announced=*') },
        StringLikeIfExists: { 'aws:ResourceTag/ImageCopier': OWN_MARKER },
      },
    },
    {
      Sid: 'RemoveFailedCopies',
      Effect: 'Allow',
      Action: ['ec2:DeleteSnapshot', 'ec2:DeregisterImage'],
      Resource: [IMAGES, SNAPSHOTS],
      Condition: {
        StringLike: { 'aws:ResourceTag/ImageCopier': [sub('${Name} attempt=*'), sub('${Name} announcing=*')] },
      },
    },
    {
      Sid: 'PointParametersToCopies',
      Effect: 'Allow',
      Action: ['ssm:GetParameters', 'ssm:PutParameter'],
      Resource: sub(`${PARAMETERS}/*`),
    },
    {
      Sid: 'ReadEndedSources',
      Effect: 'Allow',
      Action: ['ssm:GetParameter', 'ssm:GetParameters'],
      Resource: [sub(`${ENDED_SOURCES}/*`), sub(`${REFUSED_REQUESTS}/*`)],
    },
    {
      Sid: 'ListParameters',
      Effect: 'Allow',
      Action: 'ssm:GetParametersByPath',
      Resource: [sub(ASKED_IMAGES), sub(`${ASKED_IMAGES}/*`), sub(PARAMETERS), sub(`${PARAMETERS}/*`)],
    },
    {
      Sid: 'RememberAskedImages',
      Effect: 'Allow',
      Action: 'ssm:PutParameter',
      Resource: sub(`${ASKED_IMAGES}/*`),
    },
    {
      Sid: 'TellThisAccount',
      Effect: 'Allow',
      Action: 'events:PutEvents',
      Resource: sub('arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default'),
      Condition: {
        'ForAllValues:StringEquals': {
          'events:source': 'image-copier',
          'events:detail-type': ['Image Approved', 'Image Copied', 'Image Copy Failed'],
        },
        Null: { 'events:source': 'false', 'events:detail-type': 'false' },
      },
    },
    choose(
      'HasResultsTopic',
      { Sid: 'TellSourceAccount', Effect: 'Allow', Action: 'sns:Publish', Resource: ref('ResultsTopicArn') },
      NO_VALUE,
    ),
    {
      Sid: 'EnqueueAgainOrDeadLetter',
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: [attribute('Requests', 'Arn'), attribute('DeadLetters', 'Arn')],
    },
    {
      Sid: 'TakeWakeUps',
      Effect: 'Allow',
      Action: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
      Resource: attribute('Settle', 'Arn'),
    },
  ]),
  SettleCopyLog: functionLog('settle-copy'),
  SettleCopy: lambdaFunction({
    name: 'settle-copy',
    description: 'Verifies and announces the copies of machine images, and tries those again that failed',
    role: 'SettleCopyRole',
    log: 'SettleCopyLog',
    timeoutSeconds: SETTLE_TIMEOUT_SECONDS,
    environment: {
      APPROVAL: choose('HasApproval', ref('Approval'), NO_VALUE),
      COPY_DEPRECATION: ref('CopyDeprecation'),
      FAILED_COPY_DELAY_SECONDS: ref('FailedCopyDelaySeconds'),
      OVERDUE_SECONDS: fromHours('OverdueHours', 'seconds'),
      PARAMETER_PATH: ref('ParameterPath'),
      RECIPE_TAG: ref('RecipeTag'),
      RECONCILE_NEWEST: ref('ReconcileNewest'),
      RECONCILE_REGIONS: choose('HasReconcileRegions', join(',', [REGION, ref('ReconcileRegions')]), REGION),
      RESULTS_TOPIC_ARN: choose('HasResultsTopic', ref('ResultsTopicArn'), NO_VALUE),
      RETRY_SECONDS: fromHours('RetryHours', 'seconds'),
      TRUSTED_OWNERS,
    },
  }),
  SettleMapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: { EventSourceArn: attribute('Settle', 'Arn'), FunctionName: ref('SettleCopy'), BatchSize: 10 },
  },
};

function rule(name: string, properties: Readonly<Record<string, Value>>): Resource {
  return {
    Type: 'AWS::Events::Rule',
    DependsOn: ['SettlePolicy'],
    Properties: {
      Name: sub(`\${Name}-${name}`),
      ...properties,
      Targets: [{ Id: 'settle', Arn: attribute('Settle', 'Arn'), SqsParameters: { MessageGroupId: 'settle' } }],
    },
  };
}

function ruleArn(name: string): Value {
  return sub(`arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/\${Name}-${name}`);
}
