import { beforeAll } from '@jest/globals';
import { DeleteTagsCommand, DisableImageCommand, EnableImageCommand } from '@aws-sdk/client-ec2';
import { DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { DeleteParameterCommand } from '@aws-sdk/client-ssm';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { REGION } from '../support/emulator.ts';
import { InVain, testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import {
  administrator,
  bake,
  copyImage,
  images,
  keyArn,
  queueUrl,
  retireImage,
  settleCopy,
  sourceAdministrator,
  stranger,
  topicArn,
} from './cast.ts';
import type { Identity } from './identity.ts';
import { ATTEMPT, onFailedCopy, onOwnImage, onRetiredCopy, RETIRED } from './own-images.ts';

const PARAMETER = '/image-copier/attack';
const ENDED = '/image-copier-ended/image-copier/ami-00000000000000000';
const RULE = 'image-copier-retention';
const key = () => keyArn(administrator);
const copy = () => images().copy.imageId;
const copySnapshot = () => images().copy.snapshotId;

function enable(image: () => string) {
  return ({ ec2 }: Identity) => ec2.send(new EnableImageCommand({ ImageId: image() }));
}

function removeTag(image: () => string, Key: string) {
  return ({ ec2 }: Identity) => ec2.send(new DeleteTagsCommand({ Resources: [image()], Tags: [{ Key }] }));
}

function deleteParameter(Name: string) {
  return ({ ssm }: Identity) => ssm.send(new DeleteParameterCommand({ Name }));
}

testAttacks('the code of retire-image, with its role,', [
  {
    name: 'deregisters a copy that is not in quarantine',
    by: retireImage,
    call: calls.deregister(copy),
    answer: 'UnauthorizedOperation',
    passes: () => onRetiredCopy((image) => calls.deregister(image)(retireImage)),
  },
  {
    name: 'deletes the snapshot of a copy',
    by: retireImage,
    // As with settle-copy, EC2 does not let it, as long as the image is there.
    call: calls.deleteSnapshot(copySnapshot),
    answer: 'InvalidSnapshot.InUse',
    passes: () =>
      onRetiredCopy(async (image, snapshot) => {
        await calls.deregister(image)(retireImage);
        await calls.deleteSnapshot(snapshot)(retireImage);
      }),
  },
  {
    name: "deregisters an image that is not the copier's",
    by: retireImage,
    call: (as) => onOwnImage((image) => calls.deregister(image)(as)),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.deregister(image)(administrator)),
  },
  {
    name: "deregisters an image that is not the copier's, once it has marked it as retired",
    by: retireImage,
    call: (as) =>
      onOwnImage(async (image) => {
        await calls.tag(image, 'image-copier retired=2026-01-01T00:00:00.000Z quarantine=0', 'ImageCopierEnd')(as);
        await calls.deregister(image)(as);
      }),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.deregister(image)(administrator)),
  },
  {
    name: "marks an image that is not the copier's as one of its copies",
    by: retireImage,
    call: (as) => onOwnImage((image) => calls.tag(image, RETIRED)(as)),
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((image) => calls.tag(image, RETIRED)(retireImage)),
  },
  {
    name: 'deregisters a retired copy of another copier',
    by: retireImage,
    call: async (as) => {
      const { imageId } = await bake(administrator, RETIRED.replace('image-copier', 'other'));
      await calls.deregister(() => imageId)(as);
    },
    answer: 'UnauthorizedOperation',
    passes: () => onRetiredCopy((image) => calls.deregister(image)(retireImage)),
  },
  {
    name: 'marks an announced copy as one that settle-copy may remove',
    by: retireImage,
    call: calls.tag(copy, ATTEMPT),
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((image) => calls.tag(image, ATTEMPT)(retireImage)),
  },
  {
    name: "deletes a snapshot that is not the copier's",
    by: retireImage,
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
    by: retireImage,
    call: (as) => onOwnImage((_, snapshot) => calls.tag(snapshot, RETIRED)(as)),
    answer: 'UnauthorizedOperation',
    passes: () => onFailedCopy((_, snapshot) => calls.tag(snapshot, RETIRED)(retireImage)),
  },
  {
    name: 'lets an image be launched that somebody else has disabled',
    by: retireImage,
    call: (as) =>
      onOwnImage(async (image) => {
        await administrator.ec2.send(new DisableImageCommand({ ImageId: image() }));
        await enable(image)(as);
      }),
    answer: 'UnauthorizedOperation',
    passes: () =>
      onRetiredCopy(async (image) => {
        await retireImage.ec2.send(new DisableImageCommand({ ImageId: image() }));
        await enable(image)(retireImage);
      }),
  },
  {
    name: 'changes another tag of a copy',
    by: retireImage,
    call: calls.tag(copy, 'debian', 'Recipe'),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.tag(image, 'debian', 'Recipe')(administrator)),
  },
  {
    name: 'takes a tag of a copy away that keeps it',
    by: retireImage,
    call: removeTag(copy, 'Keep'),
    answer: 'UnauthorizedOperation',
    passes: () =>
      onOwnImage(async (image) => {
        await calls.tag(image, 'image-copier revoked=2026-01-01T00:00:00.000Z', 'ImageCopierEnd')(retireImage);
        await removeTag(image, 'ImageCopierEnd')(retireImage);
      }),
  },
  {
    name: 'copies an image',
    by: retireImage,
    call: calls.copy(() => images().trusted.imageId, key),
    answer: 'UnauthorizedOperation',
    passes: copyImage,
  },
  {
    name: 'shares a copy with a stranger',
    by: retireImage,
    call: calls.shareImageWith(stranger.account, copy),
    answer: 'UnauthorizedOperation',
    passes: () => onOwnImage((image) => calls.shareImageWith(stranger.account, image)(administrator)),
  },
  {
    name: "writes a parameter that is not the copier's",
    by: retireImage,
    call: calls.putParameter('/database/host'),
    answer: 'AccessDeniedException',
    passes: () => calls.putParameter(PARAMETER)(retireImage),
  },
  {
    name: 'deletes the parameter of a recipe',
    by: retireImage,
    call: deleteParameter(PARAMETER),
    answer: 'AccessDeniedException',
    passes: async () => {
      await calls.putParameter(ENDED)(retireImage);
      await deleteParameter(ENDED)(retireImage);
    },
  },
  {
    name: 'forgets what another copier has retired',
    by: retireImage,
    call: deleteParameter(ENDED.replace('/image-copier/', '/other/')),
    answer: 'AccessDeniedException',
    passes: async () => {
      await calls.putParameter(ENDED)(retireImage);
      await deleteParameter(ENDED)(retireImage);
    },
  },
  {
    name: 'announces a copy',
    by: retireImage,
    call: calls.putEvent('image-copier'),
    answer: 'AccessDeniedException',
    passes: settleCopy,
  },
  {
    name: 'sends a copy request',
    by: retireImage,
    call: calls.send(queueUrl(administrator, 'requests')),
    answer: 'AccessDenied',
    passes: () => calls.send(queueUrl(administrator, 'retirements'), calls.NO_RETIREMENT)(retireImage),
  },
  {
    name: 'publishes a revocation',
    by: retireImage,
    call: calls.publish(topicArn('-housekeeping'), calls.NO_RETIREMENT),
    answer: 'AuthorizationError',
    passes: sourceAdministrator,
  },
  {
    name: 'uses the key',
    by: retireImage,
    call: calls.useKey(key),
    answer: 'AccessDeniedException',
    passes: administrator,
  },
  {
    name: 'stops the daily sweep',
    by: retireImage,
    call: ({ events }) => events.send(new DisableRuleCommand({ Name: RULE })),
    answer: 'AccessDeniedException',
    passes: async () => {
      await administrator.events.send(new DisableRuleCommand({ Name: RULE }));
      await administrator.events.send(new EnableRuleCommand({ Name: RULE }));
    },
  },
]);

