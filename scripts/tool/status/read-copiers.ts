import { DescribeImageAttributeCommand, type Image } from '@aws-sdk/client-ec2';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { requirement, type Gate } from '../../../lambda/src/core/approval.ts';
import { isAnnounced, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { COPIED_FROM } from '../../../lambda/src/core/copy-tags.ts';
import type { ImageParameter } from '../../../lambda/src/core/image-parameters.ts';
import { snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import { readApproval } from '../../../lambda/src/functions/common/settle-configuration.ts';
import { peekLetters, type Warn } from '../common/dead-letter-queue.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { reasonOf } from '../common/aws-errors.ts';
import type { Copier } from '../common/environment.ts';
import type { Source } from '../common/environments.ts';
import { ownImages, tagOf } from '../common/copies.ts';
import { sizeOf } from '../common/image-size.ts';
import {
  findSnapshots,
  isCopy,
  isWaiting,
  knownTo,
  ownSnapshots,
  standingOf,
  unencryptedDevicesOf,
  type KnownCopy,
  type SizedSnapshot,
} from '../common/known-copies.ts';
import { channelsIn } from './channels.ts';
import type { SharedWith, SourceImage } from './build-report.ts';
import type { CopyInAccount, CopierFacts } from './copier-facts.ts';
import { findEnds, type EndInAccount } from './find-ends.ts';

const NOT_READ: ReadParameters = {};

/** What is read of an environment beside its copies. */
export interface ReadChoice {
  /** What becomes of copies that are to go, and what channels point to: a call more for each ten parameters, and others where copies may go. */
  readonly ends: boolean;
}

/** Reads the copies of an environment and its dead letters: four calls, side by side. */
export async function readCopier(
  copier: Copier,
  { ends }: ReadChoice,
  signal: AbortSignal,
  warn: Warn,
): Promise<CopierFacts> {
  const { ec2, sqs } = copier.aws;
  // A filter takes any of its values: a copy may have lost one of the two.
  const tagged = { Name: 'tag-key', Values: [COPIED_FROM, MARKER] };
  const [images, tagSnapshots, letters, { parameters, problem }] = await Promise.all([
    ownImages({ ec2 }, [tagged], { disabledToo: true }),
    ownSnapshots(ec2, tagged),
    peekLetters(sqs, copier.name, signal, warn),
    ends ? readParameters(copier) : NOT_READ,
  ]);
  // An account that cannot be read at all says so once.
  if (problem !== undefined) warn(`Channels, and what may go, could not be read: ${problem}`);
  const copies = images.map((image) => knownTo(copier, image)).filter(isCopy);
  const shown = new Set(tagSnapshots.map(({ snapshotId }) => snapshotId));
  // Somebody else's copier may not tag snapshots, and tags can be removed.
  const others = copies.flatMap(({ facts }) => snapshotIdsOf(facts)).filter((id) => !shown.has(id));
  const snapshots = [...tagSnapshots, ...(await findSnapshots(ec2, others))];
  const unencrypted = await unencryptedDevicesOf(ec2, copies);
  const byId = new Map(snapshots.map((snapshot) => [snapshot.snapshotId, snapshot]));
  const found = parameters
    ? await findEnds(copies, { snapshots, parameters }, copier, warn)
    : new Map<string, EndInAccount>();
  const approval = copies.some(isWaiting) ? await findApproval(copier, warn) : undefined;
  return {
    copies: copies.map((copy) => ({
      ...copyInAccount(copy, { snapshots: byId, unencryptedDevices: unencrypted.get(copy) ?? [], approval }, copier),
      ...found.get(copy.facts.imageId),
    })),
    channels: channelsIn(parameters ?? [], copier),
    failures: letters.flatMap(({ sourceImage, reason = 'It is a dead letter without a reason.' }) =>
      sourceImage === undefined ? [] : [{ sourceImageId: sourceImage, reason }],
    ),
  };
}

interface ReadParameters {
  readonly parameters?: readonly ImageParameter[];
  readonly problem?: string;
}

/** What the parameters of a copier point to, or why that could not be read. */
async function readParameters({ aws, parameterPath }: Copier): Promise<ReadParameters> {
  try {
    return { parameters: await new SsmImageParameters(aws.ssm, parameterPath).list() };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

/** The images of the source account in all its Regions that belong to a recipe and can be launched, or also those that are disabled. */
export async function readSourceImages(
  source: Pick<Source, 'regions' | 'clientsIn'>,
  recipeTag: string,
  options: { readonly disabledToo?: boolean } = {},
): Promise<SourceImage[]> {
  const states = options.disabledToo ? ['available', 'disabled'] : ['available'];
  const read = await readSources(source, recipeTag, options);
  return read.flatMap(({ image, ...known }) => (states.includes(image.State ?? '') ? known : []));
}

/**
 * The images of the source account in all its Regions that belong to a recipe, without the copies that it may have as a target. One
 * that it copied from another Region, as Packer does with `ami_regions`, was baked when that one was.
 */
export async function readSources(
  { regions, clientsIn }: Pick<Source, 'regions' | 'clientsIn'>,
  recipeTag: string,
  options: { readonly disabledToo?: boolean } = {},
): Promise<(SourceImage & { readonly image: Image })[]> {
  const filters = [{ Name: 'tag-key', Values: [recipeTag] }];
  const read = await Promise.all(
    regions.map(async (region) =>
      (await ownImages(clientsIn(region), filters, options)).flatMap((image) =>
        image.ImageId === undefined || tagOf(image, COPIED_FROM) !== undefined
          ? []
          : [{ image, imageId: image.ImageId, region }],
      ),
    ),
  );
  const images = read.flat();
  const bakes = new Map(images.map(({ imageId, image }) => [imageId, image.CreationDate]));
  return images.map(({ image, imageId, region }) => {
    const { Name: name = '', CreationDate = '', SourceImageId = '', SourceImageRegion, SourceInstanceId } = image;
    // EC2 API Reference, Image: one that CreateImage made has an instance, and as its source what that was launched from.
    const isMoved = SourceInstanceId === undefined && SourceImageRegion !== region;
    const bakedAt = (isMoved ? bakes.get(SourceImageId) : undefined) ?? CreationDate;
    return { image, imageId, region, name, bakedAt, recipe: tagOf(image, recipeTag) };
  });
}

/** Who may launch an image, beside its owner. EC2 says nothing of an organization's members. */
export async function readSharedWith({ ec2 }: AwsClients, imageId: string, ownerId: string): Promise<SharedWith> {
  const { LaunchPermissions = [] } = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
  );
  const isForMany = LaunchPermissions.some(({ UserId }) => UserId === undefined);
  return isForMany ? 'many' : [ownerId, ...LaunchPermissions.flatMap(({ UserId }) => UserId ?? [])];
}

/** What an approval needs, as settle-copy is set up. It is asked for only where a copy waits. */
async function findApproval({ aws, name }: Copier, warn: Warn): Promise<Omit<Gate, 'sources'> | undefined> {
  try {
    const answer = await aws.lambda.send(new GetFunctionCommand({ FunctionName: `${name}-settle-copy` }));
    return readApproval(answer.Configuration?.Environment?.Variables ?? {});
  } catch (error) {
    warn(`What an approval needs could not be read: ${reasonOf(error)}`);
    return undefined;
  }
}

interface FactsOfCopy {
  /** Those of the account by their ids. */
  readonly snapshots: ReadonlyMap<string, SizedSnapshot>;
  readonly unencryptedDevices: readonly string[];
  readonly approval: Omit<Gate, 'sources'> | undefined;
}

function copyInAccount(
  copy: KnownCopy,
  { snapshots: all, unencryptedDevices, approval }: FactsOfCopy,
  copier: Copier,
): CopyInAccount {
  const { image, facts, ownership } = copy;
  const { CreationDate = '', DeprecationTime, StateReason } = image;
  const marker = ownership.kind === 'ours' ? ownership.marker : undefined;
  const snapshots = snapshotIdsOf(facts).flatMap((id) => all.get(id) ?? []);
  const keyArn = snapshots.find(({ kmsKeyArn }) => kmsKeyArn !== undefined)?.kmsKeyArn;
  const { announcement } = marker ?? {};
  const standing = standingOf(copy, snapshots, copier);
  return {
    fact: {
      imageId: facts.imageId,
      sourceImageId: ownership.sourceImageId,
      // AMIgo's copier notes no such time: its copies are made right after the bake.
      bakedAt: marker?.bakedAt ?? CreationDate,
      startedAt: CreationDate,
      ...(announcement && isAnnounced(marker) && { settledAt: announcement.settledAt }),
      attempt: marker?.attempt ?? 1,
      ...(DeprecationTime !== undefined && { deprecatesAt: DeprecationTime }),
      ...(keyArn !== undefined && { keyArn }),
      ...(unencryptedDevices.length > 0 && { unencryptedDevices }),
      ...(ownership.kind === 'ours' && isWaiting(copy) && { waitsFor: requirement(ownership, approval) }),
    },
    ...(ownership.sourceRegion !== undefined && { sourceRegion: ownership.sourceRegion }),
    state: facts.state,
    isOurs: marker !== undefined,
    ...(marker?.end && { end: marker.end }),
    size: sizeOf(snapshots),
    ...(standing.kind === 'flawed' && { flaw: standing.reason }),
    ...(StateReason?.Message !== undefined && { stateReason: StateReason.Message }),
    recipe: tagOf(image, copier.recipeTag),
  };
}
