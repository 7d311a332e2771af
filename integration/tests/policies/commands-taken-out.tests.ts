import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { actionsOf } from '../../../scripts/dev/permissions.ts';
import { share } from '../../../scripts/tool/common/bake.ts';
import { bakeWithBlankVolume } from '../support/blank-volume.ts';
import type { Ended } from '../support/command.ts';
import { REGION } from '../support/emulator.ts';
import { runHere } from '../support/run-here.ts';
import {
  bake,
  bakeUnneeded,
  environment,
  forgetKeys,
  give,
  holdings,
  mendBy,
  MENDED_BY,
  publishedPolicy,
  refuseSubscriptions,
  rollout,
  run,
  saysDenied,
  source,
  target,
  TOPIC,
  untilDeadLetter,
  type PolicyName,
} from './roles.ts';

interface Taken {
  readonly command: () => Promise<Ended>;
  /** What is said in place of the action. */
  readonly says?: RegExp;
  /** Whether the command does its work all the same, in another way or as far as it can. */
  readonly isDone?: true;
}

let copied: string;
let encrypted: string;
/** An image whose copy nothing needs. */
let unneeded: string;

const status = () => run('reader', 'status');
/** Why a copy is missing of an image that is shared, the logs may tell. */
async function withMissingCopy(command: () => Promise<Ended>): Promise<Ended> {
  await share(source.ec2, await bake(), [target.id]);
  return await command();
}
const history = () => run('reader', 'history', 'ubuntu');
const list = () => run('reader', 'dead-letters', 'list');
const doctor = (...args: string[]) => runHere(['doctor', '--json', '--role-name', 'reader', ...args], environment);
const doctorOfImage = () => doctor('--accounts-file', rollout.accountsFile, '--image', encrypted);
const doctorOfAccount = () => doctor('--accounts', target.id);

/** The source account is asked for the subscription, as where the account itself may not list its own. */
async function doctorThroughSource(): Promise<Ended> {
  const restore = await refuseSubscriptions();
  try {
    return await doctor('--accounts-file', rollout.accountsFile);
  } finally {
    await restore();
  }
}

const ask = (imageId: string) => run('requester', 'request', imageId, '--share', '--shared-tags', '--wait');
const requestNew = async () => ask((await bake()).imageId);
const requestAgain = () => ask(copied);
const redrive = () => run('operator', 'dead-letters', 'redrive', '--all');
const discard = () => run('operator', 'dead-letters', 'discard', '--all', '--yes');
const requestEncrypted = () => run('requester', 'request', encrypted, '--share', '--dry-run');
const backfill = () => run('operator', 'backfill', '--dry-run');
const rollback = async () => {
  await forgetKeys();
  return await run('operator', 'rollback', 'ubuntu', '--yes');
};

const promote = () => run('operator', 'promote', 'ubuntu', '--to', 'prod', '--yes');

const planRetirement = () => run('retirer', 'retire', unneeded, '--dry-run');
const retire = () => run('retirer', 'retire', unneeded, '--yes');
// No account has a copy of it: it may have been removed.
const restoreRemoved = () => run('retirer', 'restore', 'ami-0123456789abcdef0');
const revokeImage = (imageId: string, ...args: string[]) =>
  run('revoker', 'revoke', imageId, '--reason', 'CVE-2026-12345', '--yes', ...args);
const revoke = async () => await revokeImage((await bake()).imageId);
const revokeAndWait = async () => await revokeImage((await bake()).imageId, '--wait', '--timeout', '0.1');
async function unrevoke(): Promise<Ended> {
  const image = await bake();
  await share(source.ec2, image, [target.id]);
  expect(await revokeImage(image.imageId)).toMatchObject({ code: 0 });
  return await run('revoker', 'unrevoke', image.imageId, '--yes');
}

const UNREAD = /"SubscriptionUnread"/;
const NOT_GIVEN_BACK = /The dead letters could not be given back/;

type CommandPolicy = 'retire' | 'revoke' | 'read' | 'request' | 'operate';

