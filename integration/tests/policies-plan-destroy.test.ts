import { beforeAll, describe, expect, it } from '@jest/globals';
import { DEPLOY_TIMEOUT_MS } from './policies/roles.ts';
import { isReading, isRemoving, TriedPolicy } from './policies/terraform.ts';
import { NO_CHANGES } from './support/rollout.ts';

const all = () => true;
const none = () => false;

// integration/tests/policies/deploy.tests.ts tries what writes; in accounts of its own, so that both go on at the same time.
describe('under the published policies Terraform', () => {
  let ofSource: TriedPolicy;
  let ofTarget: TriedPolicy;

  beforeAll(async () => {
    ofSource = new TriedPolicy('source');
    ofTarget = new TriedPolicy('target');
    await ofSource.perform('apply', none);
    await ofTarget.perform('apply', none);
  }, DEPLOY_TIMEOUT_MS);

  it(
    'reads everything, and finds it as it was made',
    async () => {
      const plans = [ofSource, ofTarget].map((policy) => policy.perform('plan', isReading));
      expect(await Promise.all(plans)).toEqual([NO_CHANGES, NO_CHANGES]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'destroys everything',
    async () => {
      await ofTarget.perform('destroy', all);
      await ofSource.perform('destroy', all);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('fails without each action that reads or removes', () => {
    const left = [...ofSource.untried, ...ofTarget.untried].filter((each) => isReading(each) || isRemoving(each));
    expect(left).toEqual([]);
  });

  it('asks for nothing else but what it does without', () => {
    // It lists a topic's subscriptions also where the topic is another account's (terraform-provider-aws, issue 42117).
    expect(new Set([...ofSource.doneWithout, ...ofTarget.doneWithout])).toEqual(
      new Set(['sns:ListSubscriptionsByTopic']),
    );
  });
});
