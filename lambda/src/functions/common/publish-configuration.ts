import * as z from 'zod/mini';
import { parameterPath, recipeTag } from './configuration.ts';
import { parse, setting, textOf, topicArn, type Variables } from './variables.ts';

/** Where accounts are read from that Terraform does not name. */
export interface OrganizationConfig {
  /** The role that may read them, in the organization's management account or in one that it delegates to. */
  readonly roleArn: string;
  /** Units whose accounts, with those of the units below them, are targets; or a root. */
  readonly unitIds: readonly string[];
  /** Where these accounts have copiers: Organizations does not know. */
  readonly regions: readonly string[];
}

/** What the publisher in the source account needs to know, set by the module source-account. */
export interface PublishImageConfig {
  readonly region: string;
  /** The topic for copy requests in this Region; those of other Regions have the same name. */
  readonly topicArn: string;
  /** Where the parameters with the target accounts are. */
  readonly targetsPath: string;
  readonly recipeTag: string;
  readonly unshare: boolean;
  readonly organization: OrganizationConfig | undefined;
}

const organization = z.object({
  roleArn: z.string().check(z.regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/\S+$/)),
  // Organizations API Reference, ListAccountsForParent: ParentId.
  unitIds: z.array(z.string().check(z.regex(/^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$/))),
  regions: z.array(z.string().check(z.regex(/^[a-z0-9-]+$/))),
});

function readOrganization(value: string): OrganizationConfig | undefined {
  try {
    return organization.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}

const publishImage = z.object({
  ORGANIZATION: z.optional(
    textOf(readOrganization, 'a JSON object with roleArn, unitIds and regions, as the module source-account writes it'),
  ),
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
    organization: read.ORGANIZATION,
  };
}
