import { describe, expect, it } from '@jest/globals';
import { readCopyImageConfig } from '../../../src/functions/common/configuration.ts';
import { environment, target } from '../../factories.ts';

describe('readCopyImageConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readCopyImageConfig(environment)).toEqual({
      copier: 'image-copier',
      kmsKeyArn: target.kmsKeyArn,
      account: '222222222222',
      region: 'eu-west-1',
      copyTags: [],
      trustedOwners: ['111111111111', '444444444444'],
      queueUrl: 'https://sqs.test/requests',
      deadLetterQueueUrl: 'https://sqs.test/dead-letters',
      retrySeconds: 21600,
    });
  });

  it('reads the tags of every copy, also one that is named like a part of JavaScript', () => {
    const COPY_TAGS = '{"CostCenter":"42","__proto__":""}';
    expect(readCopyImageConfig({ ...environment, COPY_TAGS }).copyTags).toEqual([
      { key: 'CostCenter', value: '42' },
      { key: '__proto__', value: '' },
    ]);
  });

  it.each([
    ['15', 15],
    ['2880', 2880],
    ['0', undefined],
  ])('reads the pace of copies: %s', (COPY_WITHIN_MINUTES, minutes) => {
    expect(readCopyImageConfig({ ...environment, COPY_WITHIN_MINUTES }).withinMinutes).toBe(minutes);
  });

  it.each([
    ...['10', '2895', '00'].map((minutes) => ['COPY_WITHIN_MINUTES', minutes, '0, or 15 to 2880 in steps of 15']),
    ['COPY_WITHIN_MINUTES', '15m', 'a number of minutes, such as 15, or 0'],
    ...['', 'CostCenter=42', '["CostCenter"]', '{"CostCenter":42}', '{"aws:a":"b"}', '{"imagecopier":"b"}'].map(
      (tags) => [
        'COPY_TAGS',
        tags,
        'a JSON object of tag names and values, none of them a name that AWS or the copier',
      ],
    ),
    ['COPIER_NAME', 'image copier', '1 to 36 letters, digits, hyphens and underscores'],
    ['KMS_KEY_ARN', 'alias/image-copier', 'the full ARN of a KMS key'],
    ['KMS_KEY_ARN', 'arn:aws:kms:eu-west-1:222222222222:alias/a', 'the full ARN of a KMS key'],
    ['KMS_KEY_ARN', 'arn:aws:kms:eu-west-2:222222222222:key/1', "a key in the function's own Region, eu-west-1"],
    ['TRUSTED_OWNERS', '', '12-digit account ids, separated by commas'],
    ['TRUSTED_OWNERS', '111111111111, 2', '12-digit account ids, separated by commas'],
    ['QUEUE_URL', 'requests', 'the URL of the request queue'],
    ['DEAD_LETTER_QUEUE_URL', 'no', 'the URL of the dead-letter queue'],
    ['RETRY_SECONDS', '6h', 'a number of seconds, such as 21600'],
  ])('rejects %s=%s and says what is allowed', (variable, value, allowed) => {
    expect(() => readCopyImageConfig({ ...environment, [variable]: value })).toThrow(`${variable} must be ${allowed}`);
  });

  it('names each variable that is missing', () => {
    expect(() => readCopyImageConfig({ AWS_REGION: 'eu-west-1' })).toThrow(
      /^COPIER_NAME is not set; .*; KMS_KEY_ARN is not set; set it to .*; QUEUE_URL .*; DEAD_LETTER_QUEUE_URL .*; TRUSTED_OWNERS is not set.*; RETRY_SECONDS /,
    );
  });
});
