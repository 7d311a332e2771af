import { choose, NO_VALUE, ref, sub, type Resource, type Resources, type Value } from './intrinsics.ts';

export const METRICS_NAMESPACE = 'ImageCopier';

/** Names of the functions, for `sub`. */
export const COPY_IMAGE = '${Name}-copy-image';
export const RETIRE_IMAGE = '${Name}-retire-image';
export const SETTLE_COPY = '${Name}-settle-copy';

const ALARM_TOPIC_ARN = sub('arn:${AWS::Partition}:sns:${AWS::Region}:${Account}:${AlarmTopicName}', {
  Account: choose('HasAlarmTopicAccount', ref('AlarmTopicAccountId'), ref('AWS::AccountId')),
});

/** Name of the alarm after that of the copier, and the alarm. */
const ALARMS: Readonly<Record<string, Resource>> = {
  'copy-image-errors': countAlarm({
    description: `The function ${COPY_IMAGE} crashed or timed out. Its log group is /aws/lambda/${COPY_IMAGE}.`,
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: dimension('FunctionName', COPY_IMAGE),
  }),
  'dangling-parameters': countAlarm({
    description: `A parameter below \${ParameterPath} points to an image that is gone or disabled: nothing can be launched by it. ${SETTLE_COPY} logs its name. Point it to another copy.`,
    MetricName: 'ParametersDangling',
    Period: 1800,
  }),
  'dead-letters': alarm({
    description:
      'A copy request or a retirement was rejected or given up. Its message in the queue ${Name}-dead-letters says why.',
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateNumberOfMessagesVisible',
    Dimensions: dimension('QueueName', '${Name}-dead-letters'),
    Statistic: 'Maximum',
    TreatMissingData: 'ignore',
  }),
  'no-sweep': alarm({
    description: `${SETTLE_COPY} has handled no message of the queue \${Name}-settle.fifo for an hour, so it has not swept. Look at the rule \${Name}-sweep, and at the function's errors and its event source mapping.`,
    Namespace: 'AWS/SQS',
    MetricName: 'NumberOfMessagesDeleted',
    Dimensions: dimension('QueueName', '${Name}-settle.fifo'),
    Period: 900,
    EvaluationPeriods: 4,
    ComparisonOperator: 'LessThanThreshold',
    Threshold: 1,
    TreatMissingData: 'breaching',
  }),
  'overdue-copies': countAlarm({
    description: `A copy is not announced after \${OverdueHours} hours. ${SETTLE_COPY} logs it as overdue. If it is pending, deregister it to stop it, and ask for it again.`,
    MetricName: 'CopiesOverdue',
    Period: 1800,
  }),
  'request-age': alarm({
    description: `Copy requests wait in the queue \${Name}-requests and nothing takes them. Look at the function ${COPY_IMAGE} and its event source mapping.`,
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateAgeOfOldestMessage',
    Dimensions: dimension('QueueName', '${Name}-requests'),
    Statistic: 'Maximum',
    Threshold: ref('AgeAlarmSeconds'),
    TreatMissingData: 'notBreaching',
  }),
  'retire-image-errors': countAlarm({
    description: `The function ${RETIRE_IMAGE} crashed or timed out. Its log group is /aws/lambda/${RETIRE_IMAGE}.`,
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: dimension('FunctionName', RETIRE_IMAGE),
    Period: 3600,
  }),
  retirements: countAlarm({
    description: `Retirements or revocations of images could not be finished for two hours. ${RETIRE_IMAGE} logs the errors.`,
    MetricName: 'RetirementsRetried',
    Dimensions: dimension('service', RETIRE_IMAGE),
    Period: 1800,
    EvaluationPeriods: 4,
  }),
  'settle-copy-errors': countAlarm({
    description: `The function ${SETTLE_COPY} crashed or timed out. Its log group is /aws/lambda/${SETTLE_COPY}.`,
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: dimension('FunctionName', SETTLE_COPY),
    Period: 900,
  }),
  settling: countAlarm({
    description: `Copies could not be settled for an hour. ${SETTLE_COPY} logs the errors.`,
    MetricName: 'SettlesRetried',
    Period: 900,
    EvaluationPeriods: 4,
  }),
  'snapshots-remaining': countAlarm({
    description: `Snapshots of images that are gone were left behind, and two sweeps did not delete them. They are billed. ${RETIRE_IMAGE} logs their IDs.`,
    MetricName: 'SnapshotsRemaining',
    Dimensions: dimension('service', RETIRE_IMAGE),
    Period: 86400,
    EvaluationPeriods: 2,
  }),
  'unverified-copies': countAlarm({
    description: `A copy is available and not encrypted under this copier's key, so it is not announced. ${SETTLE_COPY} logs it as unverified. Deregister it, and ask for it again.`,
    MetricName: 'CopiesUnverified',
    Period: 1800,
  }),
};

/** The names of the alarms after that of the copier, in the order of the alphabet. */
export const ALARM_NAMES = Object.keys(ALARMS);

/** As alarms.tf. */
export const alarmResources: Resources = Object.fromEntries(
  Object.entries(ALARMS).map(([name, { Properties, ...rest }]) => [
    `${name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Alarm`,
    { ...rest, Properties: { AlarmName: sub(`\${Name}-${name}`), ...Properties } },
  ]),
);

type AlarmProperties = Readonly<Record<string, Value>> & { readonly description: string };

function alarm({ description, ...properties }: AlarmProperties): Resource {
  const actions = choose('HasAlarmTopic', [ALARM_TOPIC_ARN], NO_VALUE);
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmDescription: sub(description),
      Namespace: METRICS_NAMESPACE,
      Dimensions: dimension('service', SETTLE_COPY),
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 0,
      ...properties,
      AlarmActions: actions,
      OKActions: actions,
    },
  };
}

/** An alarm on a metric that is not there while nothing happens. */
function countAlarm(properties: AlarmProperties): Resource {
  return alarm({ TreatMissingData: 'notBreaching', ...properties });
}

function dimension(name: string, value: string): Value {
  return [{ Name: name, Value: sub(value) }];
}
