import { GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import { ListSubscriptionsByTopicCommand, SetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { PurgeQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { REGION } from '../support/emulator.ts';
import { testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  ADMINISTRATOR,
  administrator,
  busArn,
  functionArn,
  images,
  keyArn,
  listed,
  parameterArn,
  queueUrl,
  settleCopy,
  sourceAdministrator,
  stranger,
  topicArn,
} from './cast.ts';
import { assume, COPY_IMAGE_ROLE, onceOpened, operators, roleArn, SETTLE_COPY_ROLE } from './identity.ts';
import { onOwnImage } from './own-images.ts';

const key = () => keyArn(administrator);
const keyOfListed = () => keyArn(listed);

/** The policy that the key has. */
async function keyPolicy(): Promise<string> {
  const { Policy = '' } = await administrator.kms.send(
    new GetKeyPolicyCommand({ KeyId: key(), PolicyName: 'default' }),
  );
  return Policy;
}

testAttacks('an administrator of an account that is not listed', [
  {
    name: 'subscribes to the copy requests',
    by: stranger,
    call: calls.subscribe(topicArn()),
    answer: 'AuthorizationError',
    passes: administrator,
  },
  {
    name: 'lists who subscribed to the copy requests',
    by: stranger,
    call: ({ sns }) => sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topicArn() })),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a copy request',
    by: stranger,
    call: calls.publish(topicArn(), calls.NO_REQUEST),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a retirement request',
    by: stranger,
    call: calls.publish(topicArn('-housekeeping'), calls.NO_RETIREMENT),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a result',
    by: stranger,
    call: calls.publish(topicArn('-results'), calls.NO_RESULT),
    answer: 'AuthorizationError',
    passes: settleCopy,
  },
  {
    name: 'changes the topic of the copy requests',
    by: stranger,
    call: ({ sns }) =>
      sns.send(
        new SetTopicAttributesCommand({
          TopicArn: topicArn(),
          AttributeName: 'DisplayName',
          AttributeValue: 'requests',
        }),
      ),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'sends a copy request to the queue',
    by: stranger,
    call: calls.send(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'sends a retirement to the queue',
    by: stranger,
    call: calls.send(queueUrl(administrator, 'retirements'), calls.NO_RETIREMENT),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'sends a wake-up to settle-copy',
    by: stranger,
    call: calls.send(queueUrl(administrator, 'settle.fifo')),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'reads the dead letters',
    by: stranger,
    call: calls.receive(queueUrl(administrator, 'dead-letters')),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'empties the queue of settle-copy',
    by: stranger,
    call: ({ sqs }) => sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl(administrator, 'settle.fifo') })),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'changes the queue of the copy requests',
    by: stranger,
    call: ({ sqs }) =>
      sqs.send(
        new SetQueueAttributesCommand({
          QueueUrl: queueUrl(administrator, 'requests'),
          Attributes: { VisibilityTimeout: '360' },
        }),
      ),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'assumes the role of copy-image',
    by: stranger,
    call: assume(administrator.account, COPY_IMAGE_ROLE),
    answer: 'AccessDenied',
    passes: () => onceOpened(administrator, COPY_IMAGE_ROLE),
  },
  {
    name: "assumes an administrator's role",
    by: stranger,
    call: assume(administrator.account, ADMINISTRATOR),
    answer: 'AccessDenied',
    passes: operators,
  },
  {
    name: 'makes a function of its own with the role of copy-image',
    by: stranger,
    call: calls.makeFunction(() => roleArn(administrator.account, COPY_IMAGE_ROLE)),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'invokes copy-image',
    by: stranger,
    call: calls.invoke(functionArn(administrator, 'copy-image')),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'replaces the code of copy-image',
    by: stranger,
    call: calls.replaceCode(functionArn(administrator, 'copy-image')),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'uses the key',
    by: stranger,
    call: calls.useKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'gives itself a grant on the key',
    by: stranger,
    call: calls.grantKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'changes the policy of the key',
    by: stranger,
    call: calls.setKeyPolicy(key, keyPolicy),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'copies an image of its own under the key',
    by: stranger,
    call: calls.copy(() => images().strange.imageId, key),
    answer: calls.NOT_ACCESSIBLE,
    passes: () => onOwnImage((image) => calls.copy(image, key)(administrator)),
  },
  {
    name: 'copies a copy',
    by: stranger,
    call: calls.copy(() => images().copy.imageId, key),
    answer: 'InvalidAMIID.NotFound',
    passes: administrator,
  },
  {
    name: 'shares a copy with itself',
    by: stranger,
    call: calls.shareImageWith(stranger.account, () => images().copy.imageId),
    answer: 'InvalidAMIID.NotFound',
    passes: () => onOwnImage((image) => calls.shareImageWith(stranger.account, image)(administrator)),
  },
  {
    name: 'reads the parameter of a recipe',
    by: stranger,
    call: calls.getParameter(parameterArn(administrator)),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'puts a result on the event bus',
    by: stranger,
    call: calls.putEvent('image-copier', busArn(administrator)),
    answer: 'AccessDeniedException',
    passes: settleCopy,
  },
]);

