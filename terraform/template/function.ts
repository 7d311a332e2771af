import {
  attribute,
  choose,
  join,
  arnPart,
  ENDED_SOURCES,
  IMAGES,
  NO_VALUE,
  ref,
  REFUSED_REQUESTS,
  REGION,
  SNAPSHOTS,
  split,
  sub,
  type Resource,
  type Resources,
  type Value,
} from './intrinsics.ts';
import { KEY_ARN } from './key.ts';
import { fromHours } from './hours.ts';

export const FUNCTION_TIMEOUT_SECONDS = 60;

/** This account's key, and those of the sources if there are any. */
const KEYS = choose('HasSourceKeys', split(',', join(',', [KEY_ARN, ref('SourceKeyArns')])), KEY_ARN);
/** Separated by commas. */
export const TRUSTED_OWNERS = choose('HasTrustedOwners', ref('TrustedOwnerIds'), arnPart('RequestTopicArn', 'account'));
const THROUGH_EC2 = { 'kms:ViaService': 'ec2.*.amazonaws.com' };

/** As function.tf and modules/function. */
export const functionResources: Resources = {
  CopyImageRole: functionRole('copy-image', [
    { Sid: 'ReadImages', Effect: 'Allow', Action: ['ec2:DescribeImages', 'ec2:DescribeSnapshots'], Resource: '*' },
    {
      Sid: 'CopyImages',
      Effect: 'Allow',
      Action: 'ec2:CopyImage',
      Resource: [sub('arn:${AWS::Partition}:ec2:*::image/*'), sub('arn:${AWS::Partition}:ec2:*::snapshot/*')],
      Condition: { StringEquals: { 'aws:RequestedRegion': REGION } },
    },
    {
      Sid: 'CopyNoStrangersImages',
      Effect: 'Deny',
      Action: 'ec2:CopyImage',
      Resource: sub('arn:${AWS::Partition}:ec2:*::image/*'),
      Condition: {
        StringNotEquals: { 'ec2:Owner': split(',', join(',', [TRUSTED_OWNERS, ref('AWS::AccountId')])) },
        Null: { 'ec2:Owner': 'false' },
      },
    },
    {
      Sid: 'TagCopies',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: [IMAGES, SNAPSHOTS],
      Condition: { StringEquals: { 'ec2:CreateAction': 'CopyImage' } },
    },
    {
      Sid: 'EncryptThroughEc2',
      Effect: 'Allow',
      Action: [
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:GenerateDataKey',
        'kms:GenerateDataKeyWithoutPlaintext',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      Resource: KEYS,
      Condition: { StringLike: THROUGH_EC2 },
    },
    {
      Sid: 'GrantKeysToAwsThroughEc2',
      Effect: 'Allow',
      Action: 'kms:CreateGrant',
      Resource: KEYS,
      Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' }, StringLike: THROUGH_EC2 },
    },
    { Sid: 'ReadEndedSources', Effect: 'Allow', Action: 'ssm:GetParameter', Resource: sub(`${ENDED_SOURCES}/*`) },
    {
      Sid: 'RememberRefusedRequests',
      Effect: 'Allow',
      Action: 'ssm:PutParameter',
      Resource: sub(`${REFUSED_REQUESTS}/*`),
    },
    {
      Sid: 'TakeRequests',
      Effect: 'Allow',
      Action: ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
      Resource: attribute('Requests', 'Arn'),
    },
    {
      Sid: 'DeadLetterRequests',
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: attribute('DeadLetters', 'Arn'),
    },
  ]),
  CopyImageLog: functionLog('copy-image'),
  CopyImage: lambdaFunction({
    name: 'copy-image',
    description: 'Copies shared machine images into this account, encrypted',
    role: 'CopyImageRole',
    log: 'CopyImageLog',
    timeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
    environment: {
      COPY_TAGS: ref('CopyTags'),
      COPY_WITHIN_MINUTES: ref('CopyWithinMinutes'),
      RETRY_SECONDS: fromHours('RetryHours', 'seconds'),
      TRUSTED_OWNERS,
    },
  }),
  RequestsMapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: {
      EventSourceArn: attribute('Requests', 'Arn'),
      FunctionName: ref('CopyImage'),
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    },
  },
};

