import {
  paginateDescribeImages,
  paginateDescribeInstanceImageMetadata,
  type EC2Client,
  type InstanceImageMetadata,
} from '@aws-sdk/client-ec2';
import { MAX_FILTER_VALUES, PAGE_SIZE } from '../../../lambda/src/adapters/ec2-image-catalogue.ts';
import { required } from '../../../lambda/src/adapters/ec2-image-facts.ts';
import { FOREIGN_MARK, parseForeignMark } from '../../../lambda/src/core/account-images.ts';
import type { SnapshotFacts } from '../../../lambda/src/core/image-catalogue.ts';
import { snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import { REVOKED_TAG } from '../../../lambda/src/core/source-image.ts';
import { allOf } from '../common/aws-answers.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { ownImages, tagOf } from '../common/copies.ts';
import type { Copier } from '../common/environment.ts';
import type { Environments, Source } from '../common/environments.ts';
import { inEnvironments } from '../common/in-environments.ts';
import {
  findSnapshots,
  isCopy,
  isWaiting,
  knownTo,
  standingOf,
  whyUnverified,
  type KnownCopy,
  type KnownImage,
} from '../common/known-copies.ts';
import type { Terminal } from '../common/terminal.ts';
import { readSources } from '../status/read-copiers.ts';
import type { CopyOfRecipe, FleetFacts, FleetInput, FleetSource, ImageFact, InstanceFact } from './build-fleet.ts';

// A stopped instance runs nothing. What a launch has begun runs in a moment.
const RUNNING = { Name: 'instance-state-name', Values: ['pending', 'running'] };

/** Reads the running instances of the environments, their images, and what the source account knows where it can be asked. */
export async function readFleet(
  { copiers, source }: Environments,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<FleetInput> {
  const recipeTag = copiers[0]?.recipeTag ?? '';
  const [outcomes, sources] = await Promise.all([
    inEnvironments(copiers, readFacts, signal, terminal),
    source ? readFleetSources(source, recipeTag) : { sources: [] },
  ]);
  return { readAt: new Date().toISOString(), recipeTag, outcomes, ...sources };
}

/** The source account only helps to tell what images are: without it the accounts are shown all the same. */
async function readFleetSources(
  source: Source,
  recipeTag: string,
): Promise<Pick<FleetInput, 'sources' | 'sourceProblem'>> {
  try {
    const read = await readSources(source, recipeTag, { disabledToo: true });
    const sources = read
      .filter(({ image }) => image.State === 'available' || image.State === 'disabled')
      .map(({ image, ...known }): FleetSource => ({ ...known, isRevoked: tagOf(image, REVOKED_TAG) !== undefined }));
    return { sources };
  } catch (error) {
    return { sources: [], sourceProblem: reasonOf(error) };
  }
}

async function readFacts(copier: Copier): Promise<FleetFacts> {
  const { ec2 } = copier.aws;
  // One after the other: an image that an instance was just launched from is among those that are read afterwards.
  const instances = await runningInstances(ec2);
  const images = await ownImages({ ec2 }, [], { disabledToo: true });
  const known = images.map((image) => knownTo(copier, image));
  const copies = known.filter(isCopy).flatMap(({ facts }) => snapshotIdsOf(facts));
  const [snapshots, others] = await Promise.all([findSnapshots(ec2, copies), ownersOfOthers(ec2, instances, known)]);
  return { instances, images: known.map((image) => imageFact(image, snapshots, copier)), others };
}

async function runningInstances(ec2: EC2Client): Promise<InstanceFact[]> {
  const pages = paginateDescribeInstanceImageMetadata({ client: ec2, pageSize: PAGE_SIZE }, { Filters: [RUNNING] });
  return (await allOf(pages, (page) => page.InstanceImageMetadata)).map(toInstanceFact);
}

function toInstanceFact({ InstanceId, ImageMetadata = {} }: InstanceImageMetadata): InstanceFact {
  const { ImageId, OwnerId, Name, CreationDate } = ImageMetadata;
  return {
    instanceId: required(InstanceId, 'InstanceId'),
    imageId: required(ImageId, 'ImageId'),
    ...(OwnerId !== undefined && { ownerId: OwnerId }),
    ...(Name !== undefined && { name: Name }),
    ...(CreationDate !== undefined && { createdAt: CreationDate }),
  };
}

/** Whom the images belong to that own images of running instances were made of, as far as EC2 shows these. */
async function ownersOfOthers(
  ec2: EC2Client,
  instances: readonly InstanceFact[],
  known: readonly KnownImage[],
): Promise<ReadonlyMap<string, string>> {
  const images = new Map(known.map((image) => [image.facts.imageId, image]));
  const asked = new Set<string>();
  const seen = new Set<string>();
  for (const instance of instances) {
    for (let image = images.get(instance.imageId); image && !isCopy(image);) {
      const { imageId, source } = image.facts;
      if (!source || seen.has(imageId)) break;
      seen.add(imageId);
      if (!images.has(source.imageId)) asked.add(source.imageId);
      image = images.get(source.imageId);
    }
  }
  const owners = new Map<string, string>();
  const ids = Array.from(asked);
  for (let start = 0; start < ids.length; start += MAX_FILTER_VALUES) {
    // By a filter: one that is gone is no error.
    const Filters = [{ Name: 'image-id', Values: ids.slice(start, start + MAX_FILTER_VALUES) }];
    const found = await allOf(
      paginateDescribeImages({ client: ec2, pageSize: PAGE_SIZE }, { Filters }),
      (page) => page.Images,
    );
    for (const { ImageId = '', OwnerId = '' } of found) owners.set(ImageId, OwnerId);
  }
  return owners;
}

function imageFact(known: KnownImage, snapshots: readonly SnapshotFacts[], copier: Copier): ImageFact {
  const { image, facts } = known;
  const { Name: name = '', CreationDate: createdAt = '' } = image;
  return {
    imageId: facts.imageId,
    name,
    createdAt,
    ...(facts.source && { source: facts.source }),
    isRevoked: isRevoked(known, copier.name),
    ...(isCopy(known) && { copy: copyOfRecipe(known, snapshots, copier) }),
  };
}

function copyOfRecipe(copy: KnownCopy, snapshots: readonly SnapshotFacts[], copier: Copier): CopyOfRecipe {
  const { image, ownership } = copy;
  const { sourceImageId, sourceRegion } = ownership;
  const flaw = whyUnverified(copy, snapshots, copier);
  return {
    sourceImageId,
    sourceRegion,
    recipe: tagOf(image, copier.recipeTag),
    // AMIgo's copier notes no such time: its copies are made right after the bake.
    bakedAt: ownership.kind === 'ours' ? ownership.marker.bakedAt : (image.CreationDate ?? ''),
    isReady: standingOf(copy, snapshots, copier).kind === 'ready' && !isWaiting(copy),
    ...(flaw !== undefined && { flaw }),
  };
}

/** Whether an image was revoked, as the copier marks its own copies and other images. */
function isRevoked({ image, ownership }: KnownImage, copier: string): boolean {
  const end = ownership.kind === 'ours' ? ownership.marker.end : parseForeignMark(tagOf(image, FOREIGN_MARK), copier);
  return end?.state === 'revoked';
}
