import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { PutEventsCommand, PutRuleCommand, PutTargetsCommand, type Target } from '@aws-sdk/client-eventbridge';
import { AttachRolePolicyCommand, CreateRoleCommand } from '@aws-sdk/client-iam';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
} from '@aws-sdk/client-lambda';
import { CreateTopicCommand, PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { emulatedEnvironment, withoutAws } from '../../../scripts/dev/emulated-account.ts';
import { messageOf } from '../../../scripts/tool/common/message-of.ts';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { TerraformRoot } from '../../../scripts/tool/deploy/terraform-root.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { endpoint, REGION } from '../support/emulator.ts';
import { sendingPolicy } from '../support/sending-policy.ts';
import { InVain, testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  accounts,
  administrator,
  colleague,
  functionArn,
  images,
  keyArn,
  listed,
  queueArn,
  queueUrl,
  sourceAdministrator,
  stranger,
  topicArn,
  ZIP,
} from './cast.ts';
import { roleArn, type Identity } from './identity.ts';

const SETUP_TIMEOUT_MS = 300_000;
const NOT_DELIVERED = 'not delivered';
const ORGANIZATION = 'o-a1b2c3d4e5';
const ROLE = 'deputy';
const key = () => keyArn(administrator);
const roleOfItsOwn = (account: string) => roleArn(account, ROLE);
const zipInBucket = { S3Bucket: '', S3Key: '' };

beforeAll(async () => {
  for (const each of [stranger, listed]) await makeFunctionRole(each);
  await setOrganization('PUT');
  const bucket = new TerraformRoot({
    directory: join(ROOT, 'terraform', 'modules', 'artifact-bucket'),
    workDirectory: join(accounts.folder, 'bucket'),
    variables: { prefix: `attacks-${accounts.source.id}`, organization_id: ORGANIZATION },
    env: { ...withoutAws(), ...emulatedEnvironment(endpoint(), accounts.source.id, REGION) },
  });
  await bucket.init();
  await bucket.apply();
  const outputs = await bucket.outputs();
  zipInBucket.S3Bucket = String(outputs['bucket']);
  zipInBucket.S3Key = String(outputs['function_key']);
}, SETUP_TIMEOUT_MS);

afterAll(async () => {
  await setOrganization('DELETE');
});

/** One of the listed accounts is a member of the organization. */
async function setOrganization(method: 'PUT' | 'DELETE'): Promise<void> {
  const body = method === 'PUT' ? { body: JSON.stringify({ id: ORGANIZATION }) } : {};
  await fetch(`${endpoint()}/_image-copier/accounts/${listed.account}/organization`, { method, ...body });
}

/** A role for functions that lacks no right of its own account. */
async function makeFunctionRole({ iam }: Identity): Promise<void> {
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
  await iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument }));
  await iam.send(
    new AttachRolePolicyCommand({ RoleName: ROLE, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }),
  );
}

interface Queue {
  readonly arn: string;
  readonly url: string;
}

/** A queue of somebody's own that a service sends to on behalf of a topic or a rule of the same name. */
async function makeQueue({ account, sqs }: Identity, QueueName: string, service: 'events' | 'sns'): Promise<Queue> {
  const arn = `arn:aws:sqs:${REGION}:${account}:${QueueName}`;
  const sender = service === 'sns' ? QueueName : `rule/${QueueName}`;
  const Policy = sendingPolicy(service, arn, `arn:aws:${service}:${REGION}:${account}:${sender}`);
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy } }));
  return { arn, url };
}

/** Whether a message with this text is in the queue; it stays there, out of the way of the next look. */
async function isIn({ sqs }: Identity, QueueUrl: string, text: string): Promise<boolean> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 1 }),
  );
  return Messages.some(({ Body = '' }) => Body.includes(text));
}

/** A request that copy-image, or retire-image, puts into the dead-letter queue once it has it: so it is seen that it came. */
function badRequest(mark: string): string {
  return JSON.stringify({ targetAccounts: [administrator.account], sourceAmi: mark });
}

