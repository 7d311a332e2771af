import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IDS, Rollout } from './rollout.ts';

const REQUESTS = 'arn:aws:sns:eu-west-1:111111111111:amigo-TEST-notify';
const HOUSEKEEPING = `${REQUESTS.replace('notify', 'housekeeping')}-notify`;

let rollout: Rollout;

beforeEach(() => {
  rollout = new Rollout();
});

afterEach(() => {
  rollout.terraform.remove();
});

/** Has AMIgo write a statement of its own into the policy of a topic, as it does at each start. */
function startAmigo(TopicArn: string): void {
  const Policy = JSON.stringify({ Statement: [{ Sid: 'amigo_lambda_subs', Effect: 'Allow' }] });
  rollout.aws.in(IDS.source).sns.on(GetTopicAttributesCommand, { TopicArn }).resolves({ Attributes: { Policy } });
}

describe("deploy where topics are AMIgo's", () => {
  it.each([['deploy'], ['deploy --plan'], ['deploy --only source']])(
    '%s begins nothing, and says what to do',
    async (line) => {
      startAmigo(REQUESTS);

      const { code, err } = await rollout.run(line.split(' '));

      expect(code).toBe(2);
      expect(err).toContain(
        'AMIgo writes the policy of the topic amigo-TEST-notify in eu-west-1. Terraform would take the topic over, and a destroy would ' +
          'delete it. List eu-west-1 in existingTopics of source in accounts.yaml: docs/from-amigo.md is the whole way.',
      );
      expect(rollout.terraform.calls).toEqual([]);
    },
  );

  it('looks at the topic for housekeeping too', async () => {
    rollout.list({ source: { inputs: { housekeeping_topic_name: 'amigo-TEST-housekeeping-notify' } }, web: {} });
    startAmigo(HOUSEKEEPING);

    expect((await rollout.run(['deploy'])).err).toContain(
      'the policy of the topic amigo-TEST-housekeeping-notify in eu-west-1',
    );
  });

  it('goes on where the accounts file says whose they are, and without the source account', async () => {
    startAmigo(REQUESTS);
    expect((await rollout.run(['deploy', '--only', 'web'])).code).toBe(0);
    rollout.list({ source: { existingTopics: ['eu-west-1'] }, web: {} });
    expect((await rollout.run(['deploy'])).code).toBe(0);
  });

  it('says what it could not read, and leaves it to Terraform', async () => {
    const { sns } = rollout.aws.in(IDS.source);
    sns.on(GetTopicAttributesCommand).rejects(Object.assign(new Error('no'), { name: 'AuthorizationErrorException' }));

    const { code, err } = await rollout.run(['deploy', '--only', 'source']);

    expect(err).toContain('It is not known whose topic amigo-TEST-notify in eu-west-1 is. Access denied: no.');
    expect(code).toBe(0);
  });
});
