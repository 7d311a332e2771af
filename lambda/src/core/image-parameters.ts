import { isChannel, isLevel } from './allowed-values.ts';
import { quoteName, tagValue, type Tag } from './copy-request.ts';
import { asError, RetryableError } from './errors.ts';

/** Parameters that name an image by its recipe. AWS checks the image after it has taken the value. */
export interface ImageParameters {
  /** The images that parameters point to, by the names of those that are there. */
  getAll(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Asks for a new value. It is stored once AWS has checked the image. */
  put(name: string, imageId: string): Promise<void>;
  /** All parameters below the copier's path. */
  list(): Promise<ImageParameter[]>;
}

export interface ImageParameter {
  readonly name: string;
  readonly imageId: string;
}

/** How the parameters of a copier are named. */
export interface ParameterNames {
  /** The start of the names, such as `/image-copier`. */
  readonly parameterPath: string;
  /** The tag whose value ends a name. */
  readonly recipeTag: string;
}

/** The parameter of a recipe, or why there can be none. */
export type RecipeParameter =
  { readonly recipe: string; readonly name: string } | { readonly recipe: string | undefined; readonly reason: string };

// SSM API Reference, PutParameter. The 1,011 characters of a whole ARN are enough for the 500 that the module allows the path, and the 256
// of a tag's value.
const MAX_LEVELS = 15;

/** The level between a recipe's parameter and its channels. */
const CHANNELS = 'channels';

/** A parameter beside that of a recipe, which points to a copy that somebody chose for a purpose, such as `prod`. */
export interface Channel {
  readonly recipe: string;
  readonly channel: string;
}

/** The parameter that is to point to the newest image among those with the same recipe as these tags have. */
export function recipeParameter(tags: readonly Tag[], { parameterPath, recipeTag }: ParameterNames): RecipeParameter {
  const recipe = tagValue(tags, recipeTag);
  if (recipe === undefined) return { recipe, reason: `There is no tag ${recipeTag}.` };
  const name = `${parameterPath}/${recipe}`;
  if (levelsOf(name) <= MAX_LEVELS && recipe.split('/').every(isLevel)) {
    const taken = channelOf(name, { parameterPath });
    if (!taken) return { recipe, name };
    const reason =
      `The value of the tag ${recipeTag}, ${quoteName(recipe)}, gives no parameter of its own: that name is kept for the channel ` +
      `${quoteName(taken.channel)} of the recipe ${quoteName(taken.recipe)}.`;
    return { recipe, reason };
  }
  const reason =
    `The value of the tag ${recipeTag}, ${quoteName(recipe)}, cannot end the name of a parameter: it must be letters, digits, ` +
    `dots, hyphens and underscores, with single slashes between levels, none of them . or .., of which there may be ${MAX_LEVELS} with ${parameterPath}.`;
  return { recipe, reason };
}

/** Why no parameter can point to images with these tags; undefined if one can, or if they name no recipe. */
export function noParameterReason(tags: readonly Tag[], names: ParameterNames): string | undefined {
  const parameter = recipeParameter(tags, names);
  return 'reason' in parameter && parameter.recipe !== undefined ? parameter.reason : undefined;
}

/**
 * The parameter of a channel of a recipe.
 * @returns undefined if SSM takes no such name
 */
export function channelParameter(
  { recipe, channel }: Channel,
  { parameterPath }: Pick<ParameterNames, 'parameterPath'>,
): string | undefined {
  const name = `${parameterPath}/${recipe}/${CHANNELS}/${channel}`;
  return isChannel(channel) && levelsOf(name) <= MAX_LEVELS ? name : undefined;
}

/** The channel that a parameter is, if it is one: its last level but one says so, below that of a recipe. */
export function channelOf(name: string, { parameterPath }: Pick<ParameterNames, 'parameterPath'>): Channel | undefined {
  if (!name.startsWith(`${parameterPath}/`)) return undefined;
  const levels = name.slice(parameterPath.length + 1).split('/');
  const channel = levels.at(-1);
  if (levels.length < 3 || levels.at(-2) !== CHANNELS || channel === undefined) return undefined;
  return { recipe: levels.slice(0, -2).join('/'), channel };
}

function levelsOf(name: string): number {
  return name.split('/').length - 1; // before the first slash is nothing
}

/** In milliseconds, the pauses between looks at whether AWS has stored a value. It checks the image first, which takes it a second or so. */
const READ_BACK_PAUSES_MS = [50, 100, 200, 400, 800, 800, 800, 800, 800];

interface Pointing {
  readonly parameters: Pick<ImageParameters, 'getAll' | 'put'>;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Points a parameter to an image, and returns once AWS has stored that.
 * @throws {RetryableError} if it has not within some seconds
 */
export async function pointTo(name: string, imageId: string, pointing: Pointing): Promise<void> {
  const error = (await pointAll(new Map([[name, imageId]]), pointing)).get(name);
  if (error) throw error;
}

/**
 * Points parameters to images, by their names, and returns once AWS has stored all that it will.
 * @returns for each that could not be set, or that AWS has not stored within some seconds, why
 */
export async function pointAll(
  wanted: ReadonlyMap<string, string>,
  { parameters, pause }: Pointing,
): Promise<ReadonlyMap<string, Error>> {
  const failed = new Map<string, Error>();
  let open: (readonly [string, string])[] = [];
  // One after the other: Systems Manager takes few changes a second (AWS General Reference, "Systems Manager endpoints and quotas").
  for (const [name, imageId] of wanted) {
    try {
      await parameters.put(name, imageId);
      open.push([name, imageId]);
    } catch (error) {
      failed.set(name, asError(error));
    }
  }
  try {
    for (const pauseMs of [0, ...READ_BACK_PAUSES_MS]) {
      if (open.length === 0) break;
      if (pauseMs > 0) await pause(pauseMs);
      const stored = await parameters.getAll(open.map(([name]) => name));
      open = open.filter(([name, imageId]) => stored.get(name) !== imageId);
    }
  } catch (error) {
    for (const [name] of open) failed.set(name, asError(error));
    return failed;
  }
  for (const [name, imageId] of open) {
    const text = `AWS took ${imageId} for ${name}, but has not stored it.`;
    failed.set(name, new RetryableError('ParameterNotStored', text));
  }
  return failed;
}
