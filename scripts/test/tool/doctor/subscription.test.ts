import { describe, expect, it } from '@jest/globals';
import { lineOf } from '../../../tool/doctor/commands.ts';
import {
  ListSubscriptionsCommand,
  GetSubscriptionAttributesCommand,
  SNSClient,
  SNSServiceException,
} from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { checkSubscription, readSubscriptions, type SubscriptionsFacts } from '../../../tool/doctor/subscription.ts';
import { ACCOUNT, arn, codes, COPIER, subscriptionAttributes, TOPIC } from './facts.ts';

const QUEUE = arn('sqs', 'image-copier-requests');
const SUBSCRIPTION = `${TOPIC}:11111111-2222-3333-4444-555555555555`;
const ATTRIBUTES = subscriptionAttributes();

function subscribed(changes: Readonly<Record<string, string | undefined>> = {}): SubscriptionsFacts {
  const attributes = Object.entries<string | undefined>({ ...ATTRIBUTES, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const subscription = { topicArn: TOPIC, arn: SUBSCRIPTION, attributes: Object.fromEntries(attributes) };
  return {
    topicArn: TOPIC,
    isUnread: false,
    subscriptions: [subscription],
  };
}

describe('checkSubscription', () => {
  it('finds nothing in a subscription as the module makes it', () => {
    expect(checkSubscription(subscribed(), COPIER)).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, string | undefined>>, string[]]>([
    ['raw delivery that is off', { RawMessageDelivery: 'false' }, ['SubscriptionNotRaw']],
    ['a filter for others', { FilterPolicy: '{"targetAccounts":["333333333333"]}' }, ['FilterLacksAccount']],
    // SNS compares types as well (SNS Developer Guide, "Subscription filter policy constraints").
    ['an account id that is a number', { FilterPolicy: `{"targetAccounts":[${ACCOUNT}]}` }, ['FilterLacksAccount']],
    [
      'a filter that asks for more',
      { FilterPolicy: `{"targetAccounts":["${ACCOUNT}","*"],"name":["x"]}` },
      ['FilterLacksAccount'],
    ],
    ['a filter without "*"', { FilterPolicy: `{"targetAccounts":["${ACCOUNT}"]}` }, ['FilterLacksEveryone']],
    ['a filter on attributes', { FilterPolicyScope: 'MessageAttributes' }, ['FilterScope']],
    ['a filter without a scope', { FilterPolicyScope: undefined }, ['FilterScope']],
    ['no filter', { FilterPolicy: undefined }, ['FilterOff']],
    ['no redrive', { RedrivePolicy: undefined }, ['SubscriptionWithoutDeadLetters']],
    ['a subscription that waits', { PendingConfirmation: 'true' }, ['SubscriptionPending']],
  ])('finds %s', (_, changes, expected) => {
    expect(codes(checkSubscription(subscribed(changes), COPIER))).toEqual(expected);
  });

  it('asks for an account id with zeros at its start also without them', () => {
    const copier = { ...COPIER, accountId: '001111111111' };
    const { RedrivePolicy } = subscriptionAttributes(copier.accountId);
    const check = (...targetAccounts: readonly string[]) =>
      checkSubscription(subscribed({ RedrivePolicy, FilterPolicy: JSON.stringify({ targetAccounts }) }), copier);

    expect(check('001111111111', '01111111111', '1111111111', '*')).toEqual([]);
    expect(check('001111111111', '*')).toMatchObject([
      {
        code: 'FilterLacksLostZeros',
        severity: 'warning',
        what: 'The filter policy does not let requests for 01111111111, 1111111111 through.',
        commands: [
          { words: expect.arrayContaining(['{"targetAccounts":["001111111111","01111111111","1111111111","*"]}']) },
        ],
      },
    ]);
  });

  it('finds that there is none, or that it could not be read', () => {
    const none = { topicArn: TOPIC, subscriptions: [], isUnread: false };

    expect(checkSubscription(none, COPIER)).toMatchObject([{ code: 'NoSubscription', ...COPIER.applyWithSource }]);
    expect(codes(checkSubscription({ ...none, topicArn: undefined }, COPIER))).toEqual(['NoSubscription']);
    expect(checkSubscription({ ...none, isUnread: true }, COPIER)).toMatchObject([
      { code: 'SubscriptionUnread', severity: 'note' },
    ]);
    const unread = { topicArn: TOPIC, arn: SUBSCRIPTION };
    expect(codes(checkSubscription({ ...none, subscriptions: [unread] }, COPIER))).toEqual(['SubscriptionUnread']);
  });

  it('names a command that can be pasted', () => {
    const [finding] = checkSubscription(subscribed({ FilterPolicy: '{"targetAccounts":["333333333333"]}' }), COPIER);

    expect(finding?.commands.map(lineOf)).toEqual([
      `aws sns set-subscription-attributes --subscription-arn ${SUBSCRIPTION} --attribute-name FilterPolicy ` +
        `--attribute-value '{"targetAccounts":["${ACCOUNT}","*"]}' --region eu-west-1`,
    ]);
  });
});

describe('readSubscriptions', () => {
  const listed = { SubscriptionArn: SUBSCRIPTION, Endpoint: QUEUE, TopicArn: TOPIC };
  const denied = new SNSServiceException({
    name: 'AuthorizationError',
    message: 'no',
    $fault: 'client',
    $metadata: {},
  });

  it('finds the subscription by its queue, and the topic by the subscription', async () => {
    const sns = mockClient(SNSClient);
    sns
      .on(ListSubscriptionsCommand)
      .resolvesOnce({ Subscriptions: [{ ...listed, Endpoint: 'other' }], NextToken: 'more' })
      .resolvesOnce({ Subscriptions: [listed] });
    sns.on(GetSubscriptionAttributesCommand).resolves({ Attributes: ATTRIBUTES });

    expect(await readSubscriptions(new SNSClient({}), QUEUE, undefined)).toEqual(subscribed());
  });

  it('asks the source account where this one may not list, or has none', async () => {
    const sns = mockClient(SNSClient);
    sns.on(ListSubscriptionsCommand).rejects(denied);
    sns.on(GetSubscriptionAttributesCommand).rejects(denied);
    const listAtSource = () => Promise.resolve([listed, { ...listed, TopicArn: 'other' }]);

    expect(await readSubscriptions(new SNSClient({}), QUEUE, TOPIC, listAtSource)).toEqual({
      topicArn: TOPIC,
      isUnread: false,
      subscriptions: [{ topicArn: TOPIC, arn: SUBSCRIPTION }],
    });
    for (const nobody of [undefined, () => Promise.resolve(undefined)]) {
      expect(await readSubscriptions(new SNSClient({}), QUEUE, TOPIC, nobody)).toEqual({
        topicArn: TOPIC,
        isUnread: true,
        subscriptions: [],
      });
    }
  });

  it('asks nothing about a subscription that is not confirmed', async () => {
    const sns = mockClient(SNSClient);
    const SubscriptionArn = 'PendingConfirmation';
    sns.on(ListSubscriptionsCommand).resolves({ Subscriptions: [{ ...listed, SubscriptionArn }] });

    const facts = await readSubscriptions(new SNSClient({}), QUEUE, TOPIC);

    expect(codes(checkSubscription(facts, COPIER))).toEqual(['SubscriptionPending']);
  });

  it.each([
    ['the subscriptions', ListSubscriptionsCommand],
    ['their attributes', GetSubscriptionAttributesCommand],
  ])('takes only a denial for an answer to the question for %s', async (_, Command) => {
    const sns = mockClient(SNSClient);
    sns.on(ListSubscriptionsCommand).resolves({ Subscriptions: [listed] });
    sns.on(Command as typeof ListSubscriptionsCommand).rejects(new Error('Rate exceeded'));

    await expect(readSubscriptions(new SNSClient({}), QUEUE, TOPIC)).rejects.toThrow('Rate exceeded');
  });
});
