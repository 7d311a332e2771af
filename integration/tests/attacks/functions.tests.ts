import { EnableAlarmActionsCommand, DisableAlarmActionsCommand } from '@aws-sdk/client-cloudwatch';
import { CreateLogGroupCommand, CreateLogStreamCommand, DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CopyImageCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { DeleteRolePolicyCommand } from '@aws-sdk/client-iam';
import { UpdateFunctionConfigurationCommand, waitUntilFunctionUpdatedV2 } from '@aws-sdk/client-lambda';
import { DeleteParameterCommand } from '@aws-sdk/client-ssm';
import { REGION } from '../support/emulator.ts';
import { testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  ADMINISTRATOR,
  administrator,
  bake,
  busArn,
  copyImage,
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
import { assume, COPY_IMAGE_ROLE, onceOpened, operators, SETTLE_COPY_ROLE, type Identity } from './identity.ts';

const key = () => keyArn(administrator);
const copy = () => images().copy.imageId;
const copySnapshot = () => images().copy.snapshotId;
const COPY_IMAGE = functionArn(administrator, 'copy-image');
const ATTEMPT = 'image-copier attempt=1 baked=2026-01-01T00:00:00.000Z';
const ANNOUNCED = 'image-copier announced=2026-01-01T00:00:00.000Z attempt=1 baked=2026-01-01T00:00:00.000Z';
const ALARM = 'image-copier-dead-letters';
const PARAMETER = '/image-copier/attack';

/** What a function may do with a copy that it has not announced. */
async function onFailedCopy(call: (image: () => string, snapshot: () => string) => Promise<unknown>): Promise<void> {
  const { imageId, snapshotIds } = await bake(administrator, ATTEMPT);
  const snapshot = () => snapshotIds[0] ?? '';
  await calls.tag(snapshot, ATTEMPT)(administrator);
  await call(() => imageId, snapshot);
}

/** The same call on an image of the account that nobody uses. */
async function onOwnImage(call: (image: () => string, snapshot: () => string) => Promise<unknown>): Promise<void> {
  const { imageId, snapshotIds } = await bake(administrator);
  await call(
    () => imageId,
    () => snapshotIds[0] ?? '',
  );
}

function configure({ lambda }: Identity) {
  return lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: COPY_IMAGE, Timeout: 60 }));
}

function deleteLogGroup(logGroupName: string) {
  return ({ logs }: Identity) => logs.send(new DeleteLogGroupCommand({ logGroupName }));
}

/** The destination of a copy is the Region that is called. */
function copyTo(region: string) {
  return async ({ settings }: Identity) => {
    const source = { SourceImageId: images().trusted.imageId, SourceRegion: REGION };
    const copied = { Name: 'attack', Encrypted: true, KmsKeyId: key() };
    await new EC2Client({ ...settings, region }).send(new CopyImageCommand({ ...source, ...copied }));
  };
}

