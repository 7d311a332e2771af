import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CopyImageCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { RetirementResult } from '../../../lambda/src/core/retirement-results.ts';
import { findCopies } from '../../../scripts/tool/common/copies.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { injectFault, REGION } from '../support/emulator.ts';
import { FunctionRole } from '../support/role-policy.ts';
import { imageStateWakeUp } from '../support/target-account.ts';
import {
  copyNew,
  counted,
  deadLetter,
  left,
  linesOf,
  markerOf,
  openStage,
  requestFor,
  retire,
  send,
  snapshotIdsOf,
  stateOf,
  sweep,
  toldOf,
  type Copied,
  type Copies,
  type Stage,
} from './stage.ts';

const KEEP_TWO = { RETENTION: JSON.stringify({ keepNewest: 2, minAgeDays: 0, quarantineDays: 7 }) };
const DAY_MS = 24 * 3600 * 1000;

const launch = ({ target }: Stage, ImageId: string) =>
  target.account.ec2.send(new RunInstancesCommand({ ImageId, InstanceType: 't4g.micro', MinCount: 1, MaxCount: 1 }));

/** Has a quarantine be over, by the marker that says when it began: days cannot pass in a test. */
async function endQuarantine(stage: Stage, imageId: string, Key = 'ImageCopier'): Promise<void> {
  const marker = await markerOf(stage, imageId, Key);
  const Value = marker?.replace(/ retired=\S+/, ` retired=${new Date(Date.now() - 8 * DAY_MS).toISOString()}`);
  const tags = new CreateTagsCommand({ Resources: [imageId], Tags: [{ Key, Value }] });
  await stage.target.account.ec2.send(tags);
}

/** Hands copy-image the request for an image again, and says with which code it is in the dead-letter queue. */
async function askAgain(stage: Stage, { image }: Copied): Promise<string> {
  expect(await stage.target.deliver(stage.copying, requestFor(image))).toEqual({ outcome: 'done' });
  const [code, reason] = await deadLetter(stage);
  expect(reason).toContain(image.imageId);
  expect(await findCopies(stage.target.account, image.imageId)).toEqual([]);
  return code;
}

describe("AMIgo's message", () => {
  let stage: Stage;
  let gone: [Copied, Copied];
  let kept: Copied[];
  let snapshotIds: string[];

  beforeAll(async () => {
    stage = await openStage();
    const copies = await copyNew(stage, 4);
    gone = [copies[0], copies[1]];
    kept = copies.slice(2);
    snapshotIds = await Promise.all(gone.map(({ copyId }) => snapshotIdsOf(stage, copyId))).then((ids) => ids.flat());
    const { id: account } = stage.target.account;
    const others = Array.from({ length: 7 }, (_, index) => ({ account: `99999999999${index}`, id: kept[0]?.copyId }));
    const unknown = { account, id: 'ami-00000000000000000' };
    await send(stage, { amis: [...gone.map(({ copyId: id }) => ({ account, id })), ...others, unknown] });
  });

  it("removes this account's images with their snapshots, at once", async () => {
    expect(snapshotIds).toHaveLength(2);
    for (const { copyId } of gone) expect(await stateOf(stage, copyId)).toBeUndefined();
    expect(await left(stage, snapshotIds)).toEqual([]);
    expect(linesOf(stage, 'ami-00000000000000000')).toEqual([expect.objectContaining({ outcome: 'gone' })]);
  });

  it('leaves alone what it names of other accounts', async () => {
    for (const { copyId } of kept) {
      expect(await stateOf(stage, copyId)).toBe('available');
      expect(linesOf(stage, copyId)).toEqual([]);
    }
  });

  it('is answered for each image', async () => {
    for (const { image, copyId } of gone) {
      expect((await toldOf<RetirementResult>(stage, copyId)).slice(1)).toMatchObject([
        {
          'detail-type': 'Image Retired',
          detail: {
            account: stage.target.account.id,
            region: REGION,
            sourceAmi: image.imageId,
            remainingSnapshots: [],
          },
        },
      ]);
    }
    expect(counted(stage.retiring, 'ImagesRetired')).toBe(2);
  });

  it('of other accounts alone is ignored', async () => {
    await send(stage, { amis: [{ account: '999999999990', id: kept[0]?.copyId }] });
    expect(stage.retiring.logLines().at(-1)).toMatchObject({ message: 'message ignored' });
  });

  it('keeps a late request from making the copy again', async () => {
    const [first] = gone;
    expect(await askAgain(stage, first)).toBe('ImageRetired');
    expect(await askAgain(stage, first)).toBe('ImageRetired');
  });

  it('lets the copy be made again once somebody restores it', async () => {
    const [, second] = gone;
    await send(stage, { restore: { images: [second.image.imageId] } });
    await stage.target.deliver(stage.copying, requestFor(second.image));
    expect(await findCopies(stage.target.account, second.image.imageId)).toHaveLength(1);
  });
});

