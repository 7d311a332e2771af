import { ALARM_NAMES, COPY_IMAGE, METRICS_NAMESPACE, RETIRE_IMAGE, SETTLE_COPY } from './alarms.ts';
import { sub, type Resources } from './intrinsics.ts';

type Metric = readonly [namespace: string, name: string, dimension: string, value: string, options: object];

interface Graph {
  readonly title: string;
  readonly stat: string;
  readonly stacked?: boolean;
  readonly metrics: readonly Metric[];
}

const waitAndCopy: readonly Metric[] = [own('RequestWait', COPY_IMAGE), own('CopyTime', SETTLE_COPY)];

const GRAPHS: readonly Graph[] = [
  {
    title: 'Copies',
    stat: 'Sum',
    metrics: [
      own('CopiesStarted', COPY_IMAGE),
      own('CopiesSettled', SETTLE_COPY),
      own('CopiesFailed', SETTLE_COPY),
      own('CopiesGivenUp', SETTLE_COPY),
      own('CopiesUnverified', SETTLE_COPY),
      own('CopiesOverdue', SETTLE_COPY),
      own('CopiesAtOwnPace', COPY_IMAGE),
    ],
  },
  {
    title: 'Requests',
    stat: 'Sum',
    metrics: [
      own('RequestsRefused', COPY_IMAGE),
      own('RequestsRetried', COPY_IMAGE),
      own('RequestsUncertain', COPY_IMAGE),
      own('CopiesReused', COPY_IMAGE),
      own('RequestsIgnored', COPY_IMAGE),
      own('BadAccounts', COPY_IMAGE),
    ],
  },
  {
    title: 'Images that end',
    stat: 'Sum',
    metrics: [
      own('ImagesQuarantined', RETIRE_IMAGE),
      own('ImagesRetired', RETIRE_IMAGE),
      own('ImagesKept', RETIRE_IMAGE),
      own('ImagesRestored', RETIRE_IMAGE),
      own('ImagesRevoked', RETIRE_IMAGE),
      own('RetirementsRefused', RETIRE_IMAGE),
      own('RetirementsRetried', RETIRE_IMAGE),
      own('SnapshotsRemaining', RETIRE_IMAGE),
    ],
  },
  {
    title: 'Seconds from request to available, on average: waiting, then copying',
    stat: 'Average',
    stacked: true,
    metrics: waitAndCopy,
  },
  {
    title: 'Seconds from request to available, 9 of 10: waiting, then copying',
    stat: 'p90',
    metrics: waitAndCopy,
  },
  {
    title: 'Queues: messages, and seconds since the oldest',
    stat: 'Maximum',
    metrics: [
      ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', '${Name}-requests', {}],
      ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', '${Name}-dead-letters', {}],
      ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', '${Name}-retirements', {}],
      ['AWS/SQS', 'ApproximateAgeOfOldestMessage', 'QueueName', '${Name}-requests', { yAxis: 'right' }],
      ['AWS/SQS', 'ApproximateAgeOfOldestMessage', 'QueueName', '${Name}-settle.fifo', { yAxis: 'right' }],
      ['AWS/SQS', 'ApproximateAgeOfOldestMessage', 'QueueName', '${Name}-retirements', { yAxis: 'right' }],
    ],
  },
  {
    title: 'Functions: errors, and milliseconds',
    stat: 'Maximum',
    metrics: [
      ['AWS/Lambda', 'Errors', 'FunctionName', COPY_IMAGE, { stat: 'Sum' }],
      ['AWS/Lambda', 'Errors', 'FunctionName', SETTLE_COPY, { stat: 'Sum' }],
      ['AWS/Lambda', 'Errors', 'FunctionName', RETIRE_IMAGE, { stat: 'Sum' }],
      ['AWS/Lambda', 'Duration', 'FunctionName', COPY_IMAGE, { yAxis: 'right' }],
      ['AWS/Lambda', 'Duration', 'FunctionName', SETTLE_COPY, { yAxis: 'right' }],
      ['AWS/Lambda', 'Duration', 'FunctionName', RETIRE_IMAGE, { yAxis: 'right' }],
    ],
  },
];

const alarmArns = ALARM_NAMES.map(
  (name) => `arn:\${AWS::Partition}:cloudwatch:\${AWS::Region}:\${AWS::AccountId}:alarm:\${Name}-${name}`,
);

/** As dashboard.tf. */
export const dashboardResources: Resources = {
  Dashboard: {
    Type: 'AWS::CloudWatch::Dashboard',
    Condition: 'HasDashboard',
    Properties: {
      DashboardName: sub('${Name}-${AWS::Region}'),
      DashboardBody: sub(
        JSON.stringify({
          widgets: [
            { type: 'alarm', width: 24, height: 3, properties: { title: 'Alarms', alarms: alarmArns } },
            ...GRAPHS.map(({ title, stat, stacked = false, metrics }) => ({
              type: 'metric',
              width: 12,
              height: 6,
              properties: { title, region: '${AWS::Region}', view: 'timeSeries', stacked, stat, period: 900, metrics },
            })),
          ],
        }),
      ),
    },
  },
};

function own(name: string, service: string): Metric {
  return [METRICS_NAMESPACE, name, 'service', service, {}];
}
