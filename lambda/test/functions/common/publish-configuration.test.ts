import { describe, expect, it } from '@jest/globals';
import { readPublishImageConfig } from '../../../src/functions/common/publish-configuration.ts';
import { publishEnvironment } from '../../publisher.ts';

const ORGANIZATION = {
  roleArn: 'arn:aws:iam::999999999999:role/read-units',
  unitIds: ['ou-ab12-1a2b3c4d', 'r-ab12'],
  regions: ['eu-west-1'],
};
const ALLOWED = 'a JSON object with roleArn, unitIds and regions, as the module source-account writes it';

describe('readPublishImageConfig', () => {
  it('reads the environment that the Terraform module sets', () => {
    expect(readPublishImageConfig(publishEnvironment)).toEqual({
      region: 'eu-west-1',
      topicArn: 'arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify',
      targetsPath: '/image-copier-targets/amigo-DEMO-notify',
      recipeTag: 'Recipe',
      unshare: false,
      organization: undefined,
    });
  });

  it('reads where the accounts of an organization come from', () => {
    expect(readPublishImageConfig({ ...publishEnvironment, ORGANIZATION: JSON.stringify(ORGANIZATION) })).toMatchObject(
      {
        organization: ORGANIZATION,
      },
    );
  });

  it.each([
    ['TOPIC_ARN', 'topic', 'the ARN of an SNS topic'],
    ['TARGETS_PATH', 'targets', 'the start of a parameter name, such as /image-copier'],
    ['RECIPE_TAG', '', 'the name of a tag, such as Recipe'],
    ['UNSHARE', 'yes', 'true or false'],
    ['ORGANIZATION', 'no JSON', ALLOWED],
    ['ORGANIZATION', JSON.stringify({ ...ORGANIZATION, roleArn: 'read-units' }), ALLOWED],
    ['ORGANIZATION', JSON.stringify({ ...ORGANIZATION, unitIds: ['222222222222'] }), ALLOWED],
    ['ORGANIZATION', JSON.stringify({ ...ORGANIZATION, regions: undefined }), ALLOWED],
  ])('rejects %s=%s and says what is allowed', (variable, value, allowed) => {
    expect(() => readPublishImageConfig({ ...publishEnvironment, [variable]: value })).toThrow(
      `${variable} must be ${allowed}`,
    );
  });
});
