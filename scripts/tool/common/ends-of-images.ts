import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { AccountImageReferences } from '../../../lambda/src/adapters/account-image-references.ts';
import { Ec2AccountImages } from '../../../lambda/src/adapters/ec2-account-images.ts';
import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { IMAGES_AT_ONCE, type AccountImage } from '../../../lambda/src/core/account-images.ts';
import {
  keepReasons,
  knownTo,
  snapshotIdsFor,
  type KeepReason,
  type KnownImage,
} from '../../../lambda/src/core/keep-reasons.ts';
import { snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import {
  readRetireImageConfig,
  type RetireImageConfig,
} from '../../../lambda/src/functions/common/retire-configuration.ts';
import { ifThere } from './aws-answers.ts';
import type { Copier } from './environment.ts';
import { sizeOf, type ImageSize } from './image-size.ts';
import { findSnapshots } from './known-copies.ts';
import { UserError } from './user-error.ts';

/** How a copier's function for the end of images is set up: what counts there counts here. */
export async function readRetirementSettings(copier: Copier): Promise<RetireImageConfig> {
  const settings = await findRetirementSettings(copier);
  if (settings) return settings;
  throw new UserError(
    `There is no function ${functionName(copier)}. Deploy the copier: older versions take away no image.`,
    1,
  );
}

/** The same, or undefined for a copier of an older version, which takes away no image. */
export async function findRetirementSettings(copier: Copier): Promise<RetireImageConfig | undefined> {
  const { aws, region } = copier;
  const request = new GetFunctionCommand({ FunctionName: functionName(copier) });
  const answer = await ifThere(aws.lambda.send(request), 'ResourceNotFoundException');
  return answer && readRetireImageConfig({ ...answer.Configuration?.Environment?.Variables, AWS_REGION: region });
}

function functionName({ name }: Copier): string {
  return `${name}-retire-image`;
}

/** All images of the copier's account, whoever made them. */
export async function listAccountImages({ aws, name }: Copier): Promise<AccountImage[]> {
  return await new Ec2AccountImages(aws.ec2, name).list();
}

/** What an image of the account is to the copier, by its settings. */
export function knownImages(images: readonly AccountImage[], settings: RetireImageConfig): KnownImage[] {
  return images.map((image) => knownTo(image, settings));
}

/**
 * What speaks at this moment against taking images away, as the function finds it with the same code. It changes nothing.
 * @param all images of the account
 */
export async function findKeepReasons(
  subjects: readonly KnownImage[],
  all: readonly AccountImage[],
  settings: RetireImageConfig,
  { aws, name, parameterPath }: Copier,
): Promise<ReadonlyMap<string, readonly KeepReason[]>> {
  if (subjects.length === 0) return new Map();
  const images = new Ec2AccountImages(aws.ec2, name);
  const references = new AccountImageReferences(aws);
  const imageIds = subjects.map(({ image }) => image.imageId);
  const [parameters, snapshots] = await Promise.all([
    new SsmImageParameters(aws.ssm, parameterPath).list(),
    images.snapshotsOf(snapshotIdsFor(imageIds, all, settings)),
  ]);
  const reasons = new Map<string, readonly KeepReason[]>();
  for (let start = 0; start < subjects.length; start += IMAGES_AT_ONCE) {
    const some = subjects.slice(start, start + IMAGES_AT_ONCE);
    const found = await references.find(some.map(({ image }) => image.imageId));
    const view = { images: all, parameters, found, snapshots };
    for (const known of some) reasons.set(known.image.imageId, keepReasons(known, view, settings, Date.now()));
  }
  return reasons;
}

/** How much the snapshots of images take, by image. */
export async function findSizes(
  ec2: EC2Client,
  images: readonly Pick<AccountImage, 'imageId' | 'devices'>[],
): Promise<ReadonlyMap<string, ImageSize>> {
  const snapshots = await findSnapshots(ec2, Array.from(new Set(images.flatMap(snapshotIdsOf))));
  const byId = new Map(snapshots.map((snapshot) => [snapshot.snapshotId, snapshot]));
  return new Map(
    images.map((image) => [image.imageId, sizeOf(snapshotIdsOf(image).flatMap((id) => byId.get(id) ?? []))]),
  );
}