describe('the retention policy', () => {
  let stage: Stage;
  let oldest: Copied;
  let older: Copied;
  let newest: Copied[];

  beforeAll(async () => {
    stage = await openStage(KEEP_TWO);
    const copies = await copyNew(stage, 4);
    [oldest, older] = copies;
    newest = copies.slice(2);
    await sweep(stage.retiring);
  });

  it('disables all but the newest of a recipe', async () => {
    for (const { copyId } of [oldest, older]) {
      expect(await stateOf(stage, copyId)).toBe('disabled');
      expect(await markerOf(stage, copyId)).toMatch(/^image-copier retired=\S+ .* announced=\S+ quarantine=7$/);
      const [, told] = await toldOf<RetirementResult>(stage, copyId);
      expect(told?.['detail-type']).toBe('Image Quarantined');
      const daysLeft = (Date.parse(told?.detail.quarantineUntil ?? '') - Date.now()) / DAY_MS;
      expect(daysLeft).toBeGreaterThan(6.9);
      expect(daysLeft).toBeLessThan(7);
    }
    for (const { copyId } of newest) expect(await stateOf(stage, copyId)).toBe('available');
  });

  it('touches them no more until the quarantine is over', async () => {
    await sweep(stage.retiring);

    expect(await stateOf(stage, oldest.copyId)).toBe('disabled');
    expect(linesOf(stage, oldest.copyId).map(({ message }) => message)).toEqual([
      'image quarantined',
      'image quarantined',
    ]);
    expect(await toldOf(stage, oldest.copyId)).toHaveLength(2);
  });

  it('lets nobody launch them, until somebody restores one', async () => {
    await expect(launch(stage, older.copyId)).rejects.toThrow('is not available');

    await send(stage, { restore: { images: [older.copyId] } });

    await launch(stage, older.copyId);
    expect(await markerOf(stage, older.copyId)).toMatch(/^image-copier announced=\S+ attempt=1 baked=\S+ key=\S+$/);
    expect((await toldOf(stage, older.copyId)).at(-1)).toMatchObject({ 'detail-type': 'Image Restored' });
  });

  it('restores one by itself that something uses again', async () => {
    const LaunchTemplateData = { ImageId: oldest.copyId };
    const request = new CreateLaunchTemplateCommand({ LaunchTemplateName: 'again', LaunchTemplateData });
    const { LaunchTemplate } = await stage.target.account.ec2.send(request);
    await endQuarantine(stage, oldest.copyId);
    await sweep(stage.retiring);

    expect(await stateOf(stage, oldest.copyId)).toBe('available');
    const id = LaunchTemplate?.LaunchTemplateId ?? '';
    expect((await toldOf(stage, oldest.copyId)).at(-1)).toMatchObject({
      'detail-type': 'Image Restored',
      detail: { reasons: [{ code: 'Referenced', message: `The launch template ${id} uses it.` }] },
    });
  });

  it('removes them once the quarantine is over, and has their copies never announced again', async () => {
    const another = await openStage(KEEP_TWO);
    const [first] = await copyNew(another, 3);
    await sweep(another.retiring);
    const snapshotIds = await snapshotIdsOf(another, first.copyId);
    await another.settling.invoke(imageStateWakeUp(first.copyId, 'available'));
    await sweep(another.settling);
    expect(await stateOf(another, first.copyId)).toBe('disabled');
    await endQuarantine(another, first.copyId);
    await sweep(another.retiring);

    expect(await stateOf(another, first.copyId)).toBeUndefined();
    expect(await left(another, snapshotIds)).toEqual([]);
    expect(await askAgain(another, first)).toBe('ImageRetired');
    expect((await toldOf(another, first.copyId)).map((told) => told['detail-type'])).toEqual([
      'Image Copied',
      'Image Quarantined',
      'Image Retired',
    ]);
  });
});

