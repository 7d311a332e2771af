import { CreateLogGroupCommand, CreateLogStreamCommand, DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CopyImageCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DeleteRolePolicyCommand } from '@aws-sdk/client-iam';
import { UpdateFunctionConfigurationCommand, waitUntilFunctionUpdatedV2 } from '@aws-sdk/client-lambda';
import { REGION } from '../support/emulator.ts';
import { testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  ADMINISTRATOR,
  administrator,
  copyImage,
  functionArn,
  images,
  keyArn,
  listed,
  queueUrl,
  retireImage,
  settleCopy,
  sourceAdministrator,
  stranger,
  topicArn,
} from './cast.ts';
import { assume, COPY_IMAGE_ROLE, onceOpened, operators, SETTLE_COPY_ROLE, type Identity } from './identity.ts';
import { onOwnImage } from './own-images.ts';
import { ENDED, onNote } from './notes.ts';

const COPY_IMAGE = functionArn(administrator, 'copy-image');
const key = () => keyArn(administrator);
const copy = () => images().copy.imageId;
const copySnapshot = () => images().copy.snapshotId;

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
    call: calls.shareImageWith(stranger.account, copy),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.shareImageWith(stranger.account, image)(administrator)),
  },
  {
    name: 'shares the snapshot of a copy with a stranger',
    by: copyImage,
    call: calls.shareSnapshotWith(stranger.account, copySnapshot),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((_, snapshot) => calls.shareSnapshotWith(stranger.account, snapshot)(administrator)),
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
    call: calls.putParameter('/image-copier/attack'),
    answer: 'AccessDeniedException',
    passes: settleCopy,
  },
  {
    name: 'undoes the end of an image',
    by: copyImage,
    call: calls.putParameter(ENDED),
    answer: 'AccessDeniedException',
    passes: () => onNote(ENDED, retireImage),
  },
  {
    name: 'says that an image was asked for',
    by: copyImage,
    call: calls.putParameter('/image-copier-requests/image-copier/asked/0'),
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
