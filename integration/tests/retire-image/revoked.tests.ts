import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CopyImageCommand, DescribeImagesCommand, EnableImageCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { GetParameterCommand, GetParametersByPathCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import type { RevocationResult } from '../../../lambda/src/core/retirement-results.ts';
import { bakeImage, share } from '../../../scripts/tool/common/bake.ts';
import { findCopies, ownImages } from '../../../scripts/tool/common/copies.ts';
import { emulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { endCopies, endpoint, injectFault, newAccountId, REGION } from '../support/emulator.ts';
import { CallRecorder } from '../support/function-calls.ts';
import { removeImages } from '../support/remove-images.ts';
import { imageStateWakeUp } from '../support/target-account.ts';
import {
  bakeFor,
  copyNew,
  deadLetter,
  endedCopy,
  idOf,
  markerOf,
  openStage,
  requestFor,
  send,
  stateOf,
  sweep,
  toldOf,
  type Copied,
  type Stage,
} from './stage.ts';

const PARAMETER = '/image-copier/ubuntu';
const REASON = 'CVE-2026-1';

const now = () => new Date().toISOString();
const decisionOn = (...sourceAmis: string[]) => ({ sourceAmis, sourceRegion: REGION, reason: REASON, at: now() });
const revoke = (stage: Stage, ...sourceAmis: string[]) => send(stage, { revoke: decisionOn(...sourceAmis) });

async function parameterOf({ target }: Stage): Promise<string | undefined> {
  const { Parameter } = await target.account.ssm.send(new GetParameterCommand({ Name: PARAMETER }));
  return Parameter?.Value;
}

/** Copies an image within the account, as somebody with other things in mind does. */
async function copyBy({ target }: Stage, SourceImageId: string, Name: string, tags: object = {}): Promise<string> {
  const { ec2 } = target.account;
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value: String(Value) }));
  const TagSpecifications = Tags.length > 0 ? [{ ResourceType: 'image' as const, Tags }] : [];
  const { ImageId = '' } = await ec2.send(
    new CopyImageCommand({ SourceImageId, SourceRegion: REGION, Name, Encrypted: true, TagSpecifications }),
  );
  await waitFor(`the copy ${Name}`, async () => {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    return image?.State === 'available' ? true : undefined;
  });
  return ImageId;
}

describe('an image that is revoked', () => {
  let stage: Stage;
  let good: Copied;
  let bad: Copied;
  /** AMIgo's copy of the bad image, what descends from our copy, and from that. */
  let others: string[];
  let calls: string[];

  const family = () => [bad.copyId, ...others];

  beforeAll(async () => {
    stage = await openStage();
    [good, bad] = await copyNew(stage, 2);
    const amigos = await copyBy(stage, bad.image.imageId, 'amigos', { CopiedFromAMI: bad.image.imageId });
    const child = await copyBy(stage, bad.copyId, 'child');
    others = [amigos, child, await copyBy(stage, child, 'grandchild')];
    const { ec2 } = stage.target.account;
    for (const ImageId of [bad.copyId, child]) {
      await ec2.send(new RunInstancesCommand({ ImageId, InstanceType: 't4g.micro', MinCount: 1, MaxCount: 1 }));
    }
    expect(await parameterOf(stage)).toBe(bad.copyId);

    calls = [];
    const recorder = await CallRecorder.start((call, pass) => {
      calls.push(call.action === 'ssm:PutParameter' ? `${call.action} ${nameIn(call.body)}` : call.action);
      return pass();
    });
    const { retirementsQueueUrl: queueUrl, deadLetterQueueUrl } = stage.target;
    const recorded = await stage.target.startRetiring({
      RESULTS_TOPIC_ARN: stage.results.topicArn,
      ...recorder.settingsFor({ queueUrl, deadLetterQueueUrl }),
    });
    await send(stage, { revoke: decisionOn(bad.image.imageId) }, recorded);
    await recorder.stop();
  });

  const nameIn = (body: string) => (JSON.parse(body) as { Name: string }).Name;

  it('has its parameter moved to the newest other copy before any is disabled', async () => {
    expect(await parameterOf(stage)).toBe(good.copyId);
    const moved = calls.indexOf(`ssm:PutParameter ${PARAMETER}`);
    expect(moved).toBeGreaterThan(-1);
    expect(calls.indexOf('ec2:DisableImage')).toBeGreaterThan(moved);
  });

  it('can be launched from none of its copies, whoever made them, nor from what descends from one', async () => {
    for (const imageId of family()) expect([imageId, await stateOf(stage, imageId)]).toEqual([imageId, 'disabled']);
    expect(await stateOf(stage, good.copyId)).toBe('available');
    expect(await markerOf(stage, bad.copyId)).toMatch(/^image-copier revoked=\S+ attempt=1 .* announced=\S+$/);
  });

  it('is told with the instances that still run it', async () => {
    const [, told] = await toldOf<RevocationResult>(stage, bad.image.imageId);
    expect(told).toMatchObject({
      'detail-type': 'Image Revoked',
      detail: {
        sourceAmi: bad.image.imageId,
        sourceRegion: REGION,
        reason: REASON,
        pending: [],
        parameters: [{ name: PARAMETER, from: bad.copyId, to: good.copyId }],
        instances: 2,
        problems: [],
      },
    });
    expect(told?.detail.images.toSorted()).toEqual(family().toSorted());
  });

  it('is not copied again', async () => {
    await stage.target.deliver(stage.copying, requestFor(bad.image));
    expect(await ownImages(stage.target.account, [], { disabledToo: true })).toHaveLength(1 + family().length);

    const uncopied = await bakeFor(stage);
    await revoke(stage, uncopied.imageId);
    await stage.target.deliver(stage.copying, requestFor(uncopied));
    expect(await deadLetter(stage)).toEqual(['ImageRevoked', expect.stringContaining(REASON)]);
    expect(await findCopies(stage.target.account, uncopied.imageId)).toEqual([]);
  });

  it('is disabled again by the sweep, if somebody enables a copy', async () => {
    const { ec2 } = stage.target.account;
    await ec2.send(new EnableImageCommand({ ImageId: bad.copyId }));
    await sweep(stage.retiring);

    expect(await stateOf(stage, bad.copyId)).toBe('disabled');
  });

  it('is looked at again, and told of again only if there was something to do', async () => {
    const before = (await toldOf(stage, bad.image.imageId)).length;
    const child = others[1] ?? '';
    await stage.target.account.ec2.send(new EnableImageCommand({ ImageId: child }));
    const again = { revoke: { ...decisionOn(bad.image.imageId), again: true } };
    await send(stage, again);
    await send(stage, again);

    expect(await stateOf(stage, child)).toBe('disabled');
    expect(await toldOf(stage, bad.image.imageId)).toHaveLength(before + 1);
  });

  it('can be launched again once the revocation is undone, and the parameter points to its copy', async () => {
    await send(stage, { unrevoke: decisionOn(bad.image.imageId) });

    for (const imageId of family()) expect([imageId, await stateOf(stage, imageId)]).toEqual([imageId, 'available']);
    expect(await parameterOf(stage)).toBe(bad.copyId);
    expect(await markerOf(stage, bad.copyId)).toMatch(/^image-copier announced=\S+ attempt=1 baked=\S+ key=\S+$/);
    expect((await toldOf<RevocationResult>(stage, bad.image.imageId)).at(-1)).toMatchObject({
      'detail-type': 'Revocation Undone',
      detail: { parameters: [{ name: PARAMETER, from: good.copyId, to: bad.copyId }], problems: [] },
    });
  });
});

