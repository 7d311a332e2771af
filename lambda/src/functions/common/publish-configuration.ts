import * as z from 'zod/mini';
import { parameterPath, recipeTag } from './configuration.ts';
import { parse, setting, topicArn, type Variables } from './variables.ts';

/** What the publisher in the source account needs to know, set by the module source-account. */
export interface PublishImageConfig {
  readonly region: string;
  /** The topic for copy requests in this Region; those of other Regions have the same name. */
  readonly topicArn: string;
  /** Where the parameters with the target accounts are. */
  readonly targetsPath: string;
  readonly recipeTag: string;
  readonly unshare: boolean;
}

const publishImage = z.object({
  RECIPE_TAG: recipeTag,
  TARGETS_PATH: parameterPath,
  TOPIC_ARN: topicArn,
  UNSHARE: setting(/^(true|false)$/, 'true or false'),
});

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readPublishImageConfig(variables: Variables): PublishImageConfig {
  const read = parse(publishImage, variables);
  return {
    // The publisher stands beside its topic: arn:aws:sns:<region>:<account>:<name>.
    region: read.TOPIC_ARN.split(':')[3] ?? '',
    topicArn: read.TOPIC_ARN,
    targetsPath: read.TARGETS_PATH,
    recipeTag: read.RECIPE_TAG,
    unshare: read.UNSHARE === 'true',
  };
}
