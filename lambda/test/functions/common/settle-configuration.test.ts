import { describe, expect, it } from '@jest/globals';
import { readSettleCopyConfig } from '../../../src/functions/common/settle-configuration.ts';
import { settleEnvironment, target } from '../../factories.ts';

describe('readSettleCopyConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readSettleCopyConfig(settleEnvironment)).toEqual({
      copier: 'image-copier',
      kmsKeyArn: target.kmsKeyArn,
      account: '222222222222',
      region: 'eu-west-1',
      queueUrl: 'https://sqs.test/requests',
      deadLetterQueueUrl: 'https://sqs.test/dead-letters',
      copyDeprecation: true,
      failedCopyDelaySeconds: 300,
      overdueSeconds: 86400,
      parameterPath: '/image-copier',
      recipeTag: 'Recipe',
      reconcile: { newest: 1, regions: ['eu-west-1'], retrySeconds: 21600, trustedOwners: ['111111111111'] },
      resultsTopicArn: 'arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results',
    });
  });

  it.each([undefined, 'false'])('leaves deprecation out where COPY_DEPRECATION is %s', (COPY_DEPRECATION) => {
    expect(readSettleCopyConfig({ ...settleEnvironment, COPY_DEPRECATION })).toMatchObject({ copyDeprecation: false });
  });

  it.each([
    ['{"watermark":"approved (1)"}', { kind: 'watermark', name: 'approved (1)' }],
    ['{"sharedTag":"approved"}', { kind: 'sharedTag', key: 'approved' }],
    ['{"sharedTag":"approved="}', { kind: 'sharedTag', key: 'approved', value: '' }],
    ['{"sharedTag":"approved=a=b"}', { kind: 'sharedTag', key: 'approved', value: 'a=b' }],
  ])('reads what approves an image, and whose word counts (%s)', (APPROVAL, approval) => {
    const variables = { ...settleEnvironment, APPROVAL, TRUSTED_OWNERS: '111111111111,444444444444' };
    expect(readSettleCopyConfig(variables).approval).toEqual({
      approval,
      trustedOwners: ['111111111111', '444444444444'],
    });
  });

  it.each([
    'approved',
    '{}',
    '{"watermark":"ok"}',
    '{"watermark":"111111111111:approved"}',
    '{"watermark":"approved","sharedTag":"approved"}',
    '{"sharedTag":"=yes"}',
    '{"sharedTag":true}',
  ])('rejects APPROVAL=%s', (APPROVAL) => {
    expect(() => readSettleCopyConfig({ ...settleEnvironment, APPROVAL, TRUSTED_OWNERS: '111111111111' })).toThrow(
      'APPROVAL must be a JSON object of either watermark, a name, or sharedTag, a key or <key>=<value>',
    );
  });

  it('looks in each Region once', () => {
    const RECONCILE_REGIONS = 'eu-west-1,us-east-1,eu-west-1';
    expect(readSettleCopyConfig({ ...settleEnvironment, RECONCILE_REGIONS })).toMatchObject({
      reconcile: { regions: ['eu-west-1', 'us-east-1'] },
    });
  });

  it('asks for nothing by itself where RECONCILE_NEWEST is 0', () => {
    expect(readSettleCopyConfig({ ...settleEnvironment, RECONCILE_NEWEST: '0' })).not.toHaveProperty('reconcile');
  });

  it('does without a results topic', () => {
    expect(readSettleCopyConfig({ ...settleEnvironment, RESULTS_TOPIC_ARN: undefined })).not.toHaveProperty(
      'resultsTopicArn',
    );
  });

  it.each([
    ['KMS_KEY_ARN', 'arn:aws:kms:eu-west-2:222222222222:key/1', "a key in the function's own Region, eu-west-1"],
    ['COPY_DEPRECATION', 'yes', 'true or false'],
    ['FAILED_COPY_DELAY_SECONDS', '901', 'a number of seconds from 0 to 900'],
    ['FAILED_COPY_DELAY_SECONDS', '-1', 'a number of seconds from 0 to 900'],
    ['OVERDUE_SECONDS', '0', 'a number of seconds, such as 86400'],
    ['PARAMETER_PATH', '/image-copier/', 'the start of a parameter name, such as /image-copier'],
    ['PARAMETER_PATH', 'image-copier', 'the start of a parameter name, such as /image-copier'],
    ['RECIPE_TAG', '', 'the name of a tag, such as Recipe'],
    ['RECONCILE_NEWEST', '11', 'a number from 0 to 10'],
    ['RECONCILE_NEWEST', '1.5', 'a number from 0 to 10'],
    ['RECONCILE_REGIONS', '', 'Regions, separated by commas, such as eu-west-1'],
    ['RECONCILE_REGIONS', 'eu-west-1,evil.example', 'Regions, separated by commas, such as eu-west-1'],
    ['RESULTS_TOPIC_ARN', 'results', 'the ARN of an SNS topic'],
    ['RETRY_SECONDS', '0', 'a number of seconds, such as 21600'],
    ['TRUSTED_OWNERS', '111111111111, 444444444444', '12-digit account ids, separated by commas'],
  ])('rejects %s=%s and says what is allowed', (variable, value, allowed) => {
    expect(() => readSettleCopyConfig({ ...settleEnvironment, [variable]: value })).toThrow(
      `${variable} must be ${allowed}`,
    );
  });
});
