import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  type Image,
  type RegisterImageCommandInput,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { DescribeParametersCommand } from '@aws-sdk/client-ssm';
import { emulatedAccount, emulatedEnvironment, withoutAws } from '../../scripts/dev/emulated-account.ts';
import { tagsOf } from '../../scripts/dev/inspect-copy.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeImage, copyRequestFor, share, type BakedImage, type Recipe } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { checkKey, readKey } from '../../scripts/tool/doctor/key.ts';
import { endCopies, endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { ResultsInbox } from './support/results-inbox.ts';
import { runHere } from './support/run-here.ts';
import { imageStateWakeUp, sweepWakeUp, TargetAccount } from './support/target-account.ts';

// Public reports, each tried with what its reporter had. docs/field-cases.md has them all, with what came of them.
const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const opened: Stage[] = [];
let bakes = 0;

/** What the doctor knows of the copier before it looks. */
const COPIER = {
  name: 'image-copier',
  labels: {},
  parameterPath: '/image-copier',
  recipeTag: 'Recipe',
  copyTags: [],
  partition: 'aws',
  apply: { fix: 'Apply Terraform again.', commands: [] },
  applyWithSource: { fix: 'Apply Terraform again.', commands: [] },
  access: {},
  chosenBy: [],
  program: 'image-copier',
};

/** A target account with both functions, and with somebody who listens to its results. */
interface Stage {
  readonly target: TargetAccount;
  readonly results: ResultsInbox;
  readonly copying: HandlerProcess;
  readonly settling: HandlerProcess;
}

/** The stage of all cases that leave nothing behind which others would meet. */
let stage: Stage;

async function openStage(settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const target = await TargetAccount.create(source.id);
  const results = await ResultsInbox.open(target, source);
  const [copying, settling] = await Promise.all([
    target.startFunction(),
    target.startSettling({ RESULTS_TOPIC_ARN: results.topicArn, ...settings }),
  ]);
  const made = { target, results, copying, settling };
  opened.push(made);
  return made;
}

async function bake(changes: Partial<Recipe> = {}): Promise<BakedImage> {
  bakes += 1;
  return await bakeImage(source.ec2, {
    name: `amigo_ubuntu_${bakes}`,
    description: 'AMI for ubuntu built by Amigo',
    tags: { BuiltBy: 'amigo', Recipe: 'ubuntu' },
    volumeSizes: [8],
    ...changes,
  });
}

/** Bakes an image and shares it. */
async function bakeFor({ target }: Stage, changes: Partial<Recipe> = {}): Promise<BakedImage> {
  const image = await bake(changes);
  await share(source.ec2, image, [target.account.id]);
  return image;
}

const requestFor = (image: BakedImage, changes: object = {}) =>
  JSON.stringify({ ...copyRequestFor(image, REGION, ['*']), ...changes });

/** Delivers a request, past those that other cases left in the queue. */
async function ask(image: BakedImage, changes: object = {}, on = stage): Promise<'done' | 'kept'> {
  return await deliver(requestFor(image, changes), on);
}

async function deliver(body: string, { target, copying } = stage): Promise<'done' | 'kept'> {
  const [sent] = (await target.receive(body)).filter((record) => record.body === body);
  const record =
    sent ?? (await waitFor('the request', async () => (await target.receive()).find((each) => each.body === body)));
  const { batchItemFailures } = await copying.invoke(record);
  if (batchItemFailures.length > 0) return 'kept';
  const { queueUrl: QueueUrl } = target;
  await target.account.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: record.receiptHandle }));
  return 'done';
}

/** Asks for a copy of an image that is shared, and waits until EC2 has ended it. */
async function copy(image: BakedImage, changes: object = {}): Promise<Image> {
  expect(await ask(image, changes)).toBe('done');
  return await endedCopy(image);
}

async function endedCopy(image: BakedImage, { target } = stage): Promise<Image> {
  return await waitFor(`the copy of ${image.imageId} to end`, async () => {
    const [found] = await findCopies(target.account, image.imageId);
    return found && found.State !== 'pending' ? found : undefined;
  });
}

