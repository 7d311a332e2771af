import { afterAll } from '@jest/globals';
import {
  AttachImageWatermarkCommand,
  CopyImageCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
} from '@aws-sdk/client-ec2';
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced } from '../../../scripts/tool/common/copies.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { REGION } from '../support/emulator.ts';
import { InVain, testAttacks } from './attack.ts';
import * as calls from './calls.ts';
import { accounts, administrator, colleague, sourceAdministrator, topicArn } from './cast.ts';
import type { Identity } from './identity.ts';
import { sweep } from './sweep.ts';

const NOT_APPROVED = 'not approved';
const FunctionName = 'image-copier-settle-copy';
const NAME = 'approved';
const WATERMARK = { watermark: NAME };
const SHARED_TAG = { sharedTag: NAME };
const TAG = `ec2:SharedTag/${NAME}`;

afterAll(async () => {
  await askForApproval(undefined);
});

/** Has settle-copy ask for an approval, as the input approval does. */
async function askForApproval(approval: object | undefined): Promise<void> {
  const { lambda } = administrator;
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const Variables = { ...Environment?.Variables };
  if (approval) Variables['APPROVAL'] = JSON.stringify(approval);
  else delete Variables['APPROVAL'];
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await waitFor('the function to have its variables', async () => {
    const { LastUpdateStatus } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    return LastUpdateStatus === 'Successful' || undefined;
  });
}

interface Waiting {
  readonly sourceImageId: string;
  readonly copyId: string;
}

interface Attempt {
  /** Bakes the image that is copied; by default as any other. */
  readonly bake?: (recipe: string) => Promise<BakedImage>;
  /** Tags of the request beside those of the image. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What is done once the copy waits. */
  readonly then?: (as: Identity, waiting: Waiting) => Promise<unknown>;
}

let recipes = 0;

/** Has an image copied, tries to have the copy pass, and looks once more as each sweep does: in vain while the parameter is not there. */
function pass(approval: object, { bake = bakeAsEver, tags = {}, then = () => Promise.resolve() }: Attempt) {
  return async (as: Identity) => {
    await askForApproval(approval);
    recipes += 1;
    const recipe = `gated-${recipes}`;
    const image = await bake(recipe);
    const target = administrator.account;
    await share(sourceAdministrator.ec2, image, [target]);
    const request = copyRequestFor(image, REGION, [target]);
    const body = JSON.stringify({ ...request, tags: { ...request.tags, ...tags } });
    await calls.publish(topicArn(), body)(sourceAdministrator);
    const copyId = await waitFor('the announced copy', async () => {
      const [copy] = await findCopies(administrator, image.imageId);
      return copy && isAnnounced(copy, 'image-copier') ? copy.ImageId : undefined;
    });
    await then(as, { sourceImageId: image.imageId, copyId });
    await sweep();
    const parameters = new SsmImageParameters(administrator.ssm, '/image-copier');
    if ((await parameters.get(`/image-copier/${recipe}`)) !== copyId) throw new InVain(NOT_APPROVED);
  };
}

async function bakeAsEver(recipe: string): Promise<BakedImage> {
  return await accounts.bake(recipe, 1);
}

async function attachWatermark({ ec2 }: Identity, ImageId: string): Promise<void> {
  await ec2.send(new AttachImageWatermarkCommand({ ImageId, WatermarkName: NAME }));
}

async function setSharedTag({ ec2 }: Identity, imageId: string): Promise<void> {
  await ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags: [{ Key: TAG, Value: 'yes' }] }));
}

/** An image that was made of an approved one, and so has its watermark. */
async function bakeFromApproved(recipe: string): Promise<BakedImage> {
  const { ec2 } = sourceAdministrator;
  const base = await accounts.bake(recipe, 0);
  await attachWatermark(sourceAdministrator, base.imageId);
  const Tags = Object.entries(base.tags).map(([Key, Value]) => ({ Key, Value }));
  const { ImageId = '' } = await ec2.send(
    new CopyImageCommand({
      SourceImageId: base.imageId,
      SourceRegion: REGION,
      Name: `${base.name}_again`,
      TagSpecifications: [{ ResourceType: 'image', Tags }],
    }),
  );
  const made = await waitFor('the image', async () => {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    return image?.State === 'available' ? image : undefined;
  });
  const snapshotIds = (made.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
  return { ...base, imageId: ImageId, snapshotIds };
}

const approvedByWatermark = () =>
  pass(WATERMARK, { then: (as, { sourceImageId }) => attachWatermark(as, sourceImageId) })(sourceAdministrator);
const approvedByTag = () =>
  pass(SHARED_TAG, { then: (as, { sourceImageId }) => setSharedTag(as, sourceImageId) })(sourceAdministrator);

testAttacks('somebody who wants an image launched that is not approved', [
  {
    name: 'attaches a watermark of its own account to the copy',
    by: colleague,
    call: pass(WATERMARK, { then: (as, { copyId }) => attachWatermark(as, copyId) }),
    answer: NOT_APPROVED,
    passes: approvedByWatermark,
  },
  {
    name: 'attaches a watermark to the source image',
    by: colleague,
    call: pass(WATERMARK, { then: (as, { sourceImageId }) => attachWatermark(as, sourceImageId) }),
    answer: 'AuthFailure',
    passes: approvedByWatermark,
  },
  {
    name: 'bakes from an approved image, whose watermark comes along',
    by: sourceAdministrator,
    call: pass(WATERMARK, { bake: bakeFromApproved }),
    answer: NOT_APPROVED,
    passes: approvedByWatermark,
  },
  {
    name: 'sets the tag of the approval on the copy',
    by: colleague,
    call: pass(SHARED_TAG, { then: (as, { copyId }) => setSharedTag(as, copyId) }),
    answer: NOT_APPROVED,
    passes: approvedByTag,
  },
  {
    name: 'asks for a copy with the tag of the approval in the request',
    by: sourceAdministrator,
    call: pass(SHARED_TAG, { tags: { [TAG]: 'yes' } }),
    answer: NOT_APPROVED,
    passes: approvedByTag,
  },
]);
