import * as z from 'zod/mini';

/** What the function needs to know, from its environment; the Terraform module sets all of it. */
export interface CopyImageConfig {
  readonly kmsKeyArn: string;
  /** Read from the key's ARN: EC2 takes only a key of the account and Region that the copy is made in. */
  readonly account: string;
  readonly region: string;
  readonly trustedOwners: readonly string[];
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly retrySeconds: number;
}

class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const KEY_ARN = /^arn:aws[a-z-]*:kms:(?<region>[a-z0-9-]+):(?<account>[0-9]{12}):key\/[A-Za-z0-9-]+$/;

function setting(pattern: RegExp, allowed: string) {
  return z.string(`is not set; set it to ${allowed}`).check(z.regex(pattern, `must be ${allowed}`));
}

const environment = z.object({
  KMS_KEY_ARN: setting(KEY_ARN, 'the full ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>'),
  TRUSTED_OWNERS: setting(/^[0-9]{12}(,[0-9]{12})*$/, '12-digit account ids, separated by commas'),
  QUEUE_URL: setting(/^https?:\/\/\S+$/, 'the URL of the request queue'),
  DEAD_LETTER_QUEUE_URL: setting(/^https?:\/\/\S+$/, 'the URL of the dead-letter queue'),
  RETRY_SECONDS: setting(/^[1-9][0-9]{0,6}$/, 'a number of seconds, such as 21600'),
});

/** @throws {ConfigurationError} naming each variable that is wrong and what it may be */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): CopyImageConfig {
  const parsed = environment.safeParse(variables);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
    throw new ConfigurationError(problems.join('; '));
  }
  const { KMS_KEY_ARN, TRUSTED_OWNERS, QUEUE_URL, DEAD_LETTER_QUEUE_URL, RETRY_SECONDS } = parsed.data;
  const { region = '', account = '' } = KEY_ARN.exec(KMS_KEY_ARN)?.groups ?? {};
  const ownRegion = variables['AWS_REGION'];
  if (ownRegion !== region) {
    throw new ConfigurationError(
      `KMS_KEY_ARN must be a key in the function's own Region, ${ownRegion ?? 'AWS_REGION'}, not in ${region}`,
    );
  }
  return {
    kmsKeyArn: KMS_KEY_ARN,
    account,
    region,
    trustedOwners: TRUSTED_OWNERS.split(','),
    queueUrl: QUEUE_URL,
    deadLetterQueueUrl: DEAD_LETTER_QUEUE_URL,
    retrySeconds: Number(RETRY_SECONDS),
  };
}
