import { SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { DeleteRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { AddPermissionCommand, RemovePermissionCommand } from '@aws-sdk/client-lambda';
import { SetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteQueueCommand, PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  ADMINISTRATOR,
  administrator,
  functionArn,
  images,
  keyArn,
  queueUrl,
  reader,
  sourceAdministrator,
  sourceReader,
  stranger,
  topicArn,
} from './cast.ts';
import {
  assume,
  COPY_IMAGE_ROLE,
  onceOpened,
  operators,
  roleArn,
  SETTLE_COPY_ROLE,
  type Identity,
} from './identity.ts';
import { onOwnImage } from './own-images.ts';

const COPY_IMAGE = functionArn(administrator, 'copy-image');
const SWEEP = 'image-copier-sweep';
const key = () => keyArn(administrator);
const copy = () => images().copy.imageId;

function disableRule({ events }: Identity) {
  return events.send(new DisableRuleCommand({ Name: SWEEP }));
}

function disableKey({ kms }: Identity) {
  return kms.send(new DisableKeyCommand({ KeyId: key() }));
}

function permit({ lambda }: Identity) {
  const permission = { StatementId: 'attack', Action: 'lambda:InvokeFunction', Principal: stranger.account };
  return lambda.send(new AddPermissionCommand({ FunctionName: COPY_IMAGE, ...permission }));
}

function deleteQueue(QueueUrl: string) {
  return ({ sqs }: Identity) => sqs.send(new DeleteQueueCommand({ QueueUrl }));
}

async function deleteQueueOfItsOwn(): Promise<void> {
  const { QueueUrl = '' } = await administrator.sqs.send(new CreateQueueCommand({ QueueName: 'attack' }));
  await deleteQueue(QueueUrl)(administrator);
}

function deleteKey(KeyId: () => string) {
  return ({ kms }: Identity) => kms.send(new ScheduleKeyDeletionCommand({ KeyId: KeyId(), PendingWindowInDays: 7 }));
}

testAttacks('an operator with the policy `read`', [
  {
    name: 'tags a copy',
    by: reader,
    call: calls.tag(copy, 'new', 'Name'),
    answer: 'UnauthorizedOperation',
    passes: administrator,
  },
  {
    name: 'deregisters a copy',
    by: reader,
    call: calls.deregister(copy),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.deregister(image)(administrator)),
  },
  {
    name: 'shares a copy',
    by: reader,
    call: calls.shareImageWith(stranger.account, copy),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.shareImageWith(stranger.account, image)(administrator)),
  },
  {
    name: 'publishes a copy request',
    by: sourceReader,
    call: calls.publish(topicArn(), calls.NO_REQUEST),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'subscribes to the results',
    by: sourceReader,
    call: calls.subscribe(topicArn('-results')),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'changes the topic of the results',
    by: sourceReader,
    call: ({ sns }) =>
      sns.send(
        new SetTopicAttributesCommand({
          TopicArn: topicArn('-results'),
          AttributeName: 'DisplayName',
          AttributeValue: 'results',
        }),
      ),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'puts a dead letter back',
    by: reader,
    call: calls.send(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'empties the dead-letter queue',
    by: reader,
    call: ({ sqs }) => sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl(administrator, 'dead-letters') })),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'takes copy requests',
    by: reader,
    call: calls.receive(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'points a parameter to another image',
    by: reader,
    call: calls.putParameter('/image-copier/reader'),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'uses the key',
    by: reader,
    call: calls.useKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'disables the key',
    by: reader,
    call: disableKey,
    answer: 'AccessDeniedException',
    passes: async () => {
      await disableKey(administrator);
      await administrator.kms.send(new EnableKeyCommand({ KeyId: key() }));
    },
  },
  {
    name: 'invokes copy-image',
    by: reader,
    call: calls.invoke(COPY_IMAGE),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'replaces the code of copy-image',
    by: reader,
    call: calls.replaceCode(COPY_IMAGE),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'lets a stranger invoke copy-image',
    by: reader,
    call: permit,
    answer: 'AccessDeniedException',
    passes: async () => {
      await permit(administrator);
      await administrator.lambda.send(new RemovePermissionCommand({ FunctionName: COPY_IMAGE, StatementId: 'attack' }));
    },
  },
  {
    name: 'makes a function with the role of copy-image',
    by: reader,
    call: calls.makeFunction(() => roleArn(administrator.account, COPY_IMAGE_ROLE)),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'gives copy-image more rights',
    by: reader,
    call: calls.widen(COPY_IMAGE_ROLE),
    answer: 'AccessDenied',
    passes: async () => {
      await calls.widen(COPY_IMAGE_ROLE)(administrator);
      await administrator.iam.send(new DeleteRolePolicyCommand({ RoleName: COPY_IMAGE_ROLE, PolicyName: 'attack' }));
    },
  },
  {
    name: 'assumes the role of copy-image',
    by: reader,
    call: assume(administrator.account, COPY_IMAGE_ROLE),
    answer: 'AccessDenied',
    passes: () => onceOpened(administrator, COPY_IMAGE_ROLE),
  },
  {
    name: "assumes its account's administrator's role",
    by: reader,
    call: assume(administrator.account, ADMINISTRATOR),
    answer: 'AccessDenied',
    passes: operators,
  },
  {
    name: 'stops the sweep',
    by: reader,
    call: disableRule,
    answer: 'AccessDeniedException',
    passes: async () => {
      await disableRule(administrator);
      await administrator.events.send(new EnableRuleCommand({ Name: SWEEP }));
    },
  },
  {
    name: 'calls an alarm off',
    by: reader,
    call: ({ cloudWatch }) =>
      cloudWatch.send(
        new SetAlarmStateCommand({ AlarmName: 'image-copier-dead-letters', StateValue: 'OK', StateReason: 'attack' }),
      ),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'has a log forget sooner',
    by: reader,
    call: ({ logs }) =>
      logs.send(
        new PutRetentionPolicyCommand({ logGroupName: '/aws/lambda/image-copier-copy-image', retentionInDays: 30 }),
      ),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
]);

testAttacks('an administrator of the account itself, by mistake,', [
  {
    name: 'deletes the key',
    by: administrator,
    call: deleteKey(key),
    answer: 'AccessDeniedException',
    passes: async () => {
      const { KeyMetadata } = await administrator.kms.send(new CreateKeyCommand({}));
      await deleteKey(() => KeyMetadata?.KeyId ?? '')(administrator);
    },
  },
  {
    name: 'deletes the queue of the copy requests',
    by: administrator,
    call: deleteQueue(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: deleteQueueOfItsOwn,
  },
  {
    name: 'deletes the dead-letter queue',
    by: administrator,
    call: deleteQueue(queueUrl(administrator, 'dead-letters')),
    answer: 'AccessDenied',
    passes: deleteQueueOfItsOwn,
  },
  {
    name: 'becomes copy-image',
    by: administrator,
    call: assume(administrator.account, COPY_IMAGE_ROLE),
    answer: 'AccessDenied',
    passes: () => onceOpened(administrator, COPY_IMAGE_ROLE),
  },
  {
    name: 'becomes settle-copy',
    by: administrator,
    call: assume(administrator.account, SETTLE_COPY_ROLE),
    answer: 'AccessDenied',
    passes: () => onceOpened(administrator, SETTLE_COPY_ROLE),
  },
]);
