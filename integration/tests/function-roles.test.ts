import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CopyImageCommand,
  DeleteTagsCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EnableImageDeprecationCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { KEY_ACTIONS } from '../../scripts/tool/doctor/role-calls.ts';
import { emulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeWithBlankVolume } from './support/blank-volume.ts';
import { endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import { CallRecorder } from './support/function-calls.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { tagAsWanted } from './support/wanted-image.ts';
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
  return await bakeOf('ubuntu', ...sharedWith);
}

async function bakeOf(Recipe: string, ...sharedWith: string[]): Promise<BakedImage> {
  bakes += 1;
  const recipe = { name: `amigo_${Recipe}_${bakes}`, description: '', tags: { Recipe }, volumeSizes: [8] };
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

async function linesDuring(handler: HandlerProcess, run: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const before = handler.logLines().length;
  await run();
  return handler.logLines().slice(before);
}

/** What the function logged of errors while something ran. */
async function errorsDuring(handler: HandlerProcess, run: () => Promise<unknown>): Promise<string> {
  const lines = await linesDuring(handler, run);
  return JSON.stringify(lines.filter(({ level }) => level === 'ERROR' || level === 'WARN'));
}

/** Has it noted that a source image was revoked, as retire-image does. */
async function noteRevoked({ imageId }: BakedImage): Promise<void> {
  const Name = `/image-copier-ended/image-copier/${imageId}`;
  const Value = JSON.stringify({ kind: 'revoked', at: new Date().toISOString(), reason: 'It is bad.' });
  await target.account.ssm.send(new PutParameterCommand({ Name, Value, Type: 'String' }));
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
    ['ReadEndedSources: ssm:GetParameter', kept],
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
    [
      // It is a dead letter all the same.
      'RememberRefusedRequests: ssm:PutParameter',
      async (action) => {
        const tags = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag${index}`, '']));
        const request = JSON.stringify(copyRequestFor({ ...image, tags }, REGION, ['*']));
        const errors = await errorsDuring(handler, async () => {
          expect(await target.deliver(handler, request)).toEqual({ outcome: 'done' });
        });
        expect(errors).toMatch(denialOf(action));
        expect(await target.takeDeadLetters()).toHaveLength(1);
        await target.account.sqs.send(new PurgeQueueCommand({ QueueUrl: target.deadLetterQueueUrl }));
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
  let revoked: Image;

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
    ['ReadEndedSources: ssm:GetParameters', putOff],
    ['MarkRevokedCopies: ec2:CreateTags', (action) => putOff(action, revoked)],
    ['DisableRevokedCopies: ec2:DisableImage', (action) => putOff(action, revoked)],
    // It is marked by now: whether that was taken back is asked for it alone.
    ['ReadEndedSources: ssm:GetParameter', (action) => putOff(action, revoked)],
    [
      'RepairSnapshotTags: ec2:CreateTags',
      async (action) => {
        const Resources = (await snapshotsOf(target.account, good)).map(({ SnapshotId = '' }) => SnapshotId);
        await target.account.ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'Recipe' }] }));
        await putOff(action);
      },
    ],
    ['PointParametersToCopies: ssm:GetParameters', putOff],
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
    [
      // It is asked for, and would be at each sweep.
      'RememberAskedImages: ssm:PutParameter',
      async (action) => {
        await tagAsWanted(source, await bakeOf('wanted', target.account.id));
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
    const bad = await bake(sharedWith);
    revoked = await copy(bad);
    await noteRevoked(bad);
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

describe('the role of retire-image', () => {
  const RECIPE = 'debian';
  let role: FunctionRole;
  let retiring: HandlerProcess;
  let results: ResultsInbox;
  /** Copies of the recipe: one that may go, the newest, and one that is not announced; and the images that they are copies of. */
  let old: Copied;
  let newest: Copied;
  let unsettled: Copied;

  interface Copied {
    readonly image: BakedImage;
    readonly copyId: string;
  }

  const retirement = ({ copyId }: Copied, quarantineDays: number) => ({ retire: { images: [copyId], quarantineDays } });
  const restoration = (id: string) => ({ restore: { images: [id] } });
  const decision = ({ image }: Copied) => ({
    sourceAmis: [image.imageId],
    sourceRegion: REGION,
    reason: 'It is bad.',
    at: new Date().toISOString(),
  });
  const deliver = (message: object) => target.deliverRetirement(retiring, JSON.stringify(message));

  /** Has the image stay, since nobody knows what uses it. */
  async function unread(action: string): Promise<void> {
    const lines = await linesDuring(retiring, () => deliver(retirement(old, 7)));
    const line = lines.find(({ message }) => message === 'image kept') as { reasons?: Record<string, string>[] };
    expect(line.reasons?.map(({ code }) => code)).toContain('Unreadable');
    expect(JSON.stringify(line.reasons)).toMatch(denialOf(action));
  }

  /** Has a message tried again, or somebody not told, with what AWS said in the log. */
  const fails = (message: () => object) => async (action: string) => {
    expect(await errorsDuring(retiring, () => deliver(message()))).toMatch(denialOf(action));
  };

  const quarantineFails = fails(() => retirement(old, 7));
  const removalFails = fails(() => retirement(old, 0));
  const keepingFails = fails(() => retirement(newest, 0));
  const revocationFails = fails(() => ({ revoke: decision(newest) }));
  const unrevocationFails = fails(() => ({ unrevoke: decision(newest) }));

  // Each one takes the same copies a bit further to their end.
  const TAKEN: readonly Taken[] = [
    ['ReadImagesAndTheirUse: autoscaling:DescribeAutoScalingGroups', unread],
    ['ReadImagesAndTheirUse: autoscaling:DescribeLaunchConfigurations', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeFleets', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeImageReferences', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeInstances', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeLaunchTemplates', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeLaunchTemplateVersions', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeSpotFleetRequests', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeSpotInstanceRequests', unread],
    ['ReadImagesAndTheirUse: ssm:DescribeParameters', unread],
    ['ReadImageParameters: ssm:GetParameters', unread],
    ['LetEc2ReadReferences: imagebuilder:GetContainerRecipe', unread],
    ['LetEc2ReadReferences: imagebuilder:ListContainerRecipes', unread],
    ['LetEc2ReadReferences: imagebuilder:ListImageRecipes', unread],
    ['ReadImagesAndTheirUse: ec2:DescribeImages', quarantineFails],
    ['ReadImagesAndTheirUse: ec2:DescribeSnapshots', quarantineFails],
    ['ListParameters: ssm:GetParametersByPath', quarantineFails],
    ['MarkCopies: ec2:CreateTags', quarantineFails],
    ['MarkSnapshots: ec2:CreateTags', quarantineFails],
    ['DisableImages: ec2:DisableImage', quarantineFails],
    [
      'EnableCopies: ec2:EnableImage',
      async (action) => {
        await deliver(retirement(old, 7));
        await fails(() => restoration(old.copyId))(action);
      },
    ],
    // It is restored, and nobody is told.
    ['TellThisAccount: events:PutEvents', fails(() => restoration(old.copyId))],
    ['TellSourceAccount: sns:Publish', keepingFails],
    ['RememberEndedSources: ssm:GetParameter', removalFails],
    ['RememberEndedSources: ssm:PutParameter', removalFails],
    ['RemoveCopies: ec2:DeregisterImage', removalFails],
    [
      // The image goes, and its snapshots stay.
      'RemoveSnapshots: ec2:DeleteSnapshot',
      async () => {
        const { Images: [image = {}] = [] } = await target.account.ec2.send(
          new DescribeImagesCommand({ ImageIds: [old.copyId], IncludeDisabled: true }),
        );
        const ids = (await snapshotsOf(target.account, image)).map(({ SnapshotId }) => SnapshotId);
        const errors = await errorsDuring(retiring, () => deliver(retirement(old, 0)));
        expect(JSON.parse(errors)).toMatchObject([{ outcome: 'retired', remainingSnapshots: ids }]);
      },
    ],
    ['RememberEndedSources: ssm:DeleteParameter', fails(() => restoration(old.image.imageId))],
    ['MarkOtherImages: ec2:CreateTags', revocationFails],
    ['ListEndedSources: ssm:GetParametersByPath', unrevocationFails],
    [
      'EnableOtherImages: ec2:EnableImage',
      async (action) => {
        await deliver({ revoke: decision(newest) });
        await unrevocationFails(action);
      },
    ],
    ['UnmarkOtherImages: ec2:DeleteTags', unrevocationFails],
    ['PointParametersToCopies: ssm:PutParameter', revocationFails],
    [
      'MarkUnsettledCopies: ec2:CreateTags',
      async (action) => {
        await deliver({ revoke: decision(unsettled) });
        await fails(() => ({ unrevoke: decision(unsettled) }))(action);
      },
    ],
    [
      // The message comes back all the same, at the queue's time and not at its own.
      'TakeRetirements: sqs:ChangeMessageVisibility',
      async (action) => {
        const { id: account } = target.account;
        const answer = { code: 'InternalError', message: 'An internal error has occurred', status: 500 };
        const restore = await injectFault({ kind: 'error', account, operation: 'DescribeImages', ...answer });
        await keepingFails(action);
        await restore();
      },
    ],
    [
      'EnqueueAgainOrDeadLetter: sqs:SendMessage',
      async (action) => {
        await fails(() => ({ unknown: true }))(action);
        expect(await target.takeDeadLetters()).toEqual([]);
      },
    ],
  ];

  beforeAll(async () => {
    role = new FunctionRole(target.account, 'retire-image');
    results = await ResultsInbox.open(target, source);
    const listener = { RESULTS_TOPIC_ARN: results.topicArn };
    const [copying, settling] = await Promise.all([target.startFunction(), target.startSettling(listener)]);
    retiring = await target.startRetiring(listener);
    /** One after the other, each in a second of its own: the newest is so by its time. */
    const copyOf = async (recipe: string): Promise<Copied> => {
      const second = Math.floor(Date.now() / 1000);
      const nextSecond = () => Promise.resolve(Math.floor(Date.now() / 1000) > second || undefined);
      await waitFor('the next second', nextSecond, { pollMs: 50 });
      const image = await bakeOf(recipe, target.account.id);
      await target.deliver(copying, requestFor(image));
      return { image, copyId: (await endedCopy(image)).ImageId ?? '' };
    };
    unsettled = await copyOf('unsettled');
    old = await copyOf(RECIPE);
    const before = await copyOf(RECIPE);
    newest = await copyOf(RECIPE);
    for (const { copyId } of [old, before, newest]) await settling.invoke(imageStateWakeUp(copyId, 'available'));
    const descendant = { SourceImageId: newest.copyId, SourceRegion: REGION, Name: 'descendant', Encrypted: true };
    await target.account.ec2.send(new CopyImageCommand(descendant));
    await waitFor('the descendant', async () => {
      const [made] = await findCopies(target.account, newest.copyId);
      return made?.State === 'available' ? true : undefined;
    });
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
    expect(await errorsDuring(retiring, () => deliver({ unrevoke: decision(newest) }))).toBe('[]');
    expect(await errorsDuring(retiring, () => deliver({ unrevoke: decision(unsettled) }))).toBe('[]');
    expect(await errorsDuring(retiring, () => retiring.invoke(sweepWakeUp()))).toBe('[]');
    expect(await findCopies(target.account, newest.image.imageId)).toMatchObject([{ State: 'available' }]);
  });

  it('allows nothing else', async () => {
    await expectAllTakenOut(role, TAKEN);
  });
});