testAttacks('the code of copy-image, with its role,', [
  {
    name: "copies a stranger's image",
    by: copyImage,
    call: calls.copy(() => images().strange.imageId, key),
    answer: 'UnauthorizedOperation',
    passes: () => calls.copy(() => images().trusted.imageId, key)(copyImage),
  },
  {
    name: 'copies into another Region',
    by: copyImage,
    call: copyTo('eu-central-1'),
    answer: 'UnauthorizedOperation',
    passes: () => copyTo(REGION)(copyImage),
  },
  {
    name: "copies under another account's key",
    by: copyImage,
    call: calls.copy(
      () => images().trusted.imageId,
      () => keyArn(listed),
    ),
    answer: calls.NOT_ACCESSIBLE,
    passes: () => calls.copy(() => images().trusted.imageId, key)(copyImage),
  },
  {
    name: 'tags an image that is there',
    by: copyImage,
    call: calls.tag(copy, 'new', 'Name'),
    answer: 'UnauthorizedOperation',
    passes: administrator,
  },
  {
    name: 'tags a snapshot that is there',
    by: copyImage,
    call: calls.tag(copySnapshot, 'new', 'Name'),
    answer: 'UnauthorizedOperation',
    passes: administrator,
  },
  {
    name: 'deregisters a copy',
    by: copyImage,
    call: calls.deregister(copy),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.deregister(image)(administrator)),
  },
  {
    name: 'shares a copy with a stranger',
    by: copyImage,
    call: calls.shareImageWith(listed.account, copy),
    answer: 'UnauthorizedOperation',
    passes: administrator,
  },
  {
    name: 'shares the snapshot of a copy with a stranger',
    by: copyImage,
    call: calls.shareSnapshotWith(listed.account, copySnapshot),
    answer: 'UnauthorizedOperation',
    passes: administrator,
  },
  {
    name: 'uses the key itself',
    by: copyImage,
    call: calls.useKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'grants the key to somebody else',
    by: copyImage,
    call: calls.grantKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'sends itself a copy request',
    by: copyImage,
    call: calls.send(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: settleCopy,
  },
  {
    name: 'takes dead letters',
    by: copyImage,
    call: calls.receive(queueUrl(administrator, 'dead-letters')),
    answer: 'AccessDenied',
    passes: administrator,
  },
  {
    name: 'publishes a copy request',
    by: copyImage,
    call: calls.publish(topicArn(), calls.NO_REQUEST),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a result',
    by: copyImage,
    call: calls.publish(topicArn('-results'), calls.NO_RESULT),
    answer: 'AuthorizationError',
    passes: settleCopy,
  },
  {
    name: 'puts a result on its event bus',
    by: copyImage,
    call: calls.putEvent('image-copier'),
    answer: 'AccessDeniedException',
    passes: settleCopy,
  },
  {
    name: 'points a parameter to an image',
    by: copyImage,
    call: calls.putParameter(PARAMETER),
    answer: 'AccessDeniedException',
    passes: settleCopy,
  },
  {
    name: 'invokes settle-copy',
    by: copyImage,
    call: calls.invoke(functionArn(administrator, 'settle-copy')),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'replaces its own code',
    by: copyImage,
    call: calls.replaceCode(COPY_IMAGE),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'changes its own configuration',
    by: copyImage,
    call: configure,
    answer: 'AccessDeniedException',
    passes: async () => {
      // Lambda takes one change after the other.
      const client = administrator.lambda;
      await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 60, minDelay: 1 }, { FunctionName: COPY_IMAGE });
      await configure(administrator);
    },
  },
  {
    name: 'deletes its own log',
    by: copyImage,
    call: deleteLogGroup('/aws/lambda/image-copier-copy-image'),
    answer: 'AccessDeniedException',
    passes: async () => {
      await administrator.logs.send(new CreateLogGroupCommand({ logGroupName: 'attack' }));
      await deleteLogGroup('attack')(administrator);
    },
  },
  {
    name: 'writes into the log of settle-copy',
    by: copyImage,
    call: ({ logs }) =>
      logs.send(
        new CreateLogStreamCommand({ logGroupName: '/aws/lambda/image-copier-settle-copy', logStreamName: 'attack' }),
      ),
    answer: 'AccessDeniedException',
    passes: settleCopy,
  },
  {
    name: 'gives its role more rights',
    by: copyImage,
    call: calls.widen(COPY_IMAGE_ROLE),
    answer: 'AccessDenied',
    passes: async () => {
      await calls.widen(COPY_IMAGE_ROLE)(administrator);
      await administrator.iam.send(new DeleteRolePolicyCommand({ RoleName: COPY_IMAGE_ROLE, PolicyName: 'attack' }));
    },
  },
  {
    name: 'assumes the role of settle-copy',
    by: copyImage,
    call: assume(administrator.account, SETTLE_COPY_ROLE),
    answer: 'AccessDenied',
    passes: () => onceOpened(administrator, SETTLE_COPY_ROLE),
  },
  {
    name: "assumes the role of its account's administrator",
    by: copyImage,
    call: assume(administrator.account, ADMINISTRATOR),
    answer: 'AccessDenied',
    passes: operators,
  },
]);