/** Revokes an image as the source account does, and waits for what the target account does about it. */
function revoke(image: () => string) {
  return async (as: Identity) => {
    const decision = { sourceAmis: [image()], sourceRegion: REGION, reason: 'attack', at: new Date().toISOString() };
    await calls.publish(topicArn('-housekeeping'), JSON.stringify({ revoke: decision }))(as);
    const rejection = await waitFor('the revocation, noted or rejected', async () => {
      const noted = calls.getParameter(`/image-copier-ended/image-copier/${image()}`)(administrator);
      return (await noted.then(() => true).catch(() => false)) ? '' : await rejectionOf(image());
    });
    if (rejection !== '') throw new InVain(rejection);
  };
}

/** With which code a message about an image is in the dead-letter queue, if it is. */
async function rejectionOf(image: string): Promise<string | undefined> {
  const { Messages = [] } = await administrator.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl(administrator, 'dead-letters'),
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 1,
      MessageAttributeNames: ['All'],
    }),
  );
  const letter = Messages.find(({ Body = '' }) => Body.includes(image));
  return letter?.MessageAttributes?.['ErrorCode']?.StringValue;
}

let baked: string;

beforeAll(async () => {
  baked = (await bake(sourceAdministrator)).imageId;
});

testAttacks('whoever may publish on the topic of the retirements', [
  {
    name: 'revokes an image of somebody else',
    by: sourceAdministrator,
    call: revoke(() => images().strange.imageId),
    answer: 'UntrustedOwner',
    passes: () => revoke(() => baked)(sourceAdministrator),
  },
]);