async function isDeadLetter(mark: string): Promise<boolean> {
  return await isIn(administrator, queueUrl(administrator, 'dead-letters'), mark);
}

/** Publishes on a new topic of the caller's that is to deliver to others. What SNS gives up comes to a queue of the caller's. */
function throughTopic(Protocol: 'lambda' | 'sqs', Endpoint: string) {
  return async (as: Identity) => {
    const { sns } = as;
    const mark = randomUUID();
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: mark }));
    const givenUp = await makeQueue(as, mark, 'sns');
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: givenUp.arn });
    await sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint, Attributes: { RedrivePolicy } }));
    await sns.send(new PublishCommand({ TopicArn, Message: badRequest(mark) }));
    const isGivenUp = await waitFor('the message, here or there', async () => {
      if (await isIn(as, givenUp.url, mark)) return true;
      return (await isDeadLetter(mark)) ? false : undefined;
    });
    if (isGivenUp) throw new InVain(NOT_DELIVERED);
  };
}

async function throughRequestTopic(): Promise<void> {
  await throughOwnTopic(topicArn());
}

async function throughHousekeepingTopic(): Promise<void> {
  await throughOwnTopic(topicArn('-housekeeping'));
}

async function throughOwnTopic(topic: string): Promise<void> {
  const mark = randomUUID();
  await calls.publish(topic, badRequest(mark))(sourceAdministrator);
  await waitFor('the dead letter', async () => (await isDeadLetter(mark)) || undefined);
}

/**
 * Has a new rule of the caller's send an event to others, and to a queue of the caller's. EventBridge tells nobody that it may
 * not, but by a metric; the emulator lists it.
 */
function throughRule(target: Omit<Target, 'Id'>) {
  return async (as: Identity) => {
    const { events } = as;
    const name = randomUUID();
    const own = await makeQueue(as, name, 'events');
    const before = await denialsOf(target.Arn);
    await events.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: [name] }) }));
    const targets = [
      { Id: 'own', Arn: own.arn },
      { Id: 'other', ...target },
    ];
    await events.send(new PutTargetsCommand({ Rule: name, Targets: targets }));
    await events.send(new PutEventsCommand({ Entries: [{ Source: name, DetailType: 'Attack', Detail: '{}' }] }));
    await waitFor('the event at the queue of its own', async () => (await isIn(as, own.url, name)) || undefined);
    await waitFor('the denial', async () => (await denialsOf(target.Arn)) > before || undefined);
    throw new InVain(NOT_DELIVERED);
  };
}

/** How often EventBridge was denied something on a resource. */
async function denialsOf(arn: string | undefined): Promise<number> {
  const response = await fetch(`${endpoint()}/_image-copier/denials`);
  const all = (await response.json()) as { principal: string; resource: string }[];
  return all.filter(({ principal, resource }) => principal === 'events.amazonaws.com' && resource === arn).length;
}

/** Has Lambda poll a queue for a new function of the caller's. */
function poll(queue: (as: Identity) => string) {
  return async (as: Identity) => {
    const { account, lambda } = as;
    const FunctionName = 'poller';
    const parts = { Role: roleOfItsOwn(account), Runtime: 'nodejs22.x', Handler: 'copy-image.handler' } as const;
    await lambda.send(new CreateFunctionCommand({ FunctionName, ...parts, Code: { ZipFile: ZIP } }));
    try {
      const { UUID } = await lambda.send(
        new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn: queue(as) }),
      );
      await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
    } catch (error) {
      // The same code says that a mapping is wrong.
      if (!messageOf(error).includes('does not have permissions to call ReceiveMessage'))
        throw new InVain(String(error));
      throw error;
    } finally {
      await lambda.send(new DeleteFunctionCommand({ FunctionName }));
    }
  };
}

async function pollItsOwn(): Promise<void> {
  await stranger.sqs.send(new CreateQueueCommand({ QueueName: 'polled' }));
  await poll(({ account }) => `arn:aws:sqs:${REGION}:${account}:polled`)(stranger);
}