describe('an image that is revoked while EC2 copies it', () => {
  it('is disabled once its copy is available, and never announced', async () => {
    const stage = await openStage();
    const { account } = stage.target;
    const image = await bakeFor(stage);
    const restore = await injectFault({ kind: 'slow-copy', account: account.id, seconds: 3600 });
    await stage.target.deliver(stage.copying, requestFor(image));
    await restore();
    const [pending] = await findCopies(account, image.imageId);
    const copyId = idOf(pending ?? {});
    await revoke(stage, image.imageId);
    expect(await toldOf<RevocationResult>(stage, image.imageId)).toMatchObject([
      { 'detail-type': 'Image Revoked', detail: { images: [], pending: [copyId], instances: 0 } },
    ]);

    await endCopies(account.id);
    await endedCopy(stage, image);
    await stage.settling.invoke(imageStateWakeUp(copyId, 'available'));
    expect(await stateOf(stage, copyId)).toBe('disabled');
    await sweep(stage.settling);
    expect(await toldOf(stage, image.imageId)).toHaveLength(1);
    const { Parameters } = await account.ssm.send(new GetParametersByPathCommand({ Path: '/image-copier' }));
    expect(Parameters).toEqual([]);
  });

  it('is settled as a revoked one, though its copy was listed too late to be marked', async () => {
    const stage = await openStage();
    const image = await bakeFor(stage);
    await stage.target.deliver(stage.copying, requestFor(image));
    const copyId = idOf(await endedCopy(stage, image));
    const { ssm } = stage.target.account;
    const noted = { kind: 'revoked', at: now(), reason: REASON };
    const Name = `/image-copier-ended/image-copier/${image.imageId}`;
    await ssm.send(new PutParameterCommand({ Name, Value: JSON.stringify(noted), Type: 'String' }));
    await stage.settling.invoke(imageStateWakeUp(copyId, 'available'));

    expect(await stateOf(stage, copyId)).toBe('disabled');
    expect(await markerOf(stage, copyId)).toMatch(/^image-copier revoked=/);
    expect(await toldOf(stage, image.imageId)).toEqual([]);
  });
});

describe('a revocation that nobody trusted has decided', () => {
  const stranger = emulatedAccount(endpoint(), newAccountId(), REGION);

  afterAll(() => removeImages(stranger));

  it('is rejected, and nothing is disabled', async () => {
    const stage = await openStage();
    const { account } = stage.target;
    const recipe = { name: 'strange', description: '', tags: { Name: 'strange' }, volumeSizes: [1] };
    const strange = await bakeImage(stranger.ec2, recipe);
    await share(stranger.ec2, strange, [account.id]);
    const own = await copyBy(stage, strange.imageId, 'own');
    await revoke(stage, strange.imageId);

    expect(await deadLetter(stage)).toEqual(['UntrustedOwner', expect.stringContaining(stranger.id)]);
    expect(await stateOf(stage, own)).toBe('available');
    const { Parameters } = await account.ssm.send(
      new GetParametersByPathCommand({ Path: '/image-copier-ended', Recursive: true }),
    );
    expect(Parameters).toEqual([]);
  });
});
