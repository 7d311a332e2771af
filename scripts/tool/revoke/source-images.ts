import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeImageAttributeCommand,
  DisableImageCommand,
  EnableImageCommand,
  ModifyImageAttributeCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { inCalls, REVOKED_TAG } from '../../../lambda/src/core/source-image.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { ownImages, tagOf } from '../common/copies.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import { forgetSharing, notedSharing, noteSharing } from './sharing-notes.ts';

/** An image that is decided on, in the source account. */
export interface DecidedImage {
  readonly imageId: string;
  readonly region: string;
  /** Undefined if the account has no such image any more. */
  readonly image: Image | undefined;
}

/** A call, or a few, for one image in the source account. */
export interface SourceStep {
  readonly decided: DecidedImage;
  /** In words. */
  readonly what: string;
  readonly run: () => Promise<void>;
}

// EC2 API Reference, Tag.
const MAX_TAG_VALUE = 256;
const AT_A_TIME = 8;

/** Finds images in the Regions that are named. */
export async function findDecided(
  places: readonly { readonly imageId: string; readonly region: string }[],
  clientsIn: (region: string) => AwsClients,
): Promise<DecidedImage[]> {
  const found = new Map<string, Image>();
  for (const region of new Set(places.map((place) => place.region))) {
    const Values = places.filter((place) => place.region === region).map(({ imageId }) => imageId);
    const images = await ownImages(clientsIn(region), [{ Name: 'image-id', Values }], { disabledToo: true });
    for (const image of images) found.set(image.ImageId ?? '', image);
  }
  return places.map(({ imageId, region }) => ({ imageId, region, image: found.get(imageId) }));
}

/** Ends the sharing of an image, and keeps it from being launched. Whom it was shared with is noted first. */
export function revokeStep(decided: DecidedImage, aws: AwsClients, at: string, reason: string): SourceStep | undefined {
  const { imageId, image } = decided;
  if (!image) return undefined;
  const isAvailable = image.State === 'available';
  const run = async () => {
    if (isAvailable) {
      const { LaunchPermissions = [] } = await aws.ec2.send(
        new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
      );
      await noteSharing(aws.ssm, imageId, LaunchPermissions);
    }
    if (image.State !== 'disabled') await aws.ec2.send(new DisableImageCommand({ ImageId: imageId }));
    const Value = `${at} ${reason}`.slice(0, MAX_TAG_VALUE);
    await aws.ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags: [{ Key: REVOKED_TAG, Value }] }));
  };
  const what = image.State === 'disabled' ? `set the tag ${REVOKED_TAG} on` : 'disable, note the sharing of, and tag';
  return { decided, what, run };
}

/** Makes a revoked image launchable again, and shares it with those that it was shared with. */
export function unrevokeStep(decided: DecidedImage, aws: AwsClients): SourceStep | undefined {
  const { imageId, image } = decided;
  if (!image || tagOf(image, REVOKED_TAG) === undefined) return undefined;
  const run = async () => {
    if (image.State === 'disabled') await aws.ec2.send(new EnableImageCommand({ ImageId: imageId }));
    const permissions = await notedSharing(aws.ssm, imageId);
    for (const Add of inCalls(permissions)) {
      await aws.ec2.send(new ModifyImageAttributeCommand({ ImageId: imageId, LaunchPermission: { Add } }));
    }
    // In this order: whoever ends in between can be followed by one that goes on.
    await forgetSharing(aws.ssm, imageId);
    await aws.ec2.send(new DeleteTagsCommand({ Resources: [imageId], Tags: [{ Key: REVOKED_TAG }] }));
  };
  return { decided, what: 'enable, share again, and take the tag from', run };
}

/** Takes all steps, whatever one of them meets, and gives what failed, by image. */
export async function takeSteps(steps: readonly SourceStep[]): Promise<Map<string, string>> {
  const problems = new Map<string, string>();
  await mapConcurrently(steps, AT_A_TIME, async ({ decided, run }) => {
    try {
      await run();
    } catch (error) {
      problems.set(decided.imageId, reasonOf(error));
    }
  });
  return problems;
}