describe('snapshots of a removed image', () => {
  let stage: Stage;
  let copies: Copies;

  beforeAll(async () => {
    stage = await openStage();
    copies = await copyNew(stage, 3);
  });

  it('that EC2 keeps are named, and the next sweep removes them', async () => {
    const [{ copyId }] = copies;
    const snapshotIds = await snapshotIdsOf(stage, copyId);
    const { id: account } = stage.target.account;
    const deleteAgain = await injectFault({ kind: 'keep-snapshot', account, returnCode: 'internal-error' });
    const answer = { code: 'InternalError', message: 'An internal error has occurred', status: 500 };
    const deletesNone = await injectFault({ kind: 'error', account, operation: 'DeleteSnapshot', ...answer });
    await retire(stage, [copyId]);

    expect(await stateOf(stage, copyId)).toBeUndefined();
    expect((await toldOf<RetirementResult>(stage, copyId)).at(-1)).toMatchObject({
      'detail-type': 'Image Retired',
      detail: { remainingSnapshots: snapshotIds },
    });
    expect(await left(stage, snapshotIds)).toEqual(snapshotIds);
    await sweep(stage.retiring);
    expect(counted(stage.retiring, 'SnapshotsRemaining')).toBe(1);

    await deleteAgain();
    await deletesNone();
    await sweep(stage.retiring);
    expect(await left(stage, snapshotIds)).toEqual([]);
  });

  it('that another image uses stay as long as it does', async () => {
    const [, { copyId }] = copies;
    const { ec2 } = stage.target.account;
    const snapshotIds = await snapshotIdsOf(stage, copyId);
    const Ebs = { SnapshotId: snapshotIds[0] };
    const request = {
      Name: 'user',
      RootDeviceName: '/dev/sda1',
      BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs }],
    };
    const { ImageId } = await ec2.send(new RegisterImageCommand({ ...request, Architecture: 'x86_64' }));
    await retire(stage, [copyId]);

    expect(await stateOf(stage, copyId)).toBeUndefined();
    expect((await toldOf<RetirementResult>(stage, copyId)).at(-1)).toMatchObject({
      'detail-type': 'Image Retired',
      detail: { remainingSnapshots: [] },
    });
    const before = counted(stage.retiring, 'SnapshotsRemaining');
    await sweep(stage.retiring);
    expect(await left(stage, snapshotIds)).toEqual(snapshotIds);
    expect(counted(stage.retiring, 'SnapshotsRemaining')).toBe(before);

    await ec2.send(new DeregisterImageCommand({ ImageId }));
    await sweep(stage.retiring);
    expect(await left(stage, snapshotIds)).toEqual([]);
  });
});