interface FunctionOptions {
  /** Name of the function after that of the copier, and of its file in the zip. */
  readonly name: string;
  readonly description: string;
  readonly role: string;
  readonly log: string;
  readonly timeoutSeconds: number;
  /** Its own variables, beside those that all functions have. */
  readonly environment: Readonly<Record<string, Value>>;
}

export function lambdaFunction({
  name,
  description,
  role,
  log,
  timeoutSeconds,
  environment,
}: FunctionOptions): Resource {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: sub(`\${Name}-${name}`),
      Description: description,
      Role: attribute(role, 'Arn'),
      Runtime: ref('Runtime'),
      Architectures: [ref('Architecture')],
      Handler: `${name}.handler`,
      Code: { S3Bucket: sub('${FunctionBucketPrefix}-${AWS::Region}'), S3Key: ref('FunctionKey') },
      CodeSigningConfigArn: choose('HasCodeSigning', ref('CodeSigningConfigArn'), NO_VALUE),
      MemorySize: ref('MemorySize'),
      Timeout: timeoutSeconds,
      Environment: {
        Variables: {
          AWS_USE_FIPS_ENDPOINT: choose('IsFips', 'true', NO_VALUE),
          COPIER_NAME: ref('Name'),
          DEAD_LETTER_QUEUE_URL: ref('DeadLetters'),
          KMS_KEY_ARN: KEY_ARN,
          QUEUE_URL: ref('Requests'),
          ...environment,
        },
      },
      VpcConfig: choose('HasVpc', { SecurityGroupIds: ref('SecurityGroupIds'), SubnetIds: ref('SubnetIds') }, NO_VALUE),
      LoggingConfig: { LogFormat: 'Text', LogGroup: ref(log) },
    },
  };
}

export function functionLog(name: string): Resource {
  return {
    Type: 'AWS::Logs::LogGroup',
    Properties: {
      LogGroupName: sub(`/aws/lambda/\${Name}-${name}`),
      RetentionInDays: ref('LogRetentionDays'),
      KmsKeyId: choose('HasLogKey', ref('LogKmsKeyArn'), NO_VALUE),
    },
  };
}

/** A function's role. Its policy is part of it, so that the function has its permissions from the start. */
export function functionRole(name: string, statements: readonly Value[]): Resource {
  const writeLog = {
    Sid: 'WriteLog',
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: sub(
      `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/\${Name}-${name}:*`,
    ),
  };
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: sub(`\${Name}-${name}-\${AWS::Region}`),
      Description: sub(`Execution role of the Lambda function \${Name}-${name} in \${AWS::Region}`),
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Path: ref('RolePath'),
      PermissionsBoundary: choose(
        'HasPermissionsBoundary',
        sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundaryName}'),
        NO_VALUE,
      ),
      Policies: [
        {
          PolicyName: name,
          PolicyDocument: { Version: '2012-10-17', Statement: [...statements, writeLog, ...attachToVpc(name)] },
        },
      ],
    },
  };
}

/** What Lambda needs of a function's role in a VPC, and that the code may not use it. */
function attachToVpc(name: string): Value[] {
  const statement = {
    Action: [
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ],
    Resource: '*',
  };
  const arn = sub(`arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:\${Name}-${name}`);
  return [
    choose('HasVpc', { Sid: 'LambdaAttachesToVpc', Effect: 'Allow', ...statement }, NO_VALUE),
    choose(
      'HasVpc',
      {
        Sid: 'CodeAttachesNothing',
        Effect: 'Deny',
        ...statement,
        Condition: { ArnEquals: { 'lambda:SourceFunctionArn': arn } },
      },
      NO_VALUE,
    ),
  ];
}
