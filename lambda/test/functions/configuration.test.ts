import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/functions/configuration.ts';
import { environment, target } from '../factories.ts';

describe('readConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readConfig(environment)).toEqual({
      kmsKeyArn: target.kmsKeyArn,
      account: '222222222222',
      region: 'eu-west-1',
      trustedOwners: ['111111111111', '444444444444'],
      queueUrl: 'https://sqs.test/requests',
      deadLetterQueueUrl: 'https://sqs.test/dead-letters',
      retrySeconds: 21600,
    });
  });

  it.each([
    ['KMS_KEY_ARN', 'alias/image-copier', 'the full ARN of a KMS key'],
    ['KMS_KEY_ARN', 'arn:aws:kms:eu-west-1:222222222222:alias/a', 'the full ARN of a KMS key'],
    ['KMS_KEY_ARN', 'arn:aws:kms:eu-west-2:222222222222:key/1', "a key in the function's own Region, eu-west-1"],
    ['TRUSTED_OWNERS', '', '12-digit account ids, separated by commas'],
    ['TRUSTED_OWNERS', '111111111111, 2', '12-digit account ids, separated by commas'],
    ['QUEUE_URL', 'requests', 'the URL of the request queue'],
    ['DEAD_LETTER_QUEUE_URL', 'no', 'the URL of the dead-letter queue'],
    ['RETRY_SECONDS', '6h', 'a number of seconds, such as 21600'],
  ])('refuses %s=%s and says what is allowed', (variable, value, allowed) => {
    expect(() => readConfig({ ...environment, [variable]: value })).toThrow(`${variable} must be ${allowed}`);
  });

  it('names each variable that is missing', () => {
    expect(() => readConfig({ AWS_REGION: 'eu-west-1' })).toThrow(
      /^KMS_KEY_ARN is not set; set it to .*; TRUSTED_OWNERS is not set.*; QUEUE_URL .*; DEAD_LETTER_QUEUE_URL .*; RETRY_SECONDS /,
    );
  });
});
