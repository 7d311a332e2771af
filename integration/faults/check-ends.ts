import type { Image, Snapshot } from '@aws-sdk/client-ec2';
import type { Message } from '@aws-sdk/client-sqs';
import { FOREIGN_MARK } from '../../lambda/src/core/account-images.ts';
import type { AccountRun } from './account-run.ts';
import { isAnnouncedCopy, isOurs, parsedMarker, type ParameterHistory } from './account-view.ts';
import type { Decision } from './ends-of-images.ts';

/** What of an account at rest says how images ended. */
export interface EndedStanding {
  readonly images: readonly Image[];
  readonly snapshots: readonly Snapshot[];
  readonly parameters: readonly ParameterHistory[];
  readonly letters: readonly Message[];
  readonly onBus: readonly { readonly 'detail-type': string; readonly detail: { readonly imageId: string } }[];
}

/** Checks that nothing in use is lost, that nothing goes on half done, and that what is revoked is gone. */
export function checkEnds(run: AccountRun, standing: EndedStanding): string[] {
  const check = new EndsCheck(run, standing);
  return check.violations();
}

class EndsCheck {
  readonly #run: AccountRun;
  readonly #standing: EndedStanding;
  readonly #copies: readonly Image[];
  readonly #removed: ReadonlySet<string>;
  readonly #violations: string[] = [];

