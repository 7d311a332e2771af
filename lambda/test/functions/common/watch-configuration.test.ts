import { describe, expect, it } from '@jest/globals';
import { readWatchRequestsConfig } from '../../../src/functions/common/watch-configuration.ts';
import { watchEnvironment } from '../../factories.ts';

describe('readWatchRequestsConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readWatchRequestsConfig(watchEnvironment)).toEqual({
      region: 'eu-west-1',
      topicArn: 'arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify',
      requestsQueueArn: 'arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-requests',
      resultsQueueArn: 'arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-results',
      awaitedQueueUrl: 'https://sqs.test/awaited',
      unheardQueueUrl: 'https://sqs.test/unheard',
      resultsLogGroup: '/image-copier/amigo-DEMO-notify/results',
      overdueSeconds: 86400,
    });
  });

  it.each([
    ['TOPIC_ARN', 'topic', 'the ARN of an SNS topic'],
    ['REQUESTS_QUEUE_ARN', 'https://sqs.test/requests', 'the ARN of a queue'],
    ['AWAITED_QUEUE_URL', 'awaited', 'the URL of a queue'],
    ['RESULTS_LOG_GROUP', 'a:*', 'the name of a log group'],
    ['OVERDUE_SECONDS', '0', 'a number of seconds, such as 86400'],
  ])('rejects %s=%s and says what is allowed', (variable, value, allowed) => {
    expect(() => readWatchRequestsConfig({ ...watchEnvironment, [variable]: value })).toThrow(
      `${variable} must be ${allowed}`,
    );
  });
});