testAttacks('an administrator of another listed account', [
  {
    name: 'subscribes a queue of somebody else to the copy requests',
    by: listed,
    call: calls.subscribe(topicArn(), {
      Protocol: 'sqs',
      Endpoint: `arn:aws:sqs:${REGION}:${stranger.account}:attack`,
    }),
    answer: 'AuthorizationError',
    passes: () => calls.subscribe(topicArn())(listed),
  },
  {
    name: 'subscribes a mail address to the copy requests',
    by: listed,
    call: calls.subscribe(topicArn(), { Protocol: 'email', Endpoint: 'somebody@example.org' }),
    answer: 'AuthorizationError',
    passes: () => calls.subscribe(topicArn())(listed),
  },
  {
    name: 'subscribes to the results',
    by: listed,
    call: calls.subscribe(topicArn('-results')),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a copy request for others',
    by: listed,
    call: calls.publish(topicArn(), calls.NO_REQUEST),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a revocation',
    by: listed,
    call: calls.publish(topicArn('-housekeeping'), calls.NO_RETIREMENT),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'forges a result by a role that is not of settle-copy',
    by: listed,
    call: calls.publish(topicArn('-results'), calls.NO_RESULT),
    answer: 'AuthorizationError',
    passes: settleCopy,
  },
  {
    name: "sends a copy request to another account's queue",
    by: listed,
    call: calls.send(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: () => calls.send(queueUrl(listed, 'requests'))(listed),
  },
  {
    name: "sends a retirement to another account's queue",
    by: listed,
    call: calls.send(queueUrl(administrator, 'retirements'), calls.NO_RETIREMENT),
    answer: 'AccessDenied',
    passes: () => calls.send(queueUrl(listed, 'retirements'), calls.NO_RETIREMENT)(listed),
  },
  {
    name: "sends a wake-up to another account's settle-copy",
    by: listed,
    call: calls.send(queueUrl(administrator, 'settle.fifo')),
    answer: 'AccessDenied',
    passes: () => calls.send(queueUrl(listed, 'settle.fifo'))(listed),
  },
  {
    name: "assumes the role of another account's settle-copy",
    by: listed,
    call: assume(administrator.account, SETTLE_COPY_ROLE),
    answer: 'AccessDenied',
    passes: () => onceOpened(administrator, SETTLE_COPY_ROLE),
  },
  {
    name: "copies a shared image under another account's key",
    by: listed,
    call: calls.copy(() => images().trusted.imageId, key),
    answer: calls.NOT_ACCESSIBLE,
    passes: () => calls.copy(() => images().trusted.imageId, keyOfListed)(listed),
  },
  {
    name: "reads another account's parameter",
    by: listed,
    call: calls.getParameter(parameterArn(administrator)),
    answer: 'AccessDeniedException',
    passes: () => calls.getParameter(parameterArn(listed))(listed),
  },
  {
    name: "puts a result on another account's event bus",
    by: listed,
    call: calls.putEvent('image-copier', busArn(administrator)),
    answer: 'AccessDeniedException',
    passes: () => calls.putEvent('image-copier')(listed),
  },
]);