  constructor(run: AccountRun, standing: EndedStanding) {
    this.#run = run;
    this.#standing = standing;
    this.#copies = standing.images.filter(
      (image) => isOurs(image) && !run.foreign.some(({ imageId }) => imageId === image.ImageId),
    );
    this.#removed = run.ends.removed();
  }

  violations(): string[] {
    this.#checkUsed();
    for (const copy of this.#copies) this.#checkCopy(copy);
    for (const image of this.#standing.images) this.#checkRevoked(image);
    for (const parameter of this.#standing.parameters) this.#checkParameter(parameter);
    for (const index of this.#run.pool.images.keys()) this.#checkGone(index);
    for (const recipe of new Set(this.#run.pool.images.map(({ tags }) => tags['Recipe'] ?? ''))) {
      this.#checkRecipe(recipe);
    }
    for (const decision of this.#run.ends.decisions) this.#checkAnnounced(decision);
    for (const letter of this.#standing.letters) this.#checkLetter(letter);
    return this.#violations;
  }

  #violated(what: string): void {
    this.#violations.push(`ends: ${what}`);
  }

  #checkUsed(): void {
    for (const imageId of new Set(this.#run.ends.launched)) {
      const image = this.#standing.images.find(({ ImageId }) => ImageId === imageId);
      if (!image) this.#violated(`${imageId} is gone, though an instance runs it`);
      else if (image.State !== 'available' && !this.#run.ends.isRevoked(this.#indexOf(image))) {
        this.#violated(`${imageId} is ${image.State ?? ''}, though an instance runs it`);
      }
    }
  }

  /** After the last sweep nothing is in quarantine, and what is to go is used. */
  #checkCopy(copy: Image): void {
    const { ImageId: imageId = '', State: state = '' } = copy;
    const end = parsedMarker(copy)?.end;
    if (end?.state === 'retired') this.#violated(`${imageId} is ${state} and still marked as retired`);
    if (end?.state === 'asked' && !this.#isNeeded(copy)) this.#violated(`${imageId} is to go, not used, and there`);
    const isUnwanted = this.#run.ends.unwanted.has(imageId) && !this.#wasWanted(copy);
    if (isUnwanted && !this.#isNeeded(copy)) this.#violated(`${imageId} was to go, is not used, and is there`);
  }

  /** Whether somebody wanted it back, or it was in use in its quarantine, or taken away otherwise. */
  #wasWanted(copy: Image): boolean {
    const { onBus } = this.#standing;
    const { ends } = this.#run;
    const index = this.#indexOf(copy);
    const wasRestored = onBus.some(
      ({ detail, 'detail-type': type }) => detail.imageId === copy.ImageId && type === 'Image Restored',
    );
    return wasRestored || ends.restored.has(index) || ends.wasRevoked(index);
  }

  #checkRevoked(image: Image): void {
    const { ImageId: imageId = '', State: state = '', Tags = [] } = image;
    const index = this.#indexOf(image);
    const isMarked = isOurs(image)
      ? parsedMarker(image)?.end?.state === 'revoked'
      : Tags.some(({ Key }) => Key === FOREIGN_MARK);
    if (this.#run.ends.isRevoked(index)) {
      if (state === 'available') this.#violated(`${imageId} can be launched, though image ${index} is revoked`);
      if (!isMarked && state === 'disabled') this.#violated(`${imageId} of the revoked image ${index} is not marked`);
      return;
    }
    if (isMarked) this.#violated(`${imageId} is marked, though image ${index} is not revoked`);
    if (state === 'disabled') this.#violated(`${imageId} is disabled, though image ${index} is not revoked`);
  }

  /** A parameter points to what can be launched, as long as there is any of its recipe. */
  #checkParameter({ name, values }: ParameterHistory): void {
    const value = values.at(-1);
    const others = this.#line(name.split('/').at(-1) ?? '').map(({ ImageId = '' }) => ImageId);
    if (others.length > 0 && !others.includes(value ?? '')) {
      this.#violated(`${name} points to ${value ?? ''}, which is none of ${others.join(', ')}`);
    }
  }

  /** What was retired does not come back, unless somebody wants it back. */
  #checkGone(index: number): void {
    const { ends } = this.#run;
    if (ends.restored.has(index) || ends.wasRevoked(index)) return;
    const copies = this.#copies.filter((copy) => this.#indexOf(copy) === index);
    const removed = [...this.#removed].filter(
      (imageId) => this.#run.sourceOf(imageId) === this.#run.pool.images[index],
    );
    if (copies.length > 0 && removed.length > 0) {
      this.#violated(`${removed.join(', ')} was retired, and image ${index} is copied again`);
    }
  }

  /** The newest copy, and those to go back to, are there; what the retention policy lets go is not. */
  #checkRecipe(recipe: string): void {
    const { pool, ends, plan } = this.#run;
    const members = pool.images.flatMap(({ tags }, index) => (tags['Recipe'] === recipe ? [index] : []));
    if (members.some((index) => ends.wasRevoked(index) || ends.restored.has(index))) return;
    const announced = new Set(
      this.#standing.onBus.flatMap(({ 'detail-type': type, detail }) =>
        type === 'Image Copied' ? [this.#run.sourceOf(detail.imageId)] : [],
      ),
    );
    const everThere = members.filter((index) => announced.has(pool.images[index])).reverse();
    const line = this.#line(recipe).map((copy) => this.#indexOf(copy));
    for (const index of everThere.slice(0, 1 + plan.rollbackDepth)) {
      if (!line.includes(index)) this.#violated(`the copy of image ${index} is gone, though ${recipe} needs it`);
    }
    if (!plan.retention) return;
    for (const copy of this.#line(recipe).slice(plan.retention.keepNewest)) {
      if (!this.#isNeeded(copy)) this.#violated(`${copy.ImageId ?? ''} is kept against the retention policy`);
    }
  }

  /** Whether an instance uses a copy, or its recipe needs it. */
  #isNeeded(copy: Image): boolean {
    const { ends, plan } = this.#run;
    if (ends.launched.includes(copy.ImageId ?? '')) return true;
    const recipe = copy.Tags?.find(({ Key }) => Key === 'Recipe')?.Value ?? '';
    const line = this.#line(recipe).map(({ ImageId }) => ImageId);
    const parameter = this.#standing.parameters.find(({ name }) => name === `/image-copier/${recipe}`);
    const current = line.indexOf(parameter?.values.at(-1));
    const place = line.indexOf(copy.ImageId);
    return place <= Math.max(current, 0) + (place > current ? plan.rollbackDepth : 0);
  }

  /** The announced copies of a recipe that can be launched, the newest first. */
  #line(recipe: string): Image[] {
    return this.#copies
      .filter((copy) => copy.State === 'available' && isAnnouncedCopy(copy))
      .filter(({ Tags = [] }) => Tags.some(({ Key, Value }) => Key === 'Recipe' && Value === recipe))
      .toSorted((one, other) => this.#indexOf(other) - this.#indexOf(one));
  }

  /** No settling that begins after a revocation announces a copy of it. */
  #checkAnnounced({ image, kind, at, doneMs }: Decision): void {
    if (kind !== 'revoke' || doneMs === undefined) return;
    const undone = this.#run.ends.decisions.find(
      (other) => other.image === image && other.kind === 'unrevoke' && other.at > at,
    );
    const { imageId } = this.#run.image(image);
    for (const { functionName, startedMs, endedMs = Infinity, calls } of this.#run.invocations) {
      if (functionName !== 'settle-copy' || startedMs < doneMs) continue;
      if (undone && endedMs > undone.sentMs) continue;
      const announced = calls.find(({ action, body }) => action === 'events:PutEvents' && body.includes(imageId));
      if (announced) this.#violated(`a copy of image ${image} is announced after its revocation: ${announced.body}`);
    }
  }

  #checkLetter({ Body = '', MessageAttributes = {} }: Message): void {
    const { sourceAmi } = JSON.parse(Body) as { sourceAmi?: string };
    const reason = MessageAttributes['Reason']?.StringValue ?? '';
    if (sourceAmi === undefined) this.#violated(`a message about the end of images is refused: ${reason}`);
    const index = this.#run.pool.images.findIndex(({ imageId }) => imageId === sourceAmi);
    const wasRemoved = [...this.#removed].some((imageId) => this.#run.sourceOf(imageId)?.imageId === sourceAmi);
    if (reason.includes(' was retired at ') && !wasRemoved)
      this.#violated(`image ${index} never was retired: ${reason}`);
    if (reason.includes(' was revoked at ') && !this.#run.ends.wasRevoked(index)) {
      this.#violated(`image ${index} never was revoked: ${reason}`);
    }
  }

  #indexOf({ SourceImageId }: Image): number {
    return this.#run.pool.images.findIndex(({ imageId }) => imageId === SourceImageId);
  }
}
