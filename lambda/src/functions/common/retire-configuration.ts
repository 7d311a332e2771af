import * as z from 'zod/mini';
import { MAX_QUARANTINE_DAYS } from '../../core/allowed-values.ts';
import { parseTags, type Tag } from '../../core/copy-request.ts';
import type { ParameterNames } from '../../core/image-parameters.ts';
import type { Retention } from '../../core/retention.ts';
import {
  copier,
  copierConfig,
  parameterPath,
  recipeTag,
  retrySeconds,
  trustedOwners,
  type CopierConfig,
} from './configuration.ts';
import { parse, setting, textOf, topicArn, type Variables } from './variables.ts';

/** What retire-image needs to know, from its environment; the Terraform module sets all of it. */
export interface RetireImageConfig extends CopierConfig, ParameterNames {
  readonly resultsTopicArn?: string;
  readonly retention?: Retention;
  /** The tags of images that may be retired though this copier did not make them; none where none may. */
  readonly retireTagged: readonly Tag[];
  readonly retrySeconds: number;
  /** How many copies stay before the one that their recipe's parameter points to. */
  readonly rollbackDepth: number;
  readonly trustedOwners: readonly string[];
}

const RETENTION = `a JSON object of keepNewest (1 or more), minAgeDays, quarantineDays (at most ${MAX_QUARANTINE_DAYS}) and recipes`;
const days = z.number().check(z.gte(0), z.lte(36_500));
const rule = {
  keepNewest: z.int().check(z.gte(1)),
  minAgeDays: days,
  quarantineDays: z.int().check(z.gte(0), z.lte(MAX_QUARANTINE_DAYS)),
};
// Strict: a field that is misspelt would let go what it was to keep.
const retention = z.strictObject({
  ...rule,
  recipes: z._default(z.record(z.string(), z.partial(z.strictObject(rule))), {}),
});

/** Terraform writes null for what an object leaves out. */
function parseRetention(json: string): Retention | undefined {
  try {
    return retention.safeParse(JSON.parse(json, (_, value: unknown) => value ?? undefined)).data;
  } catch {
    return undefined;
  }
}

const retireImage = z.object({
  ...copier,
  PARAMETER_PATH: parameterPath,
  RECIPE_TAG: recipeTag,
  RESULTS_TOPIC_ARN: z.optional(topicArn),
  RETENTION: z.optional(textOf(parseRetention, RETENTION)),
  RETIRE_TAGGED: z.optional(textOf(parseTags, 'a JSON object of tag names and values')),
  RETRY_SECONDS: retrySeconds,
  ROLLBACK_DEPTH: setting(/^([0-9]|[1-9][0-9]|100)$/, 'a number from 0 to 100'),
  TRUSTED_OWNERS: trustedOwners,
});

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readRetireImageConfig(variables: Variables): RetireImageConfig {
  const read = parse(retireImage, variables);
  return {
    ...copierConfig(read, variables),
    parameterPath: read.PARAMETER_PATH,
    recipeTag: read.RECIPE_TAG,
    ...(read.RESULTS_TOPIC_ARN && { resultsTopicArn: read.RESULTS_TOPIC_ARN }),
    ...(read.RETENTION && { retention: read.RETENTION }),
    retireTagged: read.RETIRE_TAGGED ?? [],
    retrySeconds: Number(read.RETRY_SECONDS),
    rollbackDepth: Number(read.ROLLBACK_DEPTH),
    trustedOwners: read.TRUSTED_OWNERS.split(','),
  };
}