/** Each action of each policy, with a command that asks for it. After the last of a policy, letters are not to be seen for a while. */
const TAKEN: Readonly<Record<CommandPolicy, Readonly<Record<string, Taken>>>> = {
  read: {
    'cloudwatch:DescribeAlarms': { command: doctorOfAccount },
    'ec2:DescribeImageAttribute': { command: doctorOfImage },
    'ec2:DescribeImages': { command: status },
    'ec2:DescribeInstanceImageMetadata': { command: () => run('reader', 'fleet') },
    'ec2:DescribeSnapshotAttribute': { command: doctorOfImage },
    'ec2:DescribeSnapshots': { command: status },
    'ec2:GetAllowedImagesSettings': { command: doctorOfAccount },
    'ec2:GetEbsEncryptionByDefault': { command: status },
    'events:DescribeRule': { command: doctorOfAccount },
    'events:ListTargetsByRule': { command: doctorOfAccount },
    'iam:SimulatePrincipalPolicy': { command: doctorOfAccount },
    'kms:DescribeKey': { command: doctorOfAccount },
    'kms:GetKeyPolicy': { command: doctorOfAccount },
    'kms:GetKeyRotationStatus': { command: doctorOfAccount },
    'lambda:GetFunction': { command: doctorOfAccount },
    'lambda:ListEventSourceMappings': { command: doctorOfAccount },
    'logs:FilterLogEvents': { command: () => withMissingCopy(status) },
    'sns:GetTopicAttributes': { command: doctorOfAccount, says: /"AlarmTopicUnread"/ },
    'sns:GetSubscriptionAttributes': { command: doctorOfAccount, says: UNREAD },
    'sns:ListSubscriptions': { command: doctorOfAccount, says: UNREAD },
    'sns:ListSubscriptionsByTopic': { command: doctorThroughSource, says: UNREAD },
    'sqs:GetQueueAttributes': { command: status },
    'sqs:GetQueueUrl': { command: status },
    'sqs:ReceiveMessage': { command: list },
    'ssm:GetParameterHistory': { command: history },
    'ssm:GetParameters': { command: requestAgain, isDone: true },
    'ssm:GetParametersByPath': { command: doctorOfAccount },
    'sqs:ChangeMessageVisibility': { command: list, says: NOT_GIVEN_BACK, isDone: true },
  },
  request: {
    'ec2:CreateTags': { command: requestNew },
    'ec2:DescribeImageAttribute': { command: requestNew },
    'ec2:DescribeImages': { command: requestNew },
    'ec2:DescribeSnapshotAttribute': { command: requestNew },
    'ec2:DescribeSnapshots': { command: requestNew },
    'ec2:ModifyImageAttribute': { command: requestNew },
    'ec2:ModifySnapshotAttribute': { command: requestNew },
    'kms:DescribeKey': { command: requestEncrypted, isDone: true },
    'kms:GetKeyPolicy': { command: requestEncrypted, isDone: true },
    'sns:Publish': { command: requestNew },
    // Without results it asks the accounts for the copies.
    'sns:Subscribe': { command: requestAgain, isDone: true },
    'sns:Unsubscribe': { command: requestNew },
    'sqs:CreateQueue': { command: requestAgain, isDone: true },
    'sqs:DeleteMessage': { command: requestNew },
    'sqs:DeleteQueue': { command: requestNew },
    'sqs:GetQueueAttributes': { command: requestAgain, isDone: true },
    'sqs:ReceiveMessage': { command: requestNew },
  },
  operate: {
    'ec2:DescribeImages': { command: promote },
    'ec2:DescribeSnapshots': { command: promote },
    'ec2:GetEbsEncryptionByDefault': { command: backfill },
    'kms:DescribeKey': { command: rollback },
    'logs:FilterLogEvents': { command: () => withMissingCopy(backfill), isDone: true },
    'ssm:GetParameter': { command: promote },
    'ssm:GetParameterHistory': { command: rollback },
    'ssm:GetParameters': { command: () => withMissingCopy(backfill), isDone: true },
    'ssm:PutParameter': { command: rollback },
    'sqs:GetQueueAttributes': { command: redrive },
    'sqs:GetQueueUrl': { command: redrive },
    'sqs:ReceiveMessage': { command: redrive },
    'sqs:SendMessage': { command: redrive },
    'sqs:DeleteMessage': { command: discard },
    'sqs:ChangeMessageVisibility': {
      command: () => run('operator', 'dead-letters', 'list'),
      says: NOT_GIVEN_BACK,
      isDone: true,
    },
    ...Object.fromEntries(MENDED_BY.map((action) => [action, { command: () => mendBy(action) }])),
  },
  // Where it cannot read what uses an image, the image stays, and it says so.
  retire: {
    'autoscaling:DescribeAutoScalingGroups': { command: planRetirement, isDone: true },
    'autoscaling:DescribeLaunchConfigurations': { command: planRetirement, isDone: true },
    'ec2:DescribeFleets': { command: planRetirement, isDone: true },
    'ec2:DescribeImageReferences': { command: planRetirement, isDone: true },
    'ec2:DescribeImages': { command: planRetirement },
    'ec2:DescribeInstances': { command: planRetirement, isDone: true },
    'ec2:DescribeLaunchTemplateVersions': { command: planRetirement, isDone: true },
    'ec2:DescribeLaunchTemplates': { command: planRetirement, isDone: true },
    'ec2:DescribeSnapshots': { command: planRetirement },
    'ec2:DescribeSpotFleetRequests': { command: planRetirement, isDone: true },
    'ec2:DescribeSpotInstanceRequests': { command: planRetirement, isDone: true },
    'imagebuilder:GetContainerRecipe': { command: planRetirement, isDone: true },
    'imagebuilder:ListContainerRecipes': { command: planRetirement, isDone: true },
    'imagebuilder:ListImageRecipes': { command: planRetirement, isDone: true },
    'lambda:GetFunction': { command: planRetirement },
    'sqs:GetQueueUrl': { command: retire },
    'sqs:SendMessage': { command: retire },
    'ssm:DescribeParameters': { command: planRetirement, isDone: true },
    'ssm:GetParameter': { command: restoreRemoved },
    'ssm:GetParameters': { command: planRetirement, isDone: true },
    'ssm:GetParametersByPath': { command: planRetirement },
  },
  revoke: {
    'ec2:CreateTags': { command: revoke },
    'ec2:DeleteTags': { command: unrevoke },
    'ec2:DescribeImageAttribute': { command: revoke },
    'ec2:DescribeImages': { command: revoke },
    'ec2:DisableImage': { command: revoke },
    'ec2:EnableImage': { command: unrevoke },
    'ec2:ModifyImageAttribute': { command: unrevoke },
    'sns:Publish': { command: revoke },
    'sns:Subscribe': { command: revokeAndWait },
    'sns:Unsubscribe': { command: revokeAndWait },
    'sqs:CreateQueue': { command: revokeAndWait },
    'sqs:DeleteMessage': { command: revokeAndWait },
    'sqs:DeleteQueue': { command: revokeAndWait },
    'sqs:GetQueueAttributes': { command: revokeAndWait },
    'sqs:ReceiveMessage': { command: revokeAndWait },
    'ssm:DeleteParameters': { command: unrevoke },
    'ssm:GetParametersByPath': { command: unrevoke },
    'ssm:PutParameter': { command: revoke },
  },
};

