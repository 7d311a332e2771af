import { beforeAll, describe, expect, it } from '@jest/globals';
import { anotherZip, isMaking, isWriting, TriedPolicy } from './policies/terraform.ts';
import { DEPLOY_TIMEOUT_MS, rollout, targets } from './policies/roles.ts';
import { NO_CHANGES } from './support/rollout.ts';

// In accounts of its own, so that this, what integration/tests/policies-target.test.ts does in a target account, and what
// integration/tests/policies-plan-destroy.test.ts reads and removes go on at the same time.
describe('under its published policy, in the source account, Terraform', () => {
  let ofSource: TriedPolicy;

  beforeAll(() => {
    ofSource = new TriedPolicy('source');
  });

  it(
    'makes everything',
    async () => {
      await ofSource.perform('apply', isMaking);
      expect(await ofSource.perform('plan', () => false)).toEqual(NO_CHANGES);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'changes everything',
    async () => {
      const web = { ...targets.web, labels: { wave: 'canary' } };
      rollout.write({ web }, {}, { publisher: { unshare: true }, log_retention_days: 7, overdue_hours: 48 });
      await ofSource.perform('apply', isWriting);
      // By itself: the provider forgets that the code has changed if it may not change the configuration.
      await ofSource.perform('apply', isWriting, anotherZip());
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('fails without each action that writes', () => {
    expect([...ofSource.untried].filter(isWriting)).toEqual([]);
  });

  it('asks for nothing else but what it does without', () => {
    // It lists a topic's subscriptions also where the topic is another account's (terraform-provider-aws, issue 42117).
    expect([...ofSource.doneWithout].filter((action) => action !== 'sns:ListSubscriptionsByTopic')).toEqual([]);
  });
});
