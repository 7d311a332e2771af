import * as z from 'zod/mini';
import type { Approval, Gate } from '../../core/approval.ts';
import { REGION_NAME } from '../../core/copy-request.ts';
import type { ParameterNames } from '../../core/image-parameters.ts';
import {
  copier,
  copierConfig,
  parameterPath,
  recipeTag,
  retrySeconds,
  trustedOwners,
  type CopierConfig,
} from './configuration.ts';
import { overdueSeconds, parse, setting, textOf, topicArn, type Variables } from './variables.ts';

/** What settle-copy needs to know, from its environment; the Terraform module sets all of it. */
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

const regions = z
  .string('is not set; set it to Regions, separated by commas')
  .check(
    z.refine(
      (value) => value.split(',').every((region) => REGION_NAME.test(region)),
      'must be Regions, separated by commas, such as eu-west-1',
    ),
  );

const APPROVAL = 'a JSON object of either watermark, a name, or sharedTag, a key or <key>=<value>';
// EC2 API Reference, AttachImageWatermark and Tag: a name of 3 to 128 characters; a key of 127 with ec2:SharedTag/, and a value of 256.
const approvals = z.union([
  z.strictObject({ watermark: z.string().check(z.regex(/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/)) }),
  z.strictObject({ sharedTag: z.string().check(z.regex(/^[^=]{1,113}(=.{0,256})?$/su)) }),
]);

function parseApproval(json: string): Approval | undefined {
  try {
    const { data } = approvals.safeParse(JSON.parse(json));
    if (!data) return undefined;
    if ('watermark' in data) return { kind: 'watermark', name: data.watermark };
    const [key = '', ...value] = data.sharedTag.split('=');
    return { kind: 'sharedTag', key, ...(value.length > 0 && { value: value.join('=') }) };
  } catch {
    return undefined;
  }
}

const ofGate = { APPROVAL: z.optional(textOf(parseApproval, APPROVAL)), TRUSTED_OWNERS: trustedOwners };

const settleCopy = z.object({
  ...copier,
  ...ofGate,
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
});

/**
 * What a source image needs before a parameter points to its copy. It reads these variables alone, so that the tool understands
 * functions of other versions.
 * @throws {ConfigurationError} naming each of them that is wrong and what it may be
 */
export function readApproval(variables: Variables): SettleCopyConfig['approval'] {
  const { APPROVAL: needed, TRUSTED_OWNERS: owners } = parse(z.object(ofGate), variables);
  return needed && { approval: needed, trustedOwners: owners.split(',') };
}

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readSettleCopyConfig(variables: Variables): SettleCopyConfig {
  const read = parse(settleCopy, variables);
  const newest = Number(read.RECONCILE_NEWEST);
  const owners = read.TRUSTED_OWNERS.split(',');
  const approval = readApproval(variables);
  return {
    ...copierConfig(read, variables),
    ...(approval && { approval }),
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
