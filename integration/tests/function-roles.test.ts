import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DeleteTagsCommand,
  DescribeSnapshotsCommand,
  EnableImageDeprecationCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { KEY_ACTIONS } from '../../scripts/tool/doctor/role-calls.ts';
import { emulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeWithBlankVolume } from './support/blank-volume.ts';
import { endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import { CallRecorder } from './support/function-calls.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { ResultsInbox } from './support/results-inbox.ts';
import { FunctionRole, grantsOf } from './support/role-policy.ts';
import { imageStateWakeUp, sweepWakeUp, TargetAccount } from './support/target-account.ts';

/** What Lambda does with a function's role; integration/tests/one-account/lambda-with-roles.tests.ts takes that out. */
const LAMBDAS = [
  ...['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
  ...['logs:CreateLogStream', 'logs:PutLogEvents'],
];

const source = emulatedAccount(endpoint(), newAccountId(), REGION);
/** What a statement grants, as `statement: action`, and how its absence shows. */
type Taken = readonly [grant: string, expectFailure: (action: string) => Promise<void>];

let target: TargetAccount;
let keyArn: string;
let bakes = 0;

beforeAll(async () => {
  keyArn = await createSharedKey();
  target = await TargetAccount.create(source.id, [keyArn]);
});

afterAll(async () => {
  await target.close();
  await removeImages(source);
});

/** A key of the source account that others may use (EBS User Guide, "Share the KMS key"). */
async function createSharedKey(): Promise<string> {
  const { KeyMetadata: { Arn = '' } = {} } = await source.kms.send(new CreateKeyCommand({}));
  const statements = [
    { Action: 'kms:*', Principal: { AWS: `arn:aws:iam::${source.id}:root` } },
    { Action: [...KEY_ACTIONS, 'kms:CreateGrant'], Principal: { AWS: '*' } },
  ].map((statement) => ({ Effect: 'Allow', Resource: '*', ...statement }));
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  await source.kms.send(new PutKeyPolicyCommand({ KeyId: Arn, PolicyName: 'default', Policy }));
  return Arn;
}

async function bake(...sharedWith: string[]): Promise<BakedImage> {
  bakes += 1;
  const recipe = { name: `amigo_ubuntu_${bakes}`, description: '', tags: { Recipe: 'ubuntu' }, volumeSizes: [8] };
  const image = await bakeImage(source.ec2, { ...recipe, keyArn });
  if (sharedWith.length > 0) await share(source.ec2, image, sharedWith);
  return image;
}

const requestFor = (image: BakedImage) => JSON.stringify(copyRequestFor(image, REGION, ['*']));

async function endedCopy(image: BakedImage): Promise<Image> {
  return await waitFor(`the copy of ${image.imageId} to end`, async () => {
    const [found] = await findCopies(target.account, image.imageId);
    return found && found.State !== 'pending' ? found : undefined;
  });
}

const wakeUpFor = ({ ImageId = '', State }: Image) => imageStateWakeUp(ImageId, State ?? '');

/** How AWS says that the action is not allowed. SNS and SQS write actions in ways of their own. */
const denialOf = (action: string) => new RegExp(`not authorized to perform: ${action} on`, 'i');

/** What the function logged of errors while something ran. */
async function errorsDuring(handler: HandlerProcess, run: () => Promise<unknown>): Promise<string> {
  const before = handler.logLines().length;
  await run();
  const lines = handler.logLines().slice(before);
  return JSON.stringify(lines.filter(({ level }) => level === 'ERROR' || level === 'WARN'));
}

/** The actions that are taken out here, and those that Lambda needs, are all of the policy. */
async function expectAllTakenOut(role: FunctionRole, taken: readonly Taken[]) {
  const grants = grantsOf(await role.policy());
  const ofLambda = grants.filter((grant) => LAMBDAS.includes(grant.split(': ')[1] ?? ''));
  expect([...taken.map(([grant]) => grant), ...ofLambda].sort()).toEqual(grants);
}

function parted(grant: string): [action: string, sid: string] {
  const [sid = '', action = ''] = grant.split(': ');
  return [action, sid];
}

describe('the role of copy-image', () => {
  let role: FunctionRole;
  let handler: HandlerProcess;
  let image: BakedImage;
  let copied: BakedImage;

  /** Has the copy fail, since EC2 may not do with the key what a copy needs. */
  async function failedCopy(): Promise<void> {
    const encrypted = await bake(target.account.id);
    await target.deliver(handler, requestFor(encrypted));
    expect((await endedCopy(encrypted)).StateReason?.Message).toContain('Given key ID is not accessible');
  }

  /** Has the request tried again, since rights may be new, with what EC2 said in the log. */
  async function kept(action: string, asked = image): Promise<void> {
    const errors = await errorsDuring(handler, async () => {
      expect(await target.deliver(handler, requestFor(asked))).toEqual({ outcome: 'kept' });
    });
    expect(errors).toMatch(denialOf(action));
    expect(await findCopies(target.account, image.imageId)).toEqual([]);
    await target.account.sqs.send(new PurgeQueueCommand({ QueueUrl: target.queueUrl }));
  }

  const TAKEN: readonly Taken[] = [
    ['ReadImages: ec2:DescribeImages', kept],
    ['ReadImages: ec2:DescribeSnapshots', (action) => kept(action, copied)],
    ['CopyImages: ec2:CopyImage', kept],
    ['TagCopies: ec2:CreateTags', kept],
    ...KEY_ACTIONS.map((action) => [`EncryptThroughEc2: ${action}`, failedCopy] as const),
    ['GrantKeysToAwsThroughEc2: kms:CreateGrant', failedCopy],
    [
      // The request comes back all the same, at the queue's time and not at its own.
      'TakeRequests: sqs:ChangeMessageVisibility',
      async (action) => {
        const unshared = await bake();
        const errors = await errorsDuring(handler, () => target.deliver(handler, requestFor(unshared)));
        expect(errors).toMatch(denialOf(action));
      },
    ],
    [
      'DeadLetterRequests: sqs:SendMessage',
      async (action) => {
        const errors = await errorsDuring(handler, async () => {
          expect(await target.deliver(handler, 'no JSON')).toEqual({ outcome: 'kept' });
        });
        expect(errors).toMatch(denialOf(action));
        expect(await target.takeDeadLetters()).toEqual([]);
      },
    ],
  ];

  beforeAll(async () => {
    role = new FunctionRole(target.account, 'copy-image');
    handler = await target.startFunction();
    image = await bake(target.account.id);
    copied = await bake(target.account.id);
    await target.deliver(handler, requestFor(copied));
    await endedCopy(copied);
  });

  it.each(TAKEN)('needs %s', async (grant, expectFailure) => {
    const [action, sid] = parted(grant);
    const putBack = await role.takeOut(action, sid);
    try {
      await expectFailure(action);
    } finally {
      await putBack();
    }
  });

  it('lacks nothing', async () => {
    await target.deliver(handler, requestFor(image));
    expect(await endedCopy(image)).toMatchObject({ State: 'available' });
  });

  it('allows nothing else', async () => {
    await expectAllTakenOut(role, TAKEN);
  });
});

describe('the role of settle-copy', () => {
  let role: FunctionRole;
  let copying: HandlerProcess;
  let settling: HandlerProcess;
  let results: ResultsInbox;
  let good: Image;
  let failed: Image;

  async function copy(image: BakedImage): Promise<Image> {
    await target.deliver(copying, requestFor(image));
    return await endedCopy(image);
  }

  /** Has the copy wait for the next sweep, and is told why. */
  async function putOff(action: string, image = good): Promise<void> {
    expect(await errorsDuring(settling, () => settling.invoke(wakeUpFor(image)))).toMatch(denialOf(action));
  }

  // Each one settles a bit more of the same two copies.
  const TAKEN: readonly Taken[] = [
    ['ReadCopies: ec2:DescribeImages', putOff],
    ['ReadCopies: ec2:DescribeSnapshots', putOff],
    ['ReadCopies: ec2:GetEbsEncryptionByDefault', putOff],
    ['MarkCopies: ec2:CreateTags', putOff],
    [
      'RepairSnapshotTags: ec2:CreateTags',
      async (action) => {
        const Resources = (await snapshotsOf(target.account, good)).map(({ SnapshotId = '' }) => SnapshotId);
        await target.account.ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'Recipe' }] }));
        await putOff(action);
      },
    ],
    ['PointParametersToCopies: ssm:GetParameter', putOff],
    ['PointParametersToCopies: ssm:PutParameter', putOff],
    ['TellThisAccount: events:PutEvents', putOff],
    ['TellSourceAccount: sns:Publish', putOff],
    [
      // The answer to the last mark is lost, and the call is made again.
      'MarkAnnouncedCopiesAgain: ec2:CreateTags',
      async (action) => {
        let lost = 0;
        const recorder = await CallRecorder.start(async (call, pass) => {
          const answer = await pass();
          if (call.action !== action || !call.body.includes('announced') || lost > 0) return answer;
          lost += 1;
          throw new Error('cut off');
        });
        const through = { RESULTS_TOPIC_ARN: results.topicArn, ...recorder.settingsFor(target) };
        const other = await target.startSettling(through);
        expect(await errorsDuring(other, () => other.invoke(wakeUpFor(good)))).toMatch(denialOf(action));
        await other.stop();
        await recorder.stop();
      },
    ],
    [
      // Another copy, which is announced all the same.
      'DeprecateCopies: ec2:EnableImageDeprecation',
      async (action) => {
        const image = await bake(target.account.id);
        const DeprecateAt = new Date(Date.now() + 86_400_000);
        await source.ec2.send(new EnableImageDeprecationCommand({ ImageId: image.imageId, DeprecateAt }));
        const copied = await copy(image);
        await settling.invoke(wakeUpFor(copied));
        const line = settling.logLines().find((each) => each['copy'] === copied.ImageId);
        expect(line).toMatchObject({
          outcome: 'settled',
          notDeprecated: expect.stringMatching(denialOf(action)) as unknown,
        });
      },
    ],
    ['EnqueueAgainOrDeadLetter: sqs:SendMessage', (action) => putOff(action, failed)],
    ['RemoveFailedCopies: ec2:DeregisterImage', (action) => putOff(action, failed)],
    [
      // The image goes, and its snapshots stay.
      'RemoveFailedCopies: ec2:DeleteSnapshot',
      async () => {
        const ids = (await snapshotsOf(target.account, failed)).map(({ SnapshotId }) => SnapshotId);
        const errors = await errorsDuring(settling, () => settling.invoke(wakeUpFor(failed)));
        expect(JSON.parse(errors)).toMatchObject([{ outcome: 'failed', undeletedSnapshots: ids }]);
      },
    ],
    [
      'ListParameters: ssm:GetParametersByPath',
      async (action) => {
        expect(await errorsDuring(settling, () => settling.invoke(sweepWakeUp()))).toMatch(denialOf(action));
      },
    ],
  ];

  beforeAll(async () => {
    role = new FunctionRole(target.account, 'settle-copy');
    results = await ResultsInbox.open(target, source);
    copying = await target.startFunction();
    settling = await target.startSettling({ RESULTS_TOPIC_ARN: results.topicArn });
    const sharedWith = target.account.id;
    const recipe = { name: 'blank', description: '', tags: { Recipe: 'ubuntu' }, keyArn };
    good = await copy(await bakeWithBlankVolume(source, recipe, { sharedWith }));
    const restore = await injectFault({
      kind: 'fail-copy',
      account: target.account.id,
      stateReason: { code: 'Client.InternalError', message: 'AMI snapshot copy failed with error: no luck' },
    });
    failed = await copy(await bake(sharedWith));
    await restore();
  });

  afterAll(() => results.close());

  it.each(TAKEN)('needs %s', async (grant, expectFailure) => {
    const [action, sid] = parted(grant);
    const putBack = await role.takeOut(action, sid);
    try {
      await expectFailure(action);
    } finally {
      await putBack();
    }
  });

  it('lacks nothing', async () => {
    expect(await errorsDuring(settling, () => settling.invoke(sweepWakeUp()))).toBe('[]');
    const { onTopic } = await results.all();
    expect(onTopic.map(({ detail }) => detail.imageId)).toContain(good.ImageId);
    const { Snapshots = [] } = await target.account.ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    expect(Snapshots.filter(({ State }) => State === 'error')).toEqual([]);
  });

  it('allows nothing else', async () => {
    await expectAllTakenOut(role, TAKEN);
  });
});
