import { expect, it } from '@jest/globals';
import { PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { mapConcurrently } from '../../scripts/tool/common/map-concurrently.ts';
import { emulatedAccount, type EmulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { imageCopierTemplate } from '../../terraform/template/template.ts';
import { resolved } from '../../terraform/template/test/resolved.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { sendingPolicy } from './support/sending-policy.ts';
import { createSourceTopic } from '../../scripts/dev/source-topics.ts';

const ACCOUNTS = 200;
const AT_A_TIME = 10;
const template = imageCopierTemplate();

/** The subscription's filter as the template has it, which organization.test.ts compares with the Terraform module. */
function filterOf(account: string): string {
  const filter = template.Resources['Subscription']?.Properties['FilterPolicy'];
  return JSON.stringify(resolved(filter, { 'AWS::AccountId': account, FilterEnabled: 'true' }, template));
}

async function subscribe(account: EmulatedAccount, TopicArn: string): Promise<string> {
  const Endpoint = `arn:aws:sqs:${REGION}:${account.id}:requests`;
  const Policy = sendingPolicy('sns', Endpoint, TopicArn);
  const { QueueUrl = '' } = await account.sqs.send(
    new CreateQueueCommand({ QueueName: 'requests', Attributes: { Policy } }),
  );
  const Attributes = {
    RawMessageDelivery: 'true',
    FilterPolicyScope: 'MessageBody',
    FilterPolicy: filterOf(account.id),
  };
  await account.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
  return QueueUrl;
}

async function messagesIn({ sqs }: EmulatedAccount, QueueUrl: string): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages'] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
  );
  return Number(Attributes.ApproximateNumberOfMessages);
}

it('wakes a function in the accounts that a request names, and in no other of 200', async () => {
  const source = emulatedAccount(endpoint(), newAccountId(), REGION);
  const accounts = Array.from({ length: ACCOUNTS }, () => emulatedAccount(endpoint(), newAccountId(), REGION));
  const TopicArn = await createSourceTopic(
    source,
    'requests',
    'sns:Subscribe',
    accounts.map(({ id }) => id),
  );
  const subscribed = await mapConcurrently(accounts, AT_A_TIME, async (account) => ({
    account,
    url: await subscribe(account, TopicArn),
  }));
  const targets = subscribed.filter((_, index) => index % 29 === 0);
  const publish = (targetAccounts: readonly string[]) =>
    source.sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify({ sourceAmi: 'ami-1', targetAccounts }) }));

  // One message is one invocation: a message that a queue holds is handed to its function.
  await publish(targets.map(({ account }) => account.id));
  await waitFor('the request in the queues of its targets', async () => {
    const counts = await mapConcurrently(targets, AT_A_TIME, ({ account, url }) => messagesIn(account, url));
    return counts.every((count) => count === 1) || undefined;
  });
  // What went elsewhere would be there before a later request that every account gets.
  await publish(['*']);
  const counts = await waitFor('a request for every account', async () => {
    const found = await mapConcurrently(subscribed, AT_A_TIME, ({ account, url }) => messagesIn(account, url));
    return found.every((count) => count > 0) ? found : undefined;
  });

  expect(counts.reduce((sum, count) => sum + count) - ACCOUNTS).toBe(targets.length);
  expect(subscribed.filter((_, index) => counts[index] === 2)).toEqual(targets);
});

it('wakes the account whose id has lost the zeros at its start', async () => {
  const source = emulatedAccount(endpoint(), newAccountId(), REGION);
  const [zeros, other] = ['0010', '1110'].map((start) =>
    emulatedAccount(endpoint(), newAccountId().replace(/^.{4}/, start), REGION),
  ) as [EmulatedAccount, EmulatedAccount];
  const TopicArn = await createSourceTopic(source, 'requests', 'sns:Subscribe', [zeros.id, other.id]);
  const [url, otherUrl] = [await subscribe(zeros, TopicArn), await subscribe(other, TopicArn)];
  for (const lost of [zeros.id.slice(1), zeros.id.slice(2)]) {
    const Message = JSON.stringify({ sourceAmi: 'ami-1', targetAccounts: [other.id.slice(1), lost] });
    await source.sns.send(new PublishCommand({ TopicArn, Message }));
  }
  await source.sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify({ targetAccounts: ['*'] }) }));

  await waitFor('the requests', async () => (await messagesIn(zeros, url)) === 3 || undefined);
  await waitFor('the request for everybody', async () => (await messagesIn(other, otherUrl)) === 1 || undefined);
});
