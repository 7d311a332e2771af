import { functionLog, functionRole, lambdaFunction, TRUSTED_OWNERS } from './function.ts';
import { fromHours } from './hours.ts';
import {
  attribute,
  choose,
  ENDED_SOURCES,
  IMAGES,
  NO_VALUE,
  OWN_MARKER,
  PARAMETERS,
  ref,
  SNAPSHOTS,
  sub,
  type Resources,
  type Value,
} from './intrinsics.ts';
import { FOURTEEN_DAYS, HOUSEKEEPING_TOPIC_ARN, MAXIMUM_MESSAGE_BYTES, queuePolicy, topicSends } from './queue.ts';

const RETIRE_TIMEOUT_SECONDS = 300;

/** As retire.tf and modules/function. */
export const retireResources: Resources = {
  Retirements: {
    Type: 'AWS::SQS::Queue',
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      QueueName: sub('${Name}-retirements'),
      MessageRetentionPeriod: FOURTEEN_DAYS,
      MaximumMessageSize: MAXIMUM_MESSAGE_BYTES,
      VisibilityTimeout: 6 * RETIRE_TIMEOUT_SECONDS,
      SqsManagedSseEnabled: true,
      RedrivePolicy: {
        deadLetterTargetArn: attribute('DeadLetters', 'Arn'),
        maxReceiveCount: fromHours('RetryHours', 'deliveries'),
      },
    },
  },
  RetirementsPolicy: queuePolicy('Retirements', [
    choose('HasHousekeepingTopic', topicSends('Retirements', HOUSEKEEPING_TOPIC_ARN), NO_VALUE),
    {
      Sid: 'RuleSends',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: attribute('Retirements', 'Arn'),
      // Built, not read from the rule: it waits for this policy.
      Condition: {
        ArnEquals: {
          'aws:SourceArn': sub('arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${Name}-retention'),
        },
      },
    },
  ]),
  HousekeepingSubscription: {
    Type: 'AWS::SNS::Subscription',
    Condition: 'HasHousekeepingTopic',
    // Before these, SQS would refuse what SNS delivers, and what it cannot deliver.
    DependsOn: ['DeadLettersPolicy', 'RetirementsPolicy'],
    Properties: {
      TopicArn: HOUSEKEEPING_TOPIC_ARN,
      Protocol: 'sqs',
      Endpoint: attribute('Retirements', 'Arn'),
      RawMessageDelivery: true,
      RedrivePolicy: { deadLetterTargetArn: attribute('DeadLetters', 'Arn') },
    },
  },
  RetentionRule: {
    Type: 'AWS::Events::Rule',
    DependsOn: ['RetirementsPolicy'],
    Properties: {
      Name: sub('${Name}-retention'),
      Description: 'Looks once a day which images are to go, and finishes what was begun',
      ScheduleExpression: 'rate(1 day)',
      Targets: [{ Id: 'retire', Arn: attribute('Retirements', 'Arn') }],
    },
  },
  RetireImageRole: functionRole('retire-image', [
    {
      Sid: 'ReadImagesAndTheirUse',
      Effect: 'Allow',
      Action: [
        'autoscaling:DescribeAutoScalingGroups',
        'autoscaling:DescribeLaunchConfigurations',
        'ec2:DescribeFleets',
        'ec2:DescribeImageReferences',
        'ec2:DescribeImages',
        'ec2:DescribeInstances',
        'ec2:DescribeLaunchTemplates',
        'ec2:DescribeLaunchTemplateVersions',
        'ec2:DescribeSnapshots',
        'ec2:DescribeSpotFleetRequests',
        'ec2:DescribeSpotInstanceRequests',
        'ssm:DescribeParameters',
      ],
      Resource: '*',
    },
    {
      Sid: 'ReadImageParameters',
      Effect: 'Allow',
      Action: 'ssm:GetParameters',
      Resource: sub('arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/*'),
    },
    {
      Sid: 'LetEc2ReadReferences',
      Effect: 'Allow',
      Action: ['imagebuilder:GetContainerRecipe', 'imagebuilder:ListContainerRecipes', 'imagebuilder:ListImageRecipes'],
      Resource: '*',
      Condition: { 'ForAnyValue:StringEquals': { 'aws:CalledVia': 'ec2-images.amazonaws.com' } },
    },
    tag('MarkCopies', IMAGES, 'ImageCopier', [OWN_MARKER], ['announced', 'retired', 'revoked']),
    tag(
      'MarkUnsettledCopies',
      IMAGES,
      'ImageCopier',
      [marker('attempt'), marker('announcing'), marker('revoked')],
      ['attempt', 'announcing'],
    ),
    tag('MarkSnapshots', SNAPSHOTS, 'ImageCopier', [OWN_MARKER], ['announced', 'retired', 'revoked']),
    {
      Sid: 'MarkOtherImages',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: IMAGES,
      Condition: {
        StringLikeIfExists: { 'aws:ResourceTag/ImageCopierEnd': OWN_MARKER },
        StringLike: { 'aws:RequestTag/ImageCopierEnd': [marker('retired'), marker('revoked')] },
        'ForAllValues:StringEquals': { 'aws:TagKeys': 'ImageCopierEnd' },
      },
    },
    {
      Sid: 'UnmarkOtherImages',
      Effect: 'Allow',
      Action: 'ec2:DeleteTags',
      Resource: IMAGES,
      Condition: {
        StringLike: { 'aws:ResourceTag/ImageCopierEnd': OWN_MARKER },
        'ForAllValues:StringEquals': { 'aws:TagKeys': 'ImageCopierEnd' },
        Null: { 'aws:TagKeys': 'false' },
      },
    },
    { Sid: 'DisableImages', Effect: 'Allow', Action: 'ec2:DisableImage', Resource: IMAGES },
    ifTagged('EnableCopies', 'ec2:EnableImage', IMAGES, 'ImageCopier', OWN_MARKER),
    ifTagged('EnableOtherImages', 'ec2:EnableImage', IMAGES, 'ImageCopierEnd', OWN_MARKER),
    ifTagged('RemoveCopies', 'ec2:DeregisterImage', IMAGES, 'ImageCopier', marker('retired')),
    ifTagged('RemoveSnapshots', 'ec2:DeleteSnapshot', SNAPSHOTS, 'ImageCopier', OWN_MARKER),
    {
      Sid: 'PointParametersToCopies',
      Effect: 'Allow',
      Action: 'ssm:PutParameter',
      Resource: sub(`${PARAMETERS}/*`),
    },
    {
      Sid: 'ListParameters',
      Effect: 'Allow',
      Action: 'ssm:GetParametersByPath',
      Resource: [sub(PARAMETERS), sub(`${PARAMETERS}/*`)],
    },
    {
      Sid: 'RememberEndedSources',
      Effect: 'Allow',
      Action: ['ssm:DeleteParameter', 'ssm:GetParameter', 'ssm:PutParameter'],
      Resource: sub(`${ENDED_SOURCES}/*`),
    },
    {
      Sid: 'ListEndedSources',
      Effect: 'Allow',
      Action: 'ssm:GetParametersByPath',
      Resource: [sub(ENDED_SOURCES), sub(`${ENDED_SOURCES}/*`)],
    },
    {
      Sid: 'TellThisAccount',
      Effect: 'Allow',
      Action: 'events:PutEvents',
      Resource: sub('arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default'),
      Condition: {
        'ForAllValues:StringEquals': {
          'events:source': 'image-copier',
          'events:detail-type': [
            'Image Kept',
            'Image Quarantined',
            'Image Restored',
            'Image Retired',
            'Image Revoked',
            'Revocation Undone',
          ],
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
      Sid: 'TakeRetirements',
      Effect: 'Allow',
      Action: ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
      Resource: attribute('Retirements', 'Arn'),
    },
    {
      Sid: 'EnqueueAgainOrDeadLetter',
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: [attribute('DeadLetters', 'Arn'), attribute('Retirements', 'Arn')],
    },
  ]),
  RetireImageLog: functionLog('retire-image'),
  RetireImage: lambdaFunction({
    name: 'retire-image',
    description: 'Takes machine images away that nothing uses, and bad ones out of use',
    role: 'RetireImageRole',
    log: 'RetireImageLog',
    timeoutSeconds: RETIRE_TIMEOUT_SECONDS,
    environment: {
      PARAMETER_PATH: ref('ParameterPath'),
      QUEUE_URL: ref('Retirements'),
      RECIPE_TAG: ref('RecipeTag'),
      RESULTS_TOPIC_ARN: choose('HasResultsTopic', ref('ResultsTopicArn'), NO_VALUE),
      RETENTION: choose('HasRetention', ref('Retention'), NO_VALUE),
      // A condition of a policy has the name of a tag in its key, which no parameter can be: the module organization writes both.
      RETIRE_TAGGED: '{}',
      RETRY_SECONDS: fromHours('RetryHours', 'seconds'),
      ROLLBACK_DEPTH: ref('RollbackDepth'),
      TRUSTED_OWNERS,
    },
  }),
  RetirementsMapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: {
      EventSourceArn: attribute('Retirements', 'Arn'),
      FunctionName: ref('RetireImage'),
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    },
  },
};

type End = 'announced' | 'announcing' | 'attempt' | 'retired' | 'revoked';

/** What the copier's own tags say of an image in a state begins so. */
function marker(state: End): Value {
  return sub(`\${Name} ${state}=*`);
}

/** A statement that lets what has one of the values get one of the states, and no other tag. */
function tag(Sid: string, Resource: Value, key: string, from: readonly Value[], to: readonly End[]): Value {
  return {
    Sid,
    Effect: 'Allow',
    Action: 'ec2:CreateTags',
    Resource,
    Condition: {
      StringLike: { [`aws:ResourceTag/${key}`]: from, [`aws:RequestTag/${key}`]: to.map(marker) },
      'ForAllValues:StringEquals': { 'aws:TagKeys': key },
    },
  };
}

function ifTagged(Sid: string, Action: string, Resource: Value, key: string, value: Value): Value {
  return { Sid, Effect: 'Allow', Action, Resource, Condition: { StringLike: { [`aws:ResourceTag/${key}`]: value } } };
}
