import { paginateGetParameterHistory } from '@aws-sdk/client-ssm';
import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { channelOf } from '../../../lambda/src/core/image-parameters.ts';
import { snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import type { Copier } from '../common/environment.ts';
import { ownImages } from '../common/copies.ts';
import { findSnapshots, isVerified, isWaiting, knownTo, type KnownImage } from '../common/known-copies.ts';
import { bakedMsOf } from './verified-copy.ts';
import { parameterOf, type Pointer } from './pointer.ts';

/** A value that the parameter of a recipe has or had. */
export interface RecipeVersion {
  readonly version: number;
  readonly imageId: string;
  /** When it was set, in ISO 8601. */
  readonly setAt: string;
  /** ARN of who set it. */
  readonly setBy: string;
  /** Undefined if the image is gone, or not of this account. */
  readonly image?: ImageOfVersion;
}

interface ImageOfVersion {
  readonly sourceImageId: string;
  readonly state: string;
  /** When its source image was baked, in milliseconds since 1970. */
  readonly bakedMs: number;
  /** Whether this copier verified and announced it. */
  readonly isVerified: boolean;
  /** Whether the parameter may point to it: false for a copy that still waits for the approval of its source image. */
  readonly isApproved: boolean;
}

// SSM API Reference, GetParameterHistory: at most 50 at a time.
const PAGE_SIZE = 50;

/** All values that SSM keeps of the parameter of a recipe, or of a channel (the last 100), the newest first; none if there is no parameter. */
export async function readHistory(copier: Copier, pointer: Pointer): Promise<RecipeVersion[]> {
  try {
    const versions: Omit<RecipeVersion, 'image'>[] = [];
    const pages = paginateGetParameterHistory(
      { client: copier.aws.ssm, pageSize: PAGE_SIZE },
      { Name: parameterOf(copier, pointer), WithDecryption: false },
    );
    for await (const { Parameters = [] } of pages) {
      for (const { Version = 0, Value = '', LastModifiedDate, LastModifiedUser = '' } of Parameters) {
        const setAt = LastModifiedDate?.toISOString() ?? '';
        versions.push({ version: Version, imageId: Value, setAt, setBy: LastModifiedUser });
      }
    }
    const images = await imagesOf(copier, Array.from(new Set(versions.map(({ imageId }) => imageId))));
    return versions
      .sort((one, other) => other.version - one.version)
      .map((version) => {
        const image = images.get(version.imageId);
        return { ...version, ...(image && { image }) };
      });
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return [];
    throw error;
  }
}

/** The recipes that have a parameter, or the channels of a recipe, to find the one that was meant; none if they cannot be listed. */
export async function listNames({ aws, parameterPath }: Copier, { recipe, channel }: Pointer): Promise<string[]> {
  try {
    const parameters = await new SsmImageParameters(aws.ssm, parameterPath).list();
    return parameters.flatMap(({ name }) => {
      const found = channelOf(name, { parameterPath });
      if (channel !== undefined) return found?.recipe === recipe ? found.channel : [];
      return found ? [] : name.slice(parameterPath.length + 1);
    });
  } catch {
    return [];
  } finally {
    aws.close();
  }
}

async function imagesOf(copier: Copier, imageIds: readonly string[]): Promise<Map<string, ImageOfVersion>> {
  if (imageIds.length === 0) return new Map();
  const filters = [{ Name: 'image-id', Values: [...imageIds] }];
  const images = await ownImages(copier.aws, filters, { disabledToo: true });
  const known = images.map((image) => knownTo(copier, image));
  const snapshotIds = known.flatMap(({ facts }) => snapshotIdsOf(facts));
  const snapshots = await findSnapshots(copier.aws.ec2, snapshotIds);
  return new Map(known.map((image) => [image.facts.imageId, imageOf(image, isVerified(image, snapshots, copier))]));
}

function imageOf(known: KnownImage, isVerifiedCopy: boolean): ImageOfVersion {
  const { facts, ownership } = known;
  const { source, state } = facts;
  const sourceImageId = ownership.kind === 'none' ? (source?.imageId ?? '') : ownership.sourceImageId;
  return { sourceImageId, state, bakedMs: bakedMsOf(known), isVerified: isVerifiedCopy, isApproved: !isWaiting(known) };
}
