import * as z from 'zod/mini';
import type { Approval, Gate } from '../../core/approval.ts';
import { isPace } from '../../core/copy-pace.ts';
import { parseTags, REGION_NAME, type Tag } from '../../core/copy-request.ts';
import { requestedTags } from '../../core/copy-tags.ts';
import type { ParameterNames } from '../../core/image-parameters.ts';
import { ConfigurationError, overdueSeconds, parse, setting, textOf, topicArn, type Variables } from './variables.ts';

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

export interface SettleCopyConfig extends CopierConfig, ParameterNames {
  /** Whether copies are deprecated when their source images are. */
  readonly copyDeprecation: boolean;
  /** How long the next try waits after a copy that failed, 0 to 900. */
  readonly failedCopyDelaySeconds: number;
  /** What a source image needs before a parameter points to its copy, and whose word counts; without it nothing. */
  readonly approval?: Omit<Gate, 'sources'>;
  /** After how long a copy that is not announced is overdue. */
  readonly overdueSeconds: number;
  /** What is asked for without a message; without it nothing is. */
  readonly reconcile?: ReconcileConfig;
  readonly resultsTopicArn?: string;
}

interface ReconcileConfig {
  /** How many images of each recipe are to have copies, the newest ones. */
  readonly newest: number;
  /** Where images are looked for. */
  readonly regions: readonly string[];
  readonly retrySeconds: number;
  readonly trustedOwners: readonly string[];
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
const regions = z
  .string('is not set; set it to Regions, separated by commas')
  .check(
    z.refine(
      (value) => value.split(',').every((region) => REGION_NAME.test(region)),
      'must be Regions, separated by commas, such as eu-west-1',
    ),
  );
export const recipeTag = setting(/^.{1,127}$/su, 'the name of a tag, such as Recipe');

const APPROVAL = 'a JSON object of either watermark, a name, or sharedTag, a key or <key>=<value>';
// EC2 API Reference, AttachImageWatermark and Tag: a name of 3 to 128 characters; a key of 127 with ec2:SharedTag/, and a value of 256.
const approval = z.union([
  z.strictObject({ watermark: z.string().check(z.regex(/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/)) }),
  z.strictObject({ sharedTag: z.string().check(z.regex(/^[^=]{1,113}(=.{0,256})?$/su)) }),
]);

function parseApproval(json: string): Approval | undefined {
  try {
    const { data } = approval.safeParse(JSON.parse(json));
    if (!data) return undefined;
    if ('watermark' in data) return { kind: 'watermark', name: data.watermark };
    const [key = '', ...value] = data.sharedTag.split('=');
    return { kind: 'sharedTag', key, ...(value.length > 0 && { value: value.join('=') }) };
  } catch {
    return undefined;
  }
}

const copyImage = z.object({
  ...copier,
  COPY_TAGS: z.optional(copyTags),
  COPY_WITHIN_MINUTES: z.optional(copyWithinMinutes),
  TRUSTED_OWNERS: trustedOwners,
  RETRY_SECONDS: retrySeconds,
});

const settleCopy = z.object({
  ...copier,
  APPROVAL: z.optional(textOf(parseApproval, APPROVAL)),
  COPY_DEPRECATION: z.optional(setting(/^(true|false)$/, 'true or false')),
  // SQS API Reference, SendMessage: DelaySeconds is at most 900.
  FAILED_COPY_DELAY_SECONDS: setting(/^([0-9]|[1-9][0-9]|[1-8][0-9]{2}|900)$/, 'a number of seconds from 0 to 900'),
  OVERDUE_SECONDS: overdueSeconds,
  PARAMETER_PATH: parameterPath,
  RECIPE_TAG: recipeTag,
  RECONCILE_NEWEST: setting(/^([0-9]|10)$/, 'a number from 0 to 10'),
  RECONCILE_REGIONS: regions,
  RESULTS_TOPIC_ARN: z.optional(topicArn),
  RETRY_SECONDS: retrySeconds,
  TRUSTED_OWNERS: trustedOwners,
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

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readSettleCopyConfig(variables: Variables): SettleCopyConfig {
  const read = parse(settleCopy, variables);
  const { APPROVAL: needed } = read;
  const newest = Number(read.RECONCILE_NEWEST);
  const owners = read.TRUSTED_OWNERS.split(',');
  return {
    ...copierConfig(read, variables),
    ...(needed && { approval: { approval: needed, trustedOwners: owners } }),
    copyDeprecation: read.COPY_DEPRECATION === 'true',
    failedCopyDelaySeconds: Number(read.FAILED_COPY_DELAY_SECONDS),
    overdueSeconds: Number(read.OVERDUE_SECONDS),
    parameterPath: read.PARAMETER_PATH,
    recipeTag: read.RECIPE_TAG,
    ...(newest > 0 && {
      reconcile: {
        newest,
        // A stack set has one list for all Regions, in which a copier's own may stand too.
        regions: Array.from(new Set(read.RECONCILE_REGIONS.split(','))),
        retrySeconds: Number(read.RETRY_SECONDS),
        trustedOwners: owners,
      },
    }),
    ...(read.RESULTS_TOPIC_ARN && { resultsTopicArn: read.RESULTS_TOPIC_ARN }),
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
