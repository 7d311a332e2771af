import * as z from 'zod/mini';
import { isPace } from '../../core/copy-pace.ts';
import { parseTags, type Tag } from '../../core/copy-request.ts';
import { requestedTags } from '../../core/copy-tags.ts';
import { ConfigurationError, parse, setting, type Variables } from './variables.ts';

/** What all functions of a copier need to know, from their environment; the Terraform module sets all of it. */
export interface CopierConfig {
  /** The copier's name, by which it knows its own copies. */
  readonly copier: string;
  readonly kmsKeyArn: string;
  /** Read from the key's ARN: EC2 takes only a key of the account and Region that the copy is made in. */
  readonly account: string;
  readonly region: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

export interface CopyImageConfig extends CopierConfig {
  /** The tags that are set on every copy. */
  readonly copyTags: readonly Tag[];
  /** Minutes within which EC2 is asked to copy, where the request names none. */
  readonly withinMinutes?: number;
  readonly trustedOwners: readonly string[];
  readonly retrySeconds: number;
}

const KEY_ARN = /^arn:aws[a-z-]*:kms:(?<region>[a-z0-9-]+):(?<account>[0-9]{12}):key\/[A-Za-z0-9-]+$/;

export const copier = {
  COPIER_NAME: setting(/^[A-Za-z0-9_-]{1,36}$/, '1 to 36 letters, digits, hyphens and underscores'),
  KMS_KEY_ARN: setting(KEY_ARN, 'the full ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>'),
  QUEUE_URL: setting(/^https?:\/\/\S+$/, 'the URL of the request queue'),
  DEAD_LETTER_QUEUE_URL: setting(/^https?:\/\/\S+$/, 'the URL of the dead-letter queue'),
};

const copyTags = z.pipe(
  z.string(),
  z.transform((value, { issues }): readonly Tag[] => {
    const read = parseTags(value);
    if (read && requestedTags(read).length === read.length) return read;
    const message = 'must be a JSON object of tag names and values, none of them a name that AWS or the copier sets';
    issues.push({ code: 'custom', input: value, message });
    return [];
  }),
);

const copyWithinMinutes = setting(/^[0-9]{1,4}$/, 'a number of minutes, such as 15, or 0').check(
  z.refine((value) => value === '0' || isPace(Number(value)), 'must be 0, or 15 to 2880 in steps of 15'),
);

export const retrySeconds = setting(/^[1-9][0-9]{0,6}$/, 'a number of seconds, such as 21600');
export const trustedOwners = setting(/^[0-9]{12}(,[0-9]{12})*$/, '12-digit account ids, separated by commas');
export const parameterPath = setting(/^(\/[A-Za-z0-9_.-]+)+$/, 'the start of a parameter name, such as /image-copier');
export const recipeTag = setting(/^.{1,127}$/su, 'the name of a tag, such as Recipe');

const copyImage = z.object({
  ...copier,
  COPY_TAGS: z.optional(copyTags),
  COPY_WITHIN_MINUTES: z.optional(copyWithinMinutes),
  TRUSTED_OWNERS: trustedOwners,
  RETRY_SECONDS: retrySeconds,
});

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readCopyImageConfig(variables: Variables): CopyImageConfig {
  const read = parse(copyImage, variables);
  const withinMinutes = Number(read.COPY_WITHIN_MINUTES ?? 0);
  return {
    ...copierConfig(read, variables),
    copyTags: read.COPY_TAGS ?? [],
    ...(withinMinutes > 0 && { withinMinutes }),
    trustedOwners: read.TRUSTED_OWNERS.split(','),
    retrySeconds: Number(read.RETRY_SECONDS),
  };
}

export function copierConfig(read: Readonly<Record<keyof typeof copier, string>>, variables: Variables): CopierConfig {
  const { region = '', account = '' } = KEY_ARN.exec(read.KMS_KEY_ARN)?.groups ?? {};
  const ownRegion = variables['AWS_REGION'];
  if (ownRegion !== region) {
    throw new ConfigurationError(
      `KMS_KEY_ARN must be a key in the function's own Region, ${ownRegion ?? 'AWS_REGION'}, not in ${region}`,
    );
  }
  return {
    copier: read.COPIER_NAME,
    kmsKeyArn: read.KMS_KEY_ARN,
    account,
    region,
    queueUrl: read.QUEUE_URL,
    deadLetterQueueUrl: read.DEAD_LETTER_QUEUE_URL,
  };
}
