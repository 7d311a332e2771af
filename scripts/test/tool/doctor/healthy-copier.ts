import { DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import {
  DescribeImagesCommand,
  GetAllowedImagesSettingsCommand,
  type GetAllowedImagesSettingsCommandOutput,
  type Image,
} from '@aws-sdk/client-ec2';
import { DescribeRuleCommand, ListTargetsByRuleCommand, type RuleState } from '@aws-sdk/client-eventbridge';
import { SimulatePrincipalPolicyCommand, type SimulatePrincipalPolicyCommandInput } from '@aws-sdk/client-iam';
import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KeyMetadata,
} from '@aws-sdk/client-kms';
import {
  GetFunctionCommand,
  ListEventSourceMappingsCommand,
  ResourceNotFoundException,
  type EventSourceMappingConfiguration,
  type FunctionConfiguration,
} from '@aws-sdk/client-lambda';
import {
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsCommand,
  type Subscription,
} from '@aws-sdk/client-sns';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand, type Parameter } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { ALARMS } from '../../../tool/doctor/alarms.ts';
import { builtSha256 } from '../../../tool/doctor/built-code.ts';
import { FakeAws, type FakeServices } from '../support/fake-aws.ts';
import { ACCOUNT, keyStatements, queuePolicy, subscriptionAttributes, TOPIC } from './facts.ts';

const REGION = 'eu-west-1';
/** The code that is not reported: where `make build` made a zip, the doctor compares with that. */
export const BUILT = builtSha256() ?? 'built';

/** What AWS answers about a copier as the module makes it. Each call gives answers of its own, for a test to change one thing. */
export function healthyCopier(accountId: string = ACCOUNT) {
  const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${accountId}:${resource}`;
  const queueArn = (name: string) => arn('sqs', `image-copier-${name}`);
  const queue = (name: string, VisibilityTimeout: string, policy: object): QueueAnswers => ({
    name: `image-copier-${name}`,
    url: `https://sqs.${REGION}.amazonaws.com/${accountId}/image-copier-${name}`,
    attributes: {
      QueueArn: queueArn(name),
      Policy: JSON.stringify(policy),
      VisibilityTimeout,
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
    },
  });
  const fromTopic = queuePolicy('sns.amazonaws.com', TOPIC);
  const rules = ['sweep', 'image-state'].map((rule) => arn('events', `rule/image-copier-${rule}`));
  const requests = queue('requests', '360', fromTopic);
  requests.attributes.RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: queueArn('dead-letters'),
    maxReceiveCount: 65,
  });
  const keyArn = arn('kms', 'key/11111111-2222-3333-4444-555555555555');
  const lambdaFunction = (
    name: 'copy-image' | 'retire-image' | 'settle-copy',
    configuration: FunctionConfiguration,
    mapping: EventSourceMappingConfiguration,
  ): FunctionAnswers => ({
    configuration: {
      FunctionName: `image-copier-${name}`,
      State: 'Active',
      LastUpdateStatus: 'Successful',
      Runtime: 'nodejs22.x',
      CodeSha256: BUILT,
      Role: `arn:aws:iam::${accountId}:role/image-copier-${name}-${REGION}`,
      ...configuration,
    },
    mappings: [{ UUID: 'mapping', State: 'Enabled', ...mapping }],
  });
  const rule = (name: string, queueName = 'settle.fifo'): RuleAnswers => ({
    name: `image-copier-${name}`,
    state: 'ENABLED',
    targetArns: [queueArn(queueName)],
  });
  const retirements = queue(
    'retirements',
    '1800',
    queuePolicy('events.amazonaws.com', arn('events', 'rule/image-copier-retention')),
  );
  retirements.attributes.RedrivePolicy = requests.attributes.RedrivePolicy;
  const { administered, used, protected: undeletable } = keyStatements(accountId);
  const subscription: Subscription = {
    SubscriptionArn: `${TOPIC}:${accountId}`,
    Endpoint: queueArn('requests'),
    TopicArn: TOPIC,
  };
  return {
    accountId,
    queues: {
      requests,
      deadLetters: queue('dead-letters', '30', fromTopic),
      retirements,
      settle: queue('settle.fifo', '720', queuePolicy('events.amazonaws.com', rules)),
    },
    functions: {
      copyImage: lambdaFunction(
        'copy-image',
        {
          Timeout: 60,
          Environment: { Variables: { KMS_KEY_ARN: keyArn, RETRY_SECONDS: '21600', TRUSTED_OWNERS: '111111111111' } },
        },
        { EventSourceArn: queueArn('requests'), FunctionResponseTypes: ['ReportBatchItemFailures'] },
      ),
      retireImage: lambdaFunction(
        'retire-image',
        { Timeout: 300, Environment: { Variables: { RETRY_SECONDS: '21600' } } },
        { EventSourceArn: queueArn('retirements'), FunctionResponseTypes: ['ReportBatchItemFailures'] },
      ),
      settleCopy: lambdaFunction(
        'settle-copy',
        { Timeout: 120, Environment: { Variables: { PARAMETER_PATH: '/image-copier' } } },
        { EventSourceArn: queueArn('settle.fifo') },
      ),
    },
    rules: [rule('image-state'), rule('sweep'), rule('retention', 'retirements')],
    alarms: ALARMS.map((suffix): MetricAlarm => ({
      AlarmName: `image-copier-${suffix}`,
      StateValue: 'OK',
      AlarmDescription: `About ${suffix}.`,
      ActionsEnabled: true,
      AlarmActions: [arn('sns', 'on-call')],
      AlarmConfigurationUpdatedTimestamp: new Date('2026-01-01T00:00:00Z'),
    })),
    subscriptions: [subscription],
    subscriptionAttributes: subscriptionAttributes(accountId) as Record<string, string>,
    key: {
      metadata: {
        KeyId: keyArn,
        Arn: keyArn,
        KeyState: 'Enabled',
        Description: 'Machine images copied by image-copier',
      } as KeyMetadata,
      policy: { Statement: [administered, used, undeletable] as object[] },
      isRotated: true,
    },
    allowedImages: { State: 'disabled', ImageCriteria: [] } as Partial<GetAllowedImagesSettingsCommandOutput>,
    images: [{ ImageId: 'ami-copy', OwnerId: accountId, State: 'available' }] as Image[],
    parameters: [{ Name: '/image-copier/ubuntu', Value: 'ami-copy', DataType: 'aws:ec2:image' }] as Parameter[],
  };
}

