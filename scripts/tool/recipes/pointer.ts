import { channelParameter, recipeParameter } from '../../../lambda/src/core/image-parameters.ts';
import type { Copier } from '../common/environment.ts';
import { UserError } from '../common/user-error.ts';

/** A recipe, whose parameter points to its newest copy, or a channel of it. */
export interface Pointer {
  readonly recipe: string;
  readonly channel?: string | undefined;
}

/** The name of the parameter of a recipe, or of a channel of it. */
export function parameterOf({ parameterPath }: Copier, { recipe, channel }: Pointer): string {
  if (channel === undefined) return `${parameterPath}/${recipe}`;
  const name = channelParameter({ recipe, channel }, { parameterPath });
  if (name !== undefined) return name;
  throw new UserError(
    `${parameterPath}/${recipe} has so many levels that Parameter Store, which takes 15, has no room for a channel below it.`,
    1,
  );
}

/**
 * Rejects a recipe that has no parameter of its own, such as the name of a channel.
 * @throws {UserError}
 */
export function requireRecipe(recipe: string, copiers: readonly Copier[], option: '--channel' | '--to'): void {
  for (const copier of copiers) {
    const parameter = recipeParameter([{ key: copier.recipeTag, value: recipe }], copier);
    if ('reason' in parameter) {
      throw new UserError(`${parameter.reason} To name a channel, give its recipe, and the channel with ${option}.`, 2);
    }
  }
}