/** Changes the roles that have a policy. */
async function takeOut(policy: PolicyName, ...actions: string[]): Promise<void> {
  const holders = holdings().filter((holding) => holding.policy === policy);
  await Promise.all(holders.map(({ role, place }) => give(role, place, new Set(actions))));
}

describe('without a single action of', () => {
  beforeAll(async () => {
    const recipe = { name: 'amigo_blank', description: '', tags: { Recipe: 'ubuntu' } };
    ({ imageId: copied } = await bakeWithBlankVolume(source, recipe, { sharedWith: target.id }));
    expect(await ask(copied)).toMatchObject({ code: 0 });
    const { KeyMetadata } = await source.kms.send(new CreateKeyCommand({}));
    ({ imageId: encrypted } = await bake(KeyMetadata?.Arn));
    ({ imageId: unneeded } = await bakeUnneeded());
    expect(await run('requester', 'request', unneeded, '--share', '--wait')).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    const { QueueUrl } = await target.sqs.send(new GetQueueUrlCommand({ QueueName: 'image-copier-dead-letters' }));
    await target.sqs.send(new PurgeQueueCommand({ QueueUrl }));
  });

  describe.each(Object.keys(TAKEN) as CommandPolicy[])('%s', (policy) => {
    beforeAll(async () => {
      const Message = JSON.stringify({ targetAccounts: [target.id], sourceAmi: 'the newest' });
      await source.sns.send(new PublishCommand({ TopicArn: `arn:aws:sns:${REGION}:${source.id}:${TOPIC}`, Message }));
      await untilDeadLetter();
    });

    it.each(Object.entries(TAKEN[policy]))('a command says what it could not do: %s', async (action, taken) => {
      const { command, says, isDone = false } = taken;
      // A command before may still hold the letter that is not to be given back.
      if (says === NOT_GIVEN_BACK) await untilDeadLetter();
      await takeOut(policy, action);
      try {
        const { code, stdout, stderr } = await command();
        expect({ code, stdout, stderr }).toMatchObject({ code: isDone ? 0 : 1 });
        if (says) expect(stdout + stderr).toMatch(says);
        else expect({ stdout, stderr, isSaid: saysDenied(stdout + stderr, action) }).toMatchObject({ isSaid: true });
      } finally {
        await takeOut(policy);
      }
    });

    it('has no other action', () => {
      expect(Object.keys(TAKEN[policy]).sort()).toEqual(actionsOf(publishedPolicy(policy)));
    });
  });
});