testAttacks('the code of settle-copy, with its role,', [
  {
    name: 'deregisters an announced copy',
    by: settleCopy,
    call: calls.deregister(copy),
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((image) => calls.deregister(image)(settleCopy)),
  },
  {
    name: 'deletes the snapshot of an announced copy',
    by: settleCopy,
    // Its role would let it, by the marker that the snapshot was made with. EC2 does not, as long as the image is there.
    call: calls.deleteSnapshot(copySnapshot),
    answer: 'InvalidSnapshot.InUse',
    passes: () =>
      onFailedCopy(async (image, snapshot) => {
        await calls.deregister(image)(settleCopy);
        await calls.deleteSnapshot(snapshot)(settleCopy);
      }),
  },
  {
    name: 'marks an announced copy as one that may be removed',
    by: settleCopy,
    call: calls.tag(copy, ATTEMPT),
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((image) => calls.tag(image, ANNOUNCED)(settleCopy)),
  },
  {
    name: "deregisters an image that is not the copier's",
    by: settleCopy,
    call: (as) => onOwnImage((image) => calls.deregister(image)(as)),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.deregister(image)(administrator)),
  },
  {
    name: 'deregisters a failed copy of another copier',
    by: settleCopy,
    call: async (as) => {
      const { imageId } = await bake(administrator, ATTEMPT.replace('image-copier', 'other'));
      await calls.deregister(() => imageId)(as);
    },
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((image) => calls.deregister(image)(settleCopy)),
  },
  {
    name: "deletes a snapshot that is not the copier's",
    by: settleCopy,
    call: (as) => onOwnImage((_, snapshot) => calls.deleteSnapshot(snapshot)(as)),
    answer: 'UnauthorizedOperation',
    passes: () =>
      onOwnImage(async (image, snapshot) => {
        await calls.deregister(image)(administrator);
        await calls.deleteSnapshot(snapshot)(administrator);
      }),
  },
  {
    name: "marks a snapshot that is not the copier's as one that may be removed",
    by: settleCopy,
    call: (as) => onOwnImage((_, snapshot) => calls.tag(snapshot, ATTEMPT)(as)),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((_, snapshot) => calls.tag(snapshot, ANNOUNCED)(settleCopy)),
  },
  {
    name: "marks an image that is not the copier's as announced",
    by: settleCopy,
    call: (as) => onOwnImage((image) => calls.tag(image, ANNOUNCED)(as)),
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((image) => calls.tag(image, ANNOUNCED)(settleCopy)),
  },
  {
    name: 'changes another tag of a copy',
    by: settleCopy,
    call: calls.tag(copy, 'debian', 'Recipe'),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.tag(image, 'debian', 'Recipe')(administrator)),
  },
  {
    name: 'copies an image',
    by: settleCopy,
    call: calls.copy(() => images().trusted.imageId, key),
    answer: 'UnauthorizedOperation',
    passes: copyImage,
  },
  {
    name: 'shares an announced copy with a stranger',
    by: settleCopy,
    call: calls.shareImageWith(stranger.account, copy),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.shareImageWith(stranger.account, image)(administrator)),
  },
  {
    name: "reads another account's parameter",
    by: settleCopy,
    call: calls.getParameter(parameterArn(listed)),
    answer: 'AccessDeniedException',
    passes: () => calls.getParameter(parameterArn(administrator))(settleCopy),
  },
  {
    name: "writes a parameter that is not the copier's",
    by: settleCopy,
    call: calls.putParameter('/database/host'),
    answer: 'AccessDeniedException',
    passes: () => calls.putParameter(PARAMETER)(settleCopy),
  },
  {
    name: 'deletes a parameter',
    by: settleCopy,
    call: ({ ssm }) => ssm.send(new DeleteParameterCommand({ Name: PARAMETER })),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'puts an event in the name of another system on the event bus',
    by: settleCopy,
    call: calls.putEvent('payments'),
    answer: 'AccessDeniedException',
    passes: () => calls.putEvent('image-copier')(settleCopy),
  },
  {
    name: "puts an event on another account's event bus",
    by: settleCopy,
    call: calls.putEvent('image-copier', busArn(listed)),
    answer: 'AccessDeniedException',
    passes: () => calls.putEvent('image-copier', busArn(administrator))(settleCopy),
  },
  {
    name: "sends to another account's queue",
    by: settleCopy,
    call: calls.send(queueUrl(listed, 'requests')),
    answer: 'AccessDenied',
    passes: () => calls.send(queueUrl(administrator, 'requests'))(settleCopy),
  },
  {
    name: 'takes copy requests',
    by: settleCopy,
    call: calls.receive(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: copyImage,
  },
  {
    name: 'publishes a copy request',
    by: settleCopy,
    call: calls.publish(topicArn(), calls.NO_REQUEST),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'publishes a result on the topic of a stranger',
    by: settleCopy,
    call: calls.publish(`arn:aws:sns:${REGION}:${stranger.account}:attack`, calls.NO_RESULT),
    answer: 'AuthorizationError',
    passes: () => calls.publish(topicArn('-results'), calls.NO_RESULT)(settleCopy),
  },
  {
    name: 'uses the key',
    by: settleCopy,
    call: calls.useKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'stops the sweep',
    by: settleCopy,
    call: ({ events }) => events.send(new DisableRuleCommand({ Name: 'image-copier-sweep' })),
    answer: 'AccessDeniedException',
    passes: async () => {
      await administrator.events.send(new DisableRuleCommand({ Name: 'image-copier-sweep' }));
      await administrator.events.send(new EnableRuleCommand({ Name: 'image-copier-sweep' }));
    },
  },
  {
    name: 'silences an alarm',
    by: settleCopy,
    call: ({ cloudWatch }) => cloudWatch.send(new DisableAlarmActionsCommand({ AlarmNames: [ALARM] })),
    answer: 'AccessDenied',
    passes: async () => {
      await administrator.cloudWatch.send(new DisableAlarmActionsCommand({ AlarmNames: [ALARM] }));
      await administrator.cloudWatch.send(new EnableAlarmActionsCommand({ AlarmNames: [ALARM] }));
    },
  },
]);
