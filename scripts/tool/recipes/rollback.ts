import { ownImages } from '../common/copies.ts';
import type { Copier } from '../common/environment.ts';
import { copiesOf, knownTo, type KnownImage } from '../common/known-copies.ts';
import { UserError } from '../common/user-error.ts';
import { readHistory, type RecipeVersion } from './history.ts';
import { parameterOf, type Pointer } from './pointer.ts';
import { bakedMsOf, evidenceFor, whyUnfit } from './verified-copy.ts';

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

/**
 * Finds the image that the parameter of a recipe or a channel is to point to again.
 * @param to a copy or its source image; without it the verified copy that the parameter pointed to before
 * @throws {UserError} if there is none, it is not a verified copy, or it would be ahead of what was promoted
 */
export async function planRollback(copier: Copier, pointer: Pointer, to: string | undefined): Promise<RollbackPlan> {
  const parameter = parameterOf(copier, pointer);
  const history = await readHistory(copier, pointer);
  const [current] = history;
  if (!current) throw new NotInAccountError('recipe', `There is no parameter ${parameter}.`);
  const known = await imageFor(copier, to ?? previousOf(history, pointer));
  const { imageId } = known.facts;
  if (imageId === current.imageId) throw new UserError(`${parameter} points to ${imageId} already.`, 1);
  const why = whyUnfit(known, pointer.recipe, copier, await evidenceFor(copier, [known]));
  if (why !== undefined) throw new UserError(`${imageId} ${why} The parameter is left as it is.`, 1);
  if (pointer.channel !== undefined && !wasPromoted(known, history)) {
    throw new UserError(
      `${imageId} was never promoted to ${parameter}, and is not older than ${current.imageId}. Promote it.`,
      1,
    );
  }
  return { parameter, from: current.imageId, to: imageId };
}

/** A channel goes back only: further than the last promotion, or to what it pointed to before. */
function wasPromoted(known: KnownImage, history: readonly RecipeVersion[]): boolean {
  if (history.some(({ imageId }) => imageId === known.facts.imageId)) return true;
  const [current] = history;
  return current?.image !== undefined && bakedMsOf(known) < current.image.bakedMs;
}

/** What the parameter of a recipe pointed to before. A channel goes back with each call, and not to and fro. */
function previousOf([current, ...before]: readonly RecipeVersion[], { channel }: Pointer): string {
  const currentMs = channel === undefined ? undefined : current?.image?.bakedMs;
  const previous = before.find(
    ({ imageId, image }) =>
      imageId !== current?.imageId &&
      image?.isVerified &&
      image.isApproved &&
      image.state === 'available' &&
      (currentMs === undefined || image.bakedMs < currentMs),
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
