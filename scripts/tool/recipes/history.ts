import type { Image } from '@aws-sdk/client-ec2';
import { paginateGetParameterHistory } from '@aws-sdk/client-ssm';
import type { Copier } from '../common/environment.ts';
import { isAnnounced, ownImages } from '../common/copies.ts';

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
  /** Whether this copier verified and announced it. */
  readonly isVerified: boolean;
}

// SSM API Reference, GetParameterHistory: at most 50 at a time.
const PAGE_SIZE = 50;

/** The name of the parameter that holds the newest copy of a recipe. */
export function parameterOf({ parameterPath }: Copier, recipe: string): string {
  return `${parameterPath}/${recipe}`;
}

/** All values that SSM keeps of a recipe's parameter (the last 100), the newest first; none if there is no parameter. */
export async function readHistory(copier: Copier, recipe: string): Promise<RecipeVersion[]> {
  try {
    const versions: Omit<RecipeVersion, 'image'>[] = [];
    const pages = paginateGetParameterHistory(
      { client: copier.aws.ssm, pageSize: PAGE_SIZE },
      { Name: parameterOf(copier, recipe), WithDecryption: false },
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

async function imagesOf({ aws, name }: Copier, imageIds: readonly string[]): Promise<Map<string, ImageOfVersion>> {
  if (imageIds.length === 0) return new Map();
  const filters = [{ Name: 'image-id', Values: [...imageIds] }];
  const images = await ownImages(aws, filters, { disabledToo: true });
  return new Map(images.map((image) => [image.ImageId ?? '', imageOf(image, name)]));
}

function imageOf(image: Image, copier: string): ImageOfVersion {
  const { SourceImageId = '', State } = image;
  return {
    sourceImageId: SourceImageId,
    state: State ?? 'in no state',
    isVerified: isAnnounced(image, copier),
  };
}