const settle = async ({ ImageId = '', State }: Image, { settling } = stage) =>
  await settling.invoke(imageStateWakeUp(ImageId, State ?? ''));

/** What was announced about copies of an image. */
async function announced(image: BakedImage, { results } = stage) {
  const { onTopic } = await results.all();
  return onTopic
    .filter(({ detail }) => detail.sourceAmi === image.imageId)
    .map(({ 'detail-type': type, detail }) => ({ type, ...detail }));
}

/** Why requests for an image were kept. */
const keptFor = ({ imageId }: BakedImage) =>
  stage.copying
    .logLines()
    .filter(({ outcome, sourceImage }) => outcome === 'retried' && sourceImage === imageId)
    .map(({ reason }) => reason as { readonly code: string; readonly message: string });

/** Why the request for an image is in the dead-letter queue. */
async function refusalOf({ imageId }: BakedImage): Promise<string | undefined> {
  const letters = await stage.target.takeDeadLetters();
  const letter = letters.find(({ Body }) => Body?.includes(imageId));
  return letter?.MessageAttributes?.['Reason']?.StringValue;
}

/** Takes the request for the next try of an image out of the queue. */
async function nextTry({ imageId }: BakedImage): Promise<string> {
  const { account, queueUrl: QueueUrl } = stage.target;
  const { body, receiptHandle: ReceiptHandle } = await waitFor('a request in the queue', async () =>
    (await stage.target.receive()).find((record) => record.body.includes(imageId) && record.body.includes('"retry"')),
  );
  await account.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return body;
}

/** Registers an image with the snapshots of one that was baked. */
async function register(baked: BakedImage, attributes: Partial<RegisterImageCommandInput>): Promise<BakedImage> {
  const name = `${baked.name}-registered`;
  const { ImageId = '' } = await source.ec2.send(
    new RegisterImageCommand({
      Name: name,
      Architecture: 'x86_64',
      VirtualizationType: 'hvm',
      RootDeviceName: '/dev/sda1',
      BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId: baked.snapshotIds[0] } }],
      ...attributes,
    }),
  );
  return { ...baked, imageId: ImageId, name };
}

/** Shares an image with the account and asks it for a copy, by the operators' tool. */
async function requestByTool({ imageId }: BakedImage) {
  const topic = stage.results.topicArn.split(':').at(-1) ?? '';
  return await runHere(['request', imageId, '--accounts', stage.target.account.id, '--topic', topic, '--share'], {
    ...withoutAws(),
    ...emulatedEnvironment(endpoint(), source.id, REGION),
  });
}

/** Has the next copy of an image fail. */
async function failNextCopy(
  { imageId: sourceImageId }: BakedImage,
  message = 'Copy image failed with an internal error',
) {
  const stateReason = { code: 'Client.InternalError', message };
  const { id: account } = stage.target.account;
  await injectFault({ kind: 'fail-copy', account, sourceImageId, stateReason, times: 1 });
}

async function snapshotsThere(ids: readonly (string | undefined)[]) {
  const Filters = [{ Name: 'snapshot-id', Values: ids.map((id) => id ?? '') }];
  const { Snapshots = [] } = await stage.target.account.ec2.send(new DescribeSnapshotsCommand({ Filters }));
  return Snapshots;
}

const snapshotIdsOf = ({ BlockDeviceMappings = [] }: Image) => BlockDeviceMappings.map(({ Ebs }) => Ebs?.SnapshotId);

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await Promise.all(opened.map(({ results }) => results.close()));
  await Promise.all(opened.map(({ target }) => target.close()));
  await removeImages(source);
});

