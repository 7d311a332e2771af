import { beforeEach, describe, expect, it } from '@jest/globals';
import { ListSubscriptionsByTopicCommand, SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { SnsSubscribers } from '../../src/adapters/sns-subscribers.ts';
import { ACCOUNT, answerPages, SOURCE_ACCOUNT, TOPIC, watchEnvironment } from '../factories.ts';

const client = new SNSClient({ region: 'eu-west-1' });
const sns = mockClient(client);
const subscribers = new SnsSubscribers(client, TOPIC, watchEnvironment.REQUESTS_QUEUE_ARN);

beforeEach(() => {
  sns.reset();
});

function subscription(Owner: string, changes: Subscription = {}): Subscription {
  const Endpoint = `arn:aws:sqs:eu-west-1:${Owner}:image-copier-requests`;
  return { Owner, Protocol: 'sqs', Endpoint, SubscriptionArn: `${TOPIC}:1`, ...changes };
}

describe('list', () => {
  it('names each account once, of all pages', async () => {
    const inputs = answerPages(
      sns.on(ListSubscriptionsByTopicCommand),
      { Subscriptions: [subscription(ACCOUNT), subscription('333333333333')], NextToken: 'more' },
      { Subscriptions: [subscription(ACCOUNT)] },
    );

    expect(await subscribers.list()).toEqual([ACCOUNT, '333333333333']);
    expect(inputs).toEqual([{ TopicArn: TOPIC }, { TopicArn: TOPIC, NextToken: 'more' }]);
  });

  it('counts neither the watch itself, nor what is not confirmed, nor what is no queue', async () => {
    sns.on(ListSubscriptionsByTopicCommand).resolves({
      Subscriptions: [
        subscription(SOURCE_ACCOUNT, { Endpoint: watchEnvironment.REQUESTS_QUEUE_ARN }),
        subscription(ACCOUNT, { SubscriptionArn: 'PendingConfirmation' }),
        subscription(ACCOUNT, { Protocol: 'email', Endpoint: 'on-call@example.com' }),
      ],
    });

    expect(await subscribers.list()).toEqual([]);
  });

  it("counts a copier in the topic's own account", async () => {
    sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [subscription(SOURCE_ACCOUNT)] });

    expect(await subscribers.list()).toEqual([SOURCE_ACCOUNT]);
  });
});
