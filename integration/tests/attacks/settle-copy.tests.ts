import { DisableAlarmActionsCommand, EnableAlarmActionsCommand } from '@aws-sdk/client-cloudwatch';
import { DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { DeleteParameterCommand } from '@aws-sdk/client-ssm';
import { REGION } from '../support/emulator.ts';
import { testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  administrator,
  bake,
  busArn,
  copyImage,
  images,
  keyArn,
  listed,
  parameterArn,
  queueUrl,
  retireImage,
  settleCopy,
  sourceAdministrator,
  stranger,
  topicArn,
} from './cast.ts';
import type { Identity } from './identity.ts';
import { ENDED, onNote, REFUSED } from './notes.ts';
import { ANNOUNCED, ATTEMPT, onFailedCopy, onOwnImage } from './own-images.ts';

const ALARM = 'image-copier-dead-letters';
const PARAMETER = '/image-copier/attack';
const key = () => keyArn(administrator);
const copy = () => images().copy.imageId;
const copySnapshot = () => images().copy.snapshotId;

function deleteParameter({ ssm }: Identity) {
  return ssm.send(new DeleteParameterCommand({ Name: PARAMETER }));
}

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
    call: calls.getParameters(parameterArn(listed)),
    answer: 'AccessDeniedException',
    passes: () => calls.getParameters(parameterArn(administrator))(settleCopy),
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
    call: deleteParameter,
    answer: 'AccessDeniedException',
    passes: async () => {
      await calls.putParameter(PARAMETER)(settleCopy);
      await deleteParameter(administrator);
    },
  },
  {
    name: 'undoes the end of an image',
    by: settleCopy,
    call: calls.putParameter(ENDED),
    answer: 'AccessDeniedException',
    passes: () => onNote(ENDED, retireImage),
  },
  {
    name: 'says that a request was refused',
    by: settleCopy,
    call: calls.putParameter(REFUSED),
    answer: 'AccessDeniedException',
    passes: () => onNote(REFUSED, copyImage),
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