const settleTarget = { Arn: queueArn(administrator, 'settle.fifo'), SqsParameters: { MessageGroupId: 'settle' } };

testAttacks('a service of AWS that somebody uses', [
  {
    name: 'has SNS deliver to the queue of the copy requests',
    by: stranger,
    call: throughTopic('sqs', queueArn(administrator, 'requests')),
    answer: NOT_DELIVERED,
    passes: throughRequestTopic,
  },
  {
    name: 'has SNS deliver from another topic of the source account',
    by: sourceAdministrator,
    call: throughTopic('sqs', queueArn(administrator, 'requests')),
    answer: NOT_DELIVERED,
    passes: throughRequestTopic,
  },
  {
    name: 'has SNS deliver to the queue of the retirements',
    by: stranger,
    call: throughTopic('sqs', queueArn(administrator, 'retirements')),
    answer: NOT_DELIVERED,
    passes: throughHousekeepingTopic,
  },
  {
    name: 'has SNS deliver retirements from another topic of the source account',
    by: sourceAdministrator,
    call: throughTopic('sqs', queueArn(administrator, 'retirements')),
    answer: NOT_DELIVERED,
    passes: throughHousekeepingTopic,
  },
  {
    name: 'has SNS deliver to the dead-letter queue',
    by: stranger,
    call: throughTopic('sqs', queueArn(administrator, 'dead-letters')),
    answer: NOT_DELIVERED,
    passes: throughRequestTopic,
  },
  {
    name: 'has SNS invoke copy-image',
    by: stranger,
    call: throughTopic('lambda', functionArn(administrator, 'copy-image')),
    answer: NOT_DELIVERED,
    passes: () => calls.invoke(functionArn(administrator, 'copy-image'))(administrator),
  },
  {
    name: 'has EventBridge wake settle-copy',
    by: stranger,
    call: throughRule(settleTarget),
    answer: NOT_DELIVERED,
    passes: () => calls.send(queueUrl(administrator, 'settle.fifo'))(administrator),
  },
  {
    name: 'has EventBridge wake settle-copy by another rule of the same account',
    by: administrator,
    call: throughRule(settleTarget),
    answer: NOT_DELIVERED,
    passes: () => calls.send(queueUrl(administrator, 'settle.fifo'))(administrator),
  },
  {
    name: 'has EventBridge send a retirement by another rule of the same account',
    by: administrator,
    call: throughRule({ Arn: queueArn(administrator, 'retirements') }),
    answer: NOT_DELIVERED,
    passes: () => calls.send(queueUrl(administrator, 'retirements'), calls.NO_RETIREMENT)(administrator),
  },
  {
    name: 'has EventBridge invoke copy-image',
    by: stranger,
    call: throughRule({ Arn: functionArn(administrator, 'copy-image') }),
    answer: NOT_DELIVERED,
    passes: () => calls.invoke(functionArn(administrator, 'copy-image'))(administrator),
  },
  {
    name: 'has Lambda poll the queue of the copy requests',
    by: stranger,
    call: poll(() => queueArn(administrator, 'requests')),
    answer: 'InvalidParameterValueException',
    passes: pollItsOwn,
  },
  {
    name: 'has Lambda read the zip for an account outside the organization',
    by: stranger,
    call: calls.makeFunction(roleOfItsOwn, () => zipInBucket),
    answer: 'AccessDeniedException',
    passes: listed,
  },
  {
    name: 'uses the key without EC2',
    by: colleague,
    call: calls.useKey(key),
    answer: 'AccessDeniedException',
    passes: () => calls.copy(() => images().trusted.imageId, key)(colleague),
  },
  {
    name: 'has Parameter Store use the key',
    by: colleague,
    call: ({ ssm }) =>
      ssm.send(
        new PutParameterCommand({ Name: '/secret', Value: 'it', Type: 'SecureString', KeyId: key(), Overwrite: true }),
      ),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
]);
