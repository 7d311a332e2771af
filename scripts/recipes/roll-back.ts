import { DescribeSnapshotsCommand, EC2Client, type Image } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { SSMClient } from '@aws-sdk/client-ssm';
import { SsmImageParameters } from '../../lambda/src/adapters/ssm-image-parameters.ts';
import { MARKER, parseMarker } from '../../lambda/src/core/copy-marker.ts';
import type { Place } from '../cli/places.ts';
import { isAnnounced, ownImages, tagOf } from '../copies.ts';
import { waitFor } from '../wait-for.ts';
import { parameterOf, readHistory } from './recipe-history.ts';

/** A parameter cannot be set back. The message says why, and what could be done. */
export class RollbackError extends Error {
  override readonly name = 'RollbackError';
}

export interface RollbackPlan {
  readonly parameter: string;
  readonly from: string;
  readonly to: string;
}

// SSM checks the image after it has taken the value (Parameter Store, "Native parameter support for AMI IDs").
const CHECK_TIMEOUT_MS = 60_000;

/**
 * Finds the image that a recipe's parameter is to point to again.
 * @param to a copy or its source image; without it the verified copy that the parameter pointed to before
 * @throws {RollbackError} if there is none, or it is not a verified copy
 */
export async function planRollback(place: Place, recipe: string, to: string | undefined): Promise<RollbackPlan> {
  const parameter = parameterOf(place, recipe);
  const history = await readHistory(place, recipe);
  const [current] = history;
  if (!current) throw new RollbackError(`There is no parameter ${parameter}.`);
  const ec2 = new EC2Client(place.settings);
  const kms = new KMSClient(place.settings);
  try {
    const image = await imageFor(ec2, to ?? previousOf(history), place.copier.name);
    const { ImageId: imageId = '' } = image;
    if (imageId === current.imageId) throw new RollbackError(`${parameter} points to ${imageId} already.`);
    await requireVerified(ec2, kms, place, recipe, image);
    return { parameter, from: current.imageId, to: imageId };
  } finally {
    ec2.destroy();
    kms.destroy();
  }
}

/**
 * Sets the parameter, and returns once SSM has checked the image and stored it.
 * @throws {WaitError} if SSM does not take it
 */
export async function carryOutRollback({ settings, copier }: Place, { parameter, to }: RollbackPlan): Promise<void> {
  const ssm = new SSMClient(settings);
  const parameters = new SsmImageParameters(ssm, copier.parameterPath);
  try {
    await parameters.put(parameter, to);
    await waitFor(
      `SSM to store ${to} in ${parameter}`,
      async () => ((await parameters.get(parameter)) === to ? true : undefined),
      { timeoutMs: CHECK_TIMEOUT_MS },
    );
  } finally {
    ssm.destroy();
  }
}

function previousOf(history: Awaited<ReturnType<typeof readHistory>>): string {
  const current = history[0]?.imageId;
  const previous = history.find(
    ({ imageId, image }) => imageId !== current && image?.isVerified && image.state === 'available',
  );
  if (previous) return previous.imageId;
  throw new RollbackError('It pointed to no other verified copy that is still available. Name one with --to.');
}

/** An image of this account: the one that is named, or a copy of it. */
async function imageFor(ec2: EC2Client, named: string, copier: string): Promise<Image> {
  const find = async (Name: string) => await ownImages({ ec2 }, [{ Name, Values: [named] }], { disabledToo: true });
  const [itself] = await find('image-id');
  if (itself) return itself;
  // A source image may have several copies here, of which at most one is this copier's.
  const copies = await find('source-image-id');
  const copy = copies.find((each) => parseMarker(tagOf(each, MARKER), copier)) ?? copies[0];
  if (copy) return copy;
  throw new RollbackError(`${named} is neither an image of this account nor the source of one.`);
}

/** As settle-copy verifies: available, announced by this copier, and each snapshot under this copier's key. */
async function requireVerified(
  ec2: EC2Client,
  kms: KMSClient,
  { copier }: Place,
  recipe: string,
  image: Image,
): Promise<void> {
  const refuse = (why: string): never => {
    throw new RollbackError(`${image.ImageId ?? ''} ${why}. The parameter is left as it is.`);
  };
  if (image.State !== 'available') return refuse(`is ${image.State ?? 'in no state'}, not available`);
  if (tagOf(image, copier.recipeTag) !== recipe) {
    return refuse(`belongs to ${tagOf(image, copier.recipeTag) ?? 'no recipe'}, not to ${recipe}`);
  }
  if (!isAnnounced(image, copier.name)) return refuse(`is no verified copy of ${copier.name}`);
  const { KeyMetadata: { Arn } = {} } = await kms.send(new DescribeKeyCommand({ KeyId: `alias/${copier.name}` }));
  const ids = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
  const { Snapshots = [] } = await ec2.send(
    new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'snapshot-id', Values: ids }] }),
  );
  const bad = ids.find(
    (id) =>
      !Snapshots.some(({ SnapshotId, Encrypted, KmsKeyId }) => SnapshotId === id && Encrypted && KmsKeyId === Arn),
  );
  if (ids.length === 0 || bad !== undefined) return refuse(`has a snapshot that is not under alias/${copier.name}`);
}