/** A copy of the same image, as another system makes it, which may tag the image alone. */
async function copyAs(
  { target }: Stage,
  { image }: Copied,
  Name: string,
  tags: Readonly<Record<string, string>>,
  tagged: readonly ('image' | 'snapshot')[] = ['image', 'snapshot'],
): Promise<string> {
  const { ec2 } = target.account;
  const Tags = Object.entries({ CopiedFromAMI: image.imageId, ...tags }).map(([Key, Value]) => ({ Key, Value }));
  const { ImageId = '' } = await ec2.send(
    new CopyImageCommand({
      SourceImageId: image.imageId,
      SourceRegion: REGION,
      Name,
      Encrypted: true,
      KmsKeyId: target.keyArn,
      TagSpecifications: tagged.map((ResourceType) => ({ ResourceType, Tags })),
    }),
  );
  await waitFor('the copy', async () => {
    const { Images: [copy] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    return copy?.State === 'available' || undefined;
  });
  return ImageId;
}

describe('images that this copier did not make', () => {
  let stage: Stage;
  let made: Copied;
  let amigos: string;
  let anothers: string;

  beforeAll(async () => {
    stage = await openStage();
    [made] = await copyNew(stage, 2);
    const marker = (await markerOf(stage, made.copyId)) ?? '';
    amigos = await copyAs(stage, made, 'amigos', { AmigoStage: 'PROD' });
    anothers = await copyAs(stage, made, 'anothers', { ImageCopier: marker.replace('image-copier', 'another') });
  });

  it('stay', async () => {
    await retire(stage, [amigos, anothers]);

    for (const imageId of [amigos, anothers]) {
      expect(await stateOf(stage, imageId)).toBe('available');
      expect((await toldOf(stage, imageId)).at(-1)).toMatchObject({
        'detail-type': 'Image Kept',
        detail: {
          reasons: [
            {
              code: 'NotOurs',
              message: 'It is no copy of this copier, and the input retire_tagged allows no others.',
            },
          ],
        },
      });
    }
  });

  it('stay by the policy of the role, whatever the function believes', async () => {
    const listener = { RESULTS_TOPIC_ARN: stage.results.topicArn };
    const believing = await stage.target.startRetiring({
      ...listener,
      RETIRE_TAGGED: JSON.stringify({ AmigoStage: 'PROD' }),
    });
    const message = JSON.stringify({ retire: { images: [amigos], quarantineDays: 0 } });
    expect(await stage.target.deliverRetirement(believing, message)).toEqual({ outcome: 'kept' });

    expect(JSON.stringify(linesOf({ retiring: believing }, amigos))).toContain(
      'not authorized to perform: ec2:DeregisterImage',
    );
    expect(await stateOf(stage, amigos)).toBe('disabled');
    await send(stage, { restore: { images: [amigos] } });
    expect(await stateOf(stage, amigos)).toBe('available');
  });
});

describe('images with all tags of the input retire_tagged', () => {
  const TAGS = { BuiltBy: 'amigo', AmigoStage: 'PROD' };
  const MARK = 'ImageCopierEnd';
  let stage: Stage;
  let made: Copied;

  /** The role's policy with what the input adds, as policies.tftest.hcl has it of the module: the template has no such input. */
  function allowTagged(policy: string): string {
    const document = JSON.parse(policy) as { readonly Statement: readonly object[] };
    const StringEquals = Object.fromEntries(
      Object.entries(TAGS).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
    );
    const StringLike = { [`aws:ResourceTag/${MARK}`]: 'image-copier retired=*' };
    const added = [
      ['RemoveTaggedImages', 'ec2:DeregisterImage', 'image', { StringEquals, StringLike }],
      ['RemoveTaggedSnapshots', 'ec2:DeleteSnapshot', 'snapshot', { StringEquals }],
    ].map(([Sid, Action, kind, Condition]) => ({
      ...{ Sid, Effect: 'Allow', Action, Condition },
      Resource: `arn:aws:ec2:${REGION}::${kind as string}/*`,
    }));
    return JSON.stringify({ ...document, Statement: [...document.Statement, ...added] });
  }

  beforeAll(async () => {
    stage = await openStage({ RETIRE_TAGGED: JSON.stringify(TAGS) });
    await new FunctionRole(stage.target.account, 'retire-image').change(allowTagged);
    [made] = await copyNew(stage, 2);
  });

  it('are in quarantine first, and then removed with their snapshots', async () => {
    const amigos = await copyAs(stage, made, 'amigos', TAGS);
    const snapshotIds = await snapshotIdsOf(stage, amigos);
    await retire(stage, [amigos], 7);
    await sweep(stage.retiring);

    expect(await stateOf(stage, amigos)).toBe('disabled');
    expect(await markerOf(stage, amigos, MARK)).toMatch(/^image-copier retired=\S+ quarantine=7$/);

    await endQuarantine(stage, amigos, MARK);
    await sweep(stage.retiring);

    expect(await stateOf(stage, amigos)).toBeUndefined();
    expect(snapshotIds).toHaveLength(1);
    expect(await left(stage, snapshotIds)).toEqual([]);
    expect((await toldOf<RetirementResult>(stage, amigos)).map((told) => told['detail-type'])).toEqual([
      'Image Quarantined',
      'Image Retired',
    ]);
    // The copier's own copy of the same image is none of them.
    expect(await stateOf(stage, made.copyId)).toBe('available');
  });

  it("leave snapshots that have none of them, as those of AMIgo's copier", async () => {
    const amigos = await copyAs(stage, made, 'as AMIgo tags it', TAGS, ['image']);
    const snapshotIds = await snapshotIdsOf(stage, amigos);
    await retire(stage, [amigos]);

    expect(await stateOf(stage, amigos)).toBeUndefined();
    expect(await left(stage, snapshotIds)).toEqual(snapshotIds);
    expect((await toldOf<RetirementResult>(stage, amigos)).at(-1)).toMatchObject({
      'detail-type': 'Image Retired',
      detail: { remainingSnapshots: snapshotIds },
    });
  });

  it('are what may go: one that lacks a tag stays', async () => {
    const other = await copyAs(stage, made, 'of another stage', { ...TAGS, AmigoStage: 'CODE' });
    await retire(stage, [other]);

    expect(await stateOf(stage, other)).toBe('available');
    const message = 'It is no copy of this copier, and it does not have the tags of the input retire_tagged.';
    expect((await toldOf<RetirementResult>(stage, other)).at(-1)).toMatchObject({
      'detail-type': 'Image Kept',
      detail: { reasons: [{ code: 'NotOurs', message }] },
    });
  });

  it('are what the role may remove, whatever the function believes', async () => {
    const { BuiltBy } = TAGS;
    const other = await copyAs(stage, made, 'without a stage', { BuiltBy });
    const snapshotIds = await snapshotIdsOf(stage, other);
    const believing = await stage.target.startRetiring({
      RESULTS_TOPIC_ARN: stage.results.topicArn,
      RETIRE_TAGGED: JSON.stringify({ BuiltBy }),
    });
    const message = JSON.stringify({ retire: { images: [other], quarantineDays: 0 } });
    expect(await stage.target.deliverRetirement(believing, message)).toEqual({ outcome: 'kept' });

    expect(JSON.stringify(linesOf({ retiring: believing }, other))).toContain(
      'not authorized to perform: ec2:DeregisterImage',
    );
    expect(await stateOf(stage, other)).toBe('disabled');
    expect(await left(stage, snapshotIds)).toEqual(snapshotIds);
  });
});

describe('an image of which it cannot be read what uses it', () => {
  it('stays, and the reason is what could not be read', async () => {
    const stage = await openStage();
    const [{ copyId }] = await copyNew(stage, 2);
    const role = new FunctionRole(stage.target.account, 'retire-image');
    const putBack = await role.takeOut('autoscaling:DescribeAutoScalingGroups');
    await retire(stage, [copyId], 7);

    expect(await stateOf(stage, copyId)).toBe('available');
    const [told] = (await toldOf<RetirementResult>(stage, copyId)).slice(-1);
    expect(told).toMatchObject({ 'detail-type': 'Image Kept', detail: { reasons: [{ code: 'Unreadable' }] } });
    expect(told?.detail.reasons[0]?.message).toMatch(
      /^Auto Scaling groups could not be read: AccessDenied: .*no identity-based policy/,
    );

    await putBack();
    await sweep(stage.retiring);
    expect(await stateOf(stage, copyId)).toBe('disabled');
  });
});
