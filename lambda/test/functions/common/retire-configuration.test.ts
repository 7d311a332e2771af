import { describe, expect, it } from '@jest/globals';
import { readRetireImageConfig } from '../../../src/functions/common/retire-configuration.ts';
import { retireEnvironment, target } from '../../factories.ts';

const rule = { keepNewest: 3, minAgeDays: 7, quarantineDays: 7 };
const read = (RETENTION: unknown) =>
  readRetireImageConfig({ ...retireEnvironment, RETENTION: JSON.stringify(RETENTION) }).retention;

describe('readRetireImageConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readRetireImageConfig(retireEnvironment)).toStrictEqual({
      copier: 'image-copier',
      kmsKeyArn: target.kmsKeyArn,
      account: '222222222222',
      region: 'eu-west-1',
      queueUrl: 'https://sqs.test/retirements',
      deadLetterQueueUrl: 'https://sqs.test/dead-letters',
      parameterPath: '/image-copier',
      recipeTag: 'Recipe',
      resultsTopicArn: 'arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results',
      retireTagged: [],
      retrySeconds: 21600,
      rollbackDepth: 2,
      trustedOwners: ['111111111111'],
    });
  });

  it('does without a results topic', () => {
    expect(readRetireImageConfig({ ...retireEnvironment, RESULTS_TOPIC_ARN: undefined })).not.toHaveProperty(
      'resultsTopicArn',
    );
  });

  it.each([
    ['0', 0],
    ['9', 9],
    ['100', 100],
  ])('reads how many images stay to go back to: %s', (ROLLBACK_DEPTH, depth) => {
    expect(readRetireImageConfig({ ...retireEnvironment, ROLLBACK_DEPTH }).rollbackDepth).toBe(depth);
  });

  it('reads the tags of images that may go, also one that is named like a part of JavaScript', () => {
    const RETIRE_TAGGED = '{"BuiltBy":"amigo","__proto__":"x"}';
    expect(readRetireImageConfig({ ...retireEnvironment, RETIRE_TAGGED }).retireTagged).toEqual([
      { key: 'BuiltBy', value: 'amigo' },
      { key: '__proto__', value: 'x' },
    ]);
  });

  it('lets no image go by its tags where there are none', () => {
    expect(readRetireImageConfig({ ...retireEnvironment, RETIRE_TAGGED: '{}' }).retireTagged).toEqual([]);
  });

  it.each([
    ['of all recipes', rule, { ...rule, recipes: {} }],
    ['of one recipe', { ...rule, recipes: { ubuntu: { keepNewest: 5 } } }, undefined],
    ['with the least of all', { keepNewest: 1, minAgeDays: 0, quarantineDays: 0, recipes: {} }, undefined],
    ['with the most', { keepNewest: 1000, minAgeDays: 36_500, quarantineDays: 365, recipes: {} }, undefined],
    ['with parts of a day', { ...rule, minAgeDays: 0.5, recipes: {} }, undefined],
  ])('reads the retention policy %s', (_what, given, expected) => {
    expect(read(given)).toStrictEqual(expected ?? given);
  });

  it('takes null, which Terraform writes for what is left out, for absent', () => {
    const recipes = { ubuntu: { keepNewest: 5, minAgeDays: null, quarantineDays: null } };

    expect(read({ ...rule, recipes })).toStrictEqual({ ...rule, recipes: { ubuntu: { keepNewest: 5 } } });
    expect(read({ ...rule, recipes: null })).toStrictEqual({ ...rule, recipes: {} });
  });

  const allowed = 'a JSON object of keepNewest (1 or more), minAgeDays, quarantineDays (at most 365) and recipes';
  it.each([
    ['nothing', ''],
    ['no JSON', 'keep 3'],
    ['null', 'null'],
    ['a list', '[]'],
    ...Object.keys(rule).flatMap((field) => [
      [`no ${field}`, JSON.stringify({ ...rule, [field]: undefined })],
      [`${field} null`, JSON.stringify({ ...rule, [field]: null })],
      [`${field} of text`, JSON.stringify({ ...rule, [field]: '3' })],
      [`${field} below 0`, JSON.stringify({ ...rule, [field]: -1 })],
    ]),
    ['keepNewest 0', JSON.stringify({ ...rule, keepNewest: 0 })],
    ['keepNewest of a part', JSON.stringify({ ...rule, keepNewest: 1.5 })],
    ['minAgeDays of more than a century', JSON.stringify({ ...rule, minAgeDays: 36_501 })],
    ['quarantineDays of over a year', JSON.stringify({ ...rule, quarantineDays: 366 })],
    ['quarantineDays of a part', JSON.stringify({ ...rule, quarantineDays: 0.5 })],
    ['a field that is misspelt', JSON.stringify({ ...rule, keep_newest: 5 })],
    ['a recipe that is misspelt', JSON.stringify({ ...rule, recipes: { ubuntu: { keep_newest: 5 } } })],
    ['a recipe out of bounds', JSON.stringify({ ...rule, recipes: { ubuntu: { keepNewest: 0 } } })],
    ['a recipe of text', JSON.stringify({ ...rule, recipes: { ubuntu: 'all' } })],
  ])('rejects a retention policy: %s', (_what, RETENTION) => {
    expect(() => readRetireImageConfig({ ...retireEnvironment, RETENTION })).toThrow(`RETENTION must be ${allowed}`);
  });

  it.each([
    ...['', 'BuiltBy=amigo', '["BuiltBy"]', '{"BuiltBy":42}', 'null'].map((tags) => [
      'RETIRE_TAGGED',
      tags,
      'a JSON object of tag names and values',
    ]),
    ...['', '-1', '101', '1.5', '01', 'all'].map((depth) => ['ROLLBACK_DEPTH', depth, 'a number from 0 to 100']),
    ['COPIER_NAME', 'image copier', '1 to 36 letters, digits, hyphens and underscores'],
    ['KMS_KEY_ARN', 'arn:aws:kms:eu-west-2:222222222222:key/1', "a key in the function's own Region, eu-west-1"],
    ['QUEUE_URL', 'requests', 'the URL of the request queue'],
    ['DEAD_LETTER_QUEUE_URL', 'no', 'the URL of the dead-letter queue'],
    ['PARAMETER_PATH', '/image-copier/', 'the start of a parameter name, such as /image-copier'],
    ['RECIPE_TAG', '', 'the name of a tag, such as Recipe'],
    ['RESULTS_TOPIC_ARN', 'results', 'the ARN of an SNS topic'],
    ['RETRY_SECONDS', '6h', 'a number of seconds, such as 21600'],
    ['TRUSTED_OWNERS', '', '12-digit account ids, separated by commas'],
  ])('rejects %s=%s and says what is allowed', (variable, value, what) => {
    expect(() => readRetireImageConfig({ ...retireEnvironment, [variable]: value })).toThrow(
      `${variable} must be ${what}`,
    );
  });

  it('names each variable that is missing', () => {
    expect(() => readRetireImageConfig({ AWS_REGION: 'eu-west-1' })).toThrow(
      /^COPIER_NAME is not set; .*; KMS_KEY_ARN is .*; QUEUE_URL .*; DEAD_LETTER_QUEUE_URL .*; PARAMETER_PATH .*; RECIPE_TAG .*; RETRY_SECONDS .*; ROLLBACK_DEPTH .*; TRUSTED_OWNERS is not set/,
    );
  });
});