export type CopierAnswers = ReturnType<typeof healthyCopier>;

interface QueueAnswers {
  readonly name: string;
  readonly url: string;
  readonly attributes: Partial<Record<QueueAttributeName, string>>;
}

interface FunctionAnswers {
  readonly configuration: FunctionConfiguration;
  readonly mappings: EventSourceMappingConfiguration[];
}

interface RuleAnswers {
  readonly name: string;
  state: RuleState;
  targetArns: string[];
}

/** Lets the services of an account answer so, and IAM that its roles may do all. */
export function answer(services: FakeServices, copier: CopierAnswers): void {
  const { cloudwatch, ec2, events, iam, kms, lambda, sns, sqs, ssm, sts } = services;
  sts.on(GetCallerIdentityCommand).resolves({ Account: copier.accountId });
  for (const { name, url, attributes } of Object.values(copier.queues)) {
    sqs.on(GetQueueUrlCommand, { QueueName: name }).resolves({ QueueUrl: url });
    sqs.on(GetQueueAttributesCommand, { QueueUrl: url }).resolves({ Attributes: attributes });
  }
  for (const { configuration, mappings } of Object.values(copier.functions)) {
    const { FunctionName } = configuration;
    lambda.on(GetFunctionCommand, { FunctionName }).resolves({ Configuration: configuration });
    lambda.on(ListEventSourceMappingsCommand, { FunctionName }).resolves({ EventSourceMappings: mappings });
  }
  for (const { name, state, targetArns } of copier.rules) {
    events.on(DescribeRuleCommand, { Name: name }).resolves({ State: state });
    events
      .on(ListTargetsByRuleCommand, { Rule: name })
      .resolves({ Targets: targetArns.map((Arn, index) => ({ Id: String(index), Arn })) });
  }
  cloudwatch.on(DescribeAlarmsCommand, { AlarmNamePrefix: 'image-copier-' }).resolves({ MetricAlarms: copier.alarms });
  sns.on(GetTopicAttributesCommand).resolves({ Attributes: {} });
  sns.on(ListSubscriptionsCommand).resolves({ Subscriptions: copier.subscriptions });
  sns.on(GetSubscriptionAttributesCommand).resolves({ Attributes: copier.subscriptionAttributes });
  for (const KeyId of [copier.key.metadata.Arn, 'alias/image-copier']) {
    kms.on(DescribeKeyCommand, { KeyId }).resolves({ KeyMetadata: copier.key.metadata });
  }
  kms.on(GetKeyPolicyCommand).resolves({ Policy: JSON.stringify(copier.key.policy) });
  kms.on(GetKeyRotationStatusCommand).resolves({ KeyRotationEnabled: copier.key.isRotated });
  ec2.on(GetAllowedImagesSettingsCommand).resolves(copier.allowedImages);
  ec2.on(DescribeImagesCommand, { Owners: ['self'] }).resolves({ Images: copier.images });
  ssm.on(GetParametersByPathCommand, { Path: '/image-copier' }).resolves({ Parameters: copier.parameters });
  iam.on(SimulatePrincipalPolicyCommand).callsFake(({ ActionNames = [] }: SimulatePrincipalPolicyCommandInput) => ({
    EvaluationResults: ActionNames.map((EvalActionName) => ({ EvalActionName, EvalDecision: 'allowed' })),
  }));
}

/** AWS with a copier in the account of the credentials, of which the test may change one thing. */
export function awsWithCopier(change: (copier: CopierAnswers) => void = () => undefined): FakeAws {
  const aws = new FakeAws({ ownAccount: ACCOUNT });
  const copier = healthyCopier();
  change(copier);
  answer(aws.in(ACCOUNT), copier);
  return aws;
}

/** Lets the services of an account answer that there is nothing of a copier. */
export function answerNothing({ cloudwatch, ec2, events, lambda, sqs, sts }: FakeServices, accountId = ACCOUNT): void {
  const gone = { message: 'There is no such thing.', $metadata: {} };
  sts.on(GetCallerIdentityCommand).resolves({ Account: accountId });
  sqs.on(GetQueueUrlCommand).rejects(new QueueDoesNotExist(gone));
  lambda.on(GetFunctionCommand).rejects(new ResourceNotFoundException({ ...gone, Type: 'User' }));
  events.on(DescribeRuleCommand).rejects(new ResourceNotFoundException({ ...gone, Type: 'User' }));
  cloudwatch.on(DescribeAlarmsCommand).resolves({ MetricAlarms: [] });
  ec2.on(GetAllowedImagesSettingsCommand).resolves({ State: 'disabled' });
}
