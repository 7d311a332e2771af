import { describe, expect, it } from '@jest/globals';
import { readPublishImageConfig } from '../../../src/functions/common/publish-configuration.ts';
import { publishEnvironment } from '../../publisher.ts';

describe('readPublishImageConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readPublishImageConfig(publishEnvironment)).toEqual({
      region: 'eu-west-1',
      topicArn: 'arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify',
      targetsPath: '/image-copier-targets/amigo-DEMO-notify',
      recipeTag: 'Recipe',
      unshare: false,
    });
  });

  it.each([
    ['TOPIC_ARN', 'topic', 'the ARN of an SNS topic'],
    ['TARGETS_PATH', 'targets', 'the start of a parameter name, such as /image-copier'],
    ['RECIPE_TAG', '', 'the name of a tag, such as Recipe'],
    ['UNSHARE', 'yes', 'true or false'],
  ])('rejects %s=%s and says what is allowed', (variable, value, allowed) => {
    expect(() => readPublishImageConfig({ ...publishEnvironment, [variable]: value })).toThrow(
      `${variable} must be ${allowed}`,
    );
  });
});
