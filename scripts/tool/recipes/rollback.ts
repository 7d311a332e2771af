import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { required } from '../../../lambda/src/adapters/ec2-image-facts.ts';
import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { isAnnounced } from '../../../lambda/src/core/copy-marker.ts';
import { findFlaw, snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import { ownImages, tagOf } from '../common/copies.ts';
import type { Copier } from '../common/environment.ts';
import { copiesOf, findSnapshots, keyArnOf, knownTo, type KnownImage } from '../common/known-copies.ts';
import { UserError } from '../common/user-error.ts';
import { waitFor } from '../common/wait-for.ts';
import { parameterOf, readHistory } from './history.ts';

export interface RollbackPlan {
  readonly parameter: string;
  readonly from: string;
  readonly to: string;
}

/** What the user named is not in an account. */
export class NotInAccountError extends UserError {
  readonly what: 'recipe' | 'image';

  constructor(what: NotInAccountError['what'], message: string) {
    super(message, 1);
    this.what = what;
  }
}

// SSM checks the image after it has taken the value (Parameter Store, "Native parameter support for AMI IDs").
const CHECK_TIMEOUT_MS = 60_000;
const POLL_MS = 2000;

/**
 * Finds the image that a recipe's parameter is to point to again.
 * @param to a copy or its source image; without it the verified copy that the parameter pointed to before
 * @throws {UserError} if there is none, or it is not a verified copy
 */
export async function planRollback(copier: Copier, recipe: string, to: string | undefined): Promise<RollbackPlan> {
  const parameter = parameterOf(copier, recipe);
  const history = await readHistory(copier, recipe);
  const [current] = history;
  if (!current) throw new NotInAccountError('recipe', `There is no parameter ${parameter}.`);
  const image = await imageFor(copier, to ?? previousOf(history));
  const { imageId } = image.facts;
  if (imageId === current.imageId) throw new UserError(`${parameter} points to ${imageId} already.`, 1);
  await requireVerified(copier, recipe, image);
  return { parameter, from: current.imageId, to: imageId };
}

/**
 * Sets the parameter, and returns once SSM has checked the image and stored it.
 * @throws {WaitError} if SSM does not take it
 */
export async function carryOutRollback({ aws, parameterPath }: Copier, { parameter, to }: RollbackPlan): Promise<void> {
  const parameters = new SsmImageParameters(aws.ssm, parameterPath);
  await parameters.put(parameter, to);
  await waitFor(
    `SSM to store ${to} in ${parameter}`,
    async () => ((await parameters.get(parameter)) === to ? true : undefined),
    { timeoutMs: CHECK_TIMEOUT_MS, pollMs: POLL_MS },
  );
}

function previousOf(history: Awaited<ReturnType<typeof readHistory>>): string {
  const current = history[0]?.imageId;
  const previous = history.find(
    ({ imageId, image }) => imageId !== current && image?.isVerified && image.state === 'available',
  );
  if (previous) return previous.imageId;
  throw new UserError('It pointed to no other verified copy that is still available. Name one with --to.', 1);
}

/** An image of this account: the one that is named, or a copy of it. */
async function imageFor(copier: Copier, named: string): Promise<KnownImage> {
  const filters = [{ Name: 'image-id', Values: [named] }];
  const [itself] = await ownImages(copier.aws, filters, { disabledToo: true });
  if (itself) return knownTo(copier, itself);
  // A source image may have several copies here, of which at most one is this copier's.
  const copies = await copiesOf(copier, named);
  const copy = copies.find(({ ownership }) => ownership.kind === 'ours') ?? copies[0];
  if (copy) return copy;
  throw new NotInAccountError('image', `${named} is neither an image of this account nor the source of one.`);
}

/** As settle-copy verifies: available, announced by this copier, and each snapshot under the key that it was ordered under. */
async function requireVerified(copier: Copier, recipe: string, { image, facts, ownership }: KnownImage): Promise<void> {
  const reject = (why: string): never => {
    throw new UserError(`${facts.imageId} ${why} The parameter is left as it is.`, 1);
  };
  if (facts.state !== 'available') return reject(`is ${facts.state}, not available.`);
  if (tagOf(image, copier.recipeTag) !== recipe) {
    return reject(`belongs to ${tagOf(image, copier.recipeTag) ?? 'no recipe'}, not to ${recipe}.`);
  }
  if (ownership.kind === 'none') return reject(`is no copy of ${copier.name}. ${ownership.reason}`);
  if (ownership.kind === 'theirs' || !isAnnounced(ownership.marker)) {
    return reject(`is no verified copy of ${copier.name}.`);
  }
  const snapshotIds = snapshotIdsOf(facts);
  const snapshots = await findSnapshots(copier.aws.ec2, snapshotIds);
  const keyArn = keyArnOf(ownership.marker, copier) ?? (await ownKeyArn(copier));
  const flaw = findFlaw(snapshotIds, snapshots, keyArn);
  if (flaw) return reject(`is not verified: ${flaw.reason}`);
}

/** Copies of the first versions do not name their key: they were made under the module's own. */
async function ownKeyArn({ aws, name }: Copier): Promise<string> {
  const described = await aws.kms.send(new DescribeKeyCommand({ KeyId: `alias/${name}` }));
  return required(described.KeyMetadata?.Arn, 'Arn');
}