describe('a source', () => {
  it('hashicorp/packer-plugin-amazon#261: deprecated, and known by its id', async () => {
    const image = await bakeFor(stage);
    const inAMinute = new Date(Date.now() + 60_000);
    await source.ec2.send(new EnableImageDeprecationCommand({ ImageId: image.imageId, DeprecateAt: inAMinute }));
    const end = await injectFault({ kind: 'clock', account: stage.target.account.id, secondsAhead: 300 });
    const { Images: listed } = await stage.target.account.ec2.send(
      new DescribeImagesCommand({ Owners: [source.id], ExecutableUsers: ['self'] }),
    );

    const made = await copy(image);
    await end();

    expect(listed).toEqual([]);
    expect(made).toMatchObject({ State: 'available', SourceImageId: image.imageId });
  });

  it('ansible-collections/amazon.aws#944: that boots by UEFI, with a TPM', async () => {
    const firmware = { BootMode: 'uefi', TpmSupport: 'v2.0', ImdsSupport: 'v2.0', EnaSupport: true } as const;
    const image = await register(await bake(), { ...firmware, UefiData: 'QU1aTlVFRkk=' });
    await share(source.ec2, image, [stage.target.account.id]);

    const made = await copy(image);
    const { UefiData } = await stage.target.account.ec2.send(
      new DescribeImageAttributeCommand({ ImageId: made.ImageId, Attribute: 'uefiData' }),
    );

    expect(made).toMatchObject({ State: 'available', ...firmware });
    expect(UefiData?.Value).toBe('QU1aTlVFRkk=');
  });

  it('rancher/os#725: public, with a snapshot that is not', async () => {
    const image = await bake();
    await source.ec2.send(
      new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission: { Add: [{ Group: 'all' }] } }),
    );
    const before = await ask(image);
    await source.ec2.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId: image.snapshotIds[0],
        Attribute: 'createVolumePermission',
        CreateVolumePermission: { Add: [{ Group: 'all' }] },
      }),
    );

    expect(before).toBe('kept');
    expect(keptFor(image)[0]?.message).toContain('Give this account createVolumePermission on every snapshot');
    expect(await copy(image)).toMatchObject({ State: 'available' });
  });

  it('ministryofjustice/modernisation-platform#1671: of several volumes, of which one is shared', async () => {
    const image = await bake({ volumeSizes: [8, 20, 30] });
    const [root = ''] = image.snapshotIds;
    await share(source.ec2, { ...image, snapshotIds: [root] }, [stage.target.account.id]);
    const before = await ask(image);
    await share(source.ec2, image, [stage.target.account.id]);

    const made = await copy(image);

    expect(before).toBe('kept');
    expect((await snapshotsOf(stage.target.account, made)).map(({ Encrypted }) => Encrypted)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('hashicorp/terraform#11220: asked for in a Region where it is not', async () => {
    const image = await bakeFor(stage);

    const asked = await ask(image, { sourceRegion: 'us-west-1' });

    expect(asked).toBe('kept');
    expect(keptFor(image)).toMatchObject([
      { code: 'SourceNotVisible', message: expect.stringContaining('is not visible to this account in us-west-1') },
    ]);
  });

  it.each(['cn-north-1', 'us-gov-west-1'])(
    'openshift/installer#4103: of another partition, %s',
    async (sourceRegion) => {
      const image = await bakeFor(stage);

      const asked = await ask(image, { sourceRegion });

      expect(asked).toBe('done');
      expect(await refusalOf(image)).toContain(`${sourceRegion} is in another partition than ${REGION}`);
    },
  );

  it('boto/botocore#2194: deregistered a moment ago', async () => {
    const image = await bakeFor(stage);
    await source.ec2.send(new DeregisterImageCommand({ ImageId: image.imageId }));

    expect(await ask(image)).toBe('kept');
    expect(keptFor(image)).toMatchObject([{ code: 'SourceNotVisible' }]);
  });

  it('hashicorp/terraform#5561: whose tags no other account sees', async () => {
    const image = await bakeFor(stage);
    const { Images = [] } = await stage.target.account.ec2.send(
      new DescribeImagesCommand({ ImageIds: [image.imageId] }),
    );

    const made = await copy(image);

    expect(Images.map(tagsOf)).toEqual([{}]);
    expect(tagsOf(made)).toMatchObject(image.tags);
    expect((await snapshotsOf(stage.target.account, made)).map(tagsOf)).toEqual([tagsOf(made)]);
  });

  it('hashicorp/packer#10071: shared while EC2 throttles that', async () => {
    const image = await bake();
    const throttled = { code: 'RequestLimitExceeded', message: 'Request limit exceeded.', status: 503, times: 3 };
    await injectFault({ kind: 'error', account: source.id, operation: 'ModifyImageAttribute', ...throttled });

    const { code, stderr } = await requestByTool(image);

    expect(stderr).toContain(`ec2:ModifyImageAttribute ${image.imageId}`);
    expect(code).toBe(0);
  });

  it('aws-amplify/aws-sdk-ios#62: shared with one account, and with nobody else', async () => {
    const image = await bake();
    await requestByTool(image);
    const { Images = [] } = await source.ec2.send(new DescribeImagesCommand({ ImageIds: [image.imageId] }));

    expect(Images).toMatchObject([{ Public: false }]);
  });
});

describe('a request', () => {
  it('metadist/synaplan#1546: with a dash in its description that is not ASCII', async () => {
    const image = await bakeFor(stage);

    const asked = await ask(image, { description: 'ubuntu — weekly' });

    expect(asked).toBe('done');
    expect(await refusalOf(image)).toContain('Character sets beyond ASCII are not supported');
    expect(await findCopies(stage.target.account, image.imageId)).toEqual([]);
  });

  it('webdigi/AWS-AMI-Automated-Creation-Deletion#6: named after a tag, with characters that no image may have', async () => {
    const image = await bakeFor(stage);

    const asked = await ask(image, { name: 'web: prod #1' });

    expect(asked).toBe('done');
    expect(await refusalOf(image)).toContain("name must be 3 to 128 letters, digits, spaces or ( ) [ ] . / - ' @ _");
  });

  it('cloud-custodian/cloud-custodian#6953: with tags that AWS set', async () => {
    const image = await bakeFor(stage);
    const tags = { ...image.tags, 'aws:cloudformation:stack-name': 'bake', 'aws:autoscaling:groupName': 'bakery' };

    const made = await copy(image, { tags });

    expect(Object.keys(tagsOf(made)).sort()).toEqual(['BuiltBy', 'CopiedFromAMI', 'Encrypted', 'Recipe']);
  });

  it('guardian/giant#775: with a tag Encrypted of its own', async () => {
    const image = await bakeFor(stage);

    const made = await copy(image, { tags: { ...image.tags, Encrypted: 'investigations' } });

    expect(tagsOf(made)).toMatchObject({ Encrypted: 'true' });
  });

  it('getmoto/moto#8151: with as many tags as EC2 takes', async () => {
    const image = await bakeFor(stage);
    const tags: Record<string, string> = { Recipe: 'ubuntu' };
    for (let count = 1; count < 47; count += 1) tags[`tag${count}`] = 'x';

    const made = await copy(image, { tags });
    await settle(made);

    expect(made.Tags).toHaveLength(50);
    expect(await announced(image)).toMatchObject([{ type: 'Image Copied', imageId: made.ImageId }]);
  });
});

describe('EC2', () => {
  it('aws-samples/copy-encrypted-ami#3: has too many snapshots of one image in progress', async () => {
    const image = await bakeFor(stage, { volumeSizes: [1, 1, 1, 1, 1, 1] });
    const end = await injectFault({ kind: 'limit', account: stage.target.account.id, concurrentCopies: 0 });
    const before = await ask(image);
    await end();

    const made = await copy(image);
    await settle(made);

    expect(before).toBe('kept');
    expect(keptFor(image)).toMatchObject([{ code: 'ResourceLimitExceeded' }]);
    expect(await announced(image)).toMatchObject([{ type: 'Image Copied', imageId: made.ImageId }]);
  });

  it('zalando-stups/senza#561: throttles the listing of images', async () => {
    const image = await bakeFor(stage);
    const throttle = { kind: 'throttle', operation: 'DescribeImages', burst: 0, refillPerSecond: 0 } as const;
    const end = await injectFault({ ...throttle, account: stage.target.account.id });
    const hurried = await stage.target.startFunction({ REMAINING_MS: '20000' });
    const before = await ask(image, {}, { ...stage, copying: hurried });
    await end();

    expect(before).toBe('kept');
    expect(await copy(image)).toMatchObject({ State: 'available' });
  });

  it('jaiarobotics/jaiabot#1702: answers that the name is taken', async () => {
    const image = await bakeFor(stage);
    const message = `AMI name ${image.name} is already in use by AMI ami-0123456789abcdef0`;
    const taken = {
      kind: 'error',
      operation: 'CopyImage',
      code: 'InvalidAMIName.Duplicate',
      message,
      status: 400,
    } as const;
    const end = await injectFault({ ...taken, account: stage.target.account.id });
    const before = await ask(image);
    await end();

    expect(before).toBe('kept');
    expect(keptFor(image)).toMatchObject([{ message: `InvalidAMIName.Duplicate: ${message}` }]);
    expect(await copy(image)).toMatchObject({ State: 'available' });
  });

  it('opendevstack/ods-core#1070: takes hours for a copy', async () => {
    const own = await openStage({ OVERDUE_SECONDS: '1' });
    const image = await bakeFor(own);
    const end = await injectFault({ kind: 'slow-copy', account: own.target.account.id, seconds: 86_400 });
    await ask(image, {}, own);
    const again = await ask(image, {}, own);
    await waitFor('the copy to be overdue', async () => {
      await own.settling.invoke(sweepWakeUp());
      return own.settling.logLines().find(({ overdue }) => overdue === true);
    });
    await endCopies(own.target.account.id);
    await end();

    const made = await endedCopy(image, own);
    await settle(made, own);

    expect(again).toBe('done');
    expect(await findCopies(own.target.account, image.imageId)).toHaveLength(1);
    expect(await announced(image, own)).toMatchObject([{ type: 'Image Copied', imageId: made.ImageId }]);
  });

  it('hashicorp/terraform#2990: fails a copy, since there are too many snapshots', async () => {
    const image = await bakeFor(stage);
    const message = 'You have exceeded your snapshot limit.';
    await failNextCopy(image, message);
    await settle(await copy(image));
    await deliver(await nextTry(image));

    const made = await endedCopy(image);
    await settle(made);

    expect(made).toMatchObject({ State: 'available' });
    expect(await announced(image)).toMatchObject([{ type: 'Image Copied', attempt: 2 }]);
  });

  it('fog/fog-aws#380: leaves the snapshots of every volume behind when a copy fails', async () => {
    const image = await bakeFor(stage, { volumeSizes: [8, 20, 30] });
    await failNextCopy(image);
    const failed = await copy(image);
    const before = await snapshotsThere(snapshotIdsOf(failed));
    await settle(failed);

    expect(before).toHaveLength(3);
    expect(await snapshotsThere(snapshotIdsOf(failed))).toEqual([]);
  });

  it('hashicorp/terraform-provider-aws#41455: lets nobody deregister a copy that is protected, and failed', async () => {
    const { ec2 } = stage.target.account;
    const image = await bakeFor(stage);
    await failNextCopy(image);
    const failed = await copy(image);
    const { ImageId } = failed;
    await ec2.send(new EnableImageDeregistrationProtectionCommand({ ImageId }));
    await settle(failed);
    await settle(failed);
    const tries = (await stage.target.receive()).filter(({ body }) => body.includes(image.imageId));
    await deliver(tries[0]?.body ?? '');

    const made = await waitFor('the next try to end', async () => {
      const copies = await findCopies(stage.target.account, image.imageId);
      return copies.find(({ State }) => State === 'available');
    });
    await settle(made);
    await ec2.send(new DisableImageDeregistrationProtectionCommand({ ImageId }));
    await settle(failed);

    expect(await announced(image)).toMatchObject([{ type: 'Image Copied', attempt: 2 }]);
    const lines = stage.settling.logLines().filter((line) => line['copy'] === ImageId);
    expect(tries).toHaveLength(1);
    expect(lines.map(({ outcome }) => outcome)).toEqual(['putOff', 'putOff', 'failed']);
    expect(JSON.stringify(lines)).toContain('is protected from deregistration');
    expect((await findCopies(stage.target.account, image.imageId)).map(({ State }) => State)).toEqual(['available']);
  });
});

describe('the account', () => {
  it('aws-samples/copy-encrypted-ami#1: has its key disabled', async () => {
    const { kms } = stage.target.account;
    const image = await bakeFor(stage);
    await kms.send(new DisableKeyCommand({ KeyId: stage.target.keyArn }));
    const failed = await copy(image);
    await settle(failed);
    await kms.send(new EnableKeyCommand({ KeyId: stage.target.keyArn }));
    await deliver(await nextTry(image));

    expect(failed.State).toBe('failed');
    expect(failed.StateReason?.Message).toContain('Given key ID is not accessible');
    expect(await endedCopy(image)).toMatchObject({ State: 'available' });
  });

  it('aws-samples/aws-backup-automation#2: may not use the key of the source', async () => {
    const { KeyMetadata } = await source.kms.send(new CreateKeyCommand({}));
    const image = await bakeFor(stage, { keyArn: KeyMetadata?.Arn ?? '' });
    const first = await copy(image);
    const failed = [first];
    await settle(first);
    for (const attempt of [2, 3]) {
      const next = await nextTry(image);
      expect(JSON.parse(next)).toMatchObject({ retry: { attempt } });
      await deliver(next);
      const ended = await endedCopy(image);
      await settle(ended);
      failed.push(ended);
    }

    expect(await refusalOf(image)).toContain('Given key ID is not accessible');
    expect(await announced(image)).toMatchObject([{ type: 'Image Copy Failed', attempt: 3 }]);
    expect(await findCopies(stage.target.account, image.imageId)).toEqual([]);
    expect(await snapshotsThere(failed.flatMap(snapshotIdsOf))).toEqual([]);
  });

  it('hashicorp/packer#3264: has another image of the same name', async () => {
    const image = await bakeFor(stage);
    const { ec2 } = stage.target.account;
    const namesake = await bakeImage(ec2, { ...image, tags: { Name: 'by hand' }, volumeSizes: [1] });

    const made = await copy(image);
    await settle(made);
    await stage.settling.invoke(sweepWakeUp());

    const { Images = [] } = await ec2.send(
      new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'name', Values: [image.name] }] }),
    );
    expect(Images.map(({ ImageId, State }) => [ImageId, State]).sort()).toEqual(
      [
        [made.ImageId, 'available'],
        [namesake.imageId, 'available'],
      ].sort(),
    );
  });

  it('aws-samples/cdk-image-pipeline#290: refreshes Auto Scaling groups by the parameter', async () => {
    const made = await copy(await bakeFor(stage));
    await settle(made);

    const ParameterFilters = [{ Key: 'Path', Option: 'Recursive', Values: ['/image-copier'] }];
    const { Parameters } = await stage.target.account.ssm.send(new DescribeParametersCommand({ ParameterFilters }));

    expect(Parameters).toMatchObject([{ Name: '/image-copier/ubuntu', Type: 'String', DataType: 'aws:ec2:image' }]);
  });

  it('guardian/amigo#187: launches by Auto Scaling, and by EC2 Spot', async () => {
    const { target } = stage;
    const { id: accountId, region, kms } = target.account;
    const key = await readKey(kms, target.keyArn);

    const copier = { ...COPIER, accountId, account: accountId, region };
    const codes = checkKey(key, target.keyArn, copier).map(({ code }) => code);

    expect(codes).not.toContain('KeyRefusesLaunches');
  });
});
