import { beforeAll, describe, expect, it } from '@jest/globals';
import { REGION } from './support/emulator.ts';
import { NO_CHANGES } from './support/rollout.ts';
import { DEPLOY_TIMEOUT_MS, rollout, target, targets } from './policies/roles.ts';
import { anotherZip, isMaking, isWriting, TriedPolicy } from './policies/terraform.ts';

// integration/tests/policies-plan-destroy.test.ts tries what reads and removes, policies-source.test.ts the source account,
// policies.test.ts the commands.
describe('under its published policy, in a target account, Terraform', () => {
  let ofTarget: TriedPolicy;

  beforeAll(async () => {
    ofTarget = new TriedPolicy('target');
    rollout.write(targets, { dashboard: true, deletion_protection: true });
    await new TriedPolicy('source').perform('apply', () => false);
  }, DEPLOY_TIMEOUT_MS);

  it(
    'makes everything',
    async () => {
      await ofTarget.perform('apply', isMaking);
      expect(await ofTarget.perform('plan', () => false)).toEqual(NO_CHANGES);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'changes everything',
    async () => {
      rollout.write(targets, {
        // Nobody has made the topic: doctor looks for it all the same.
        alarm_actions: [`arn:aws:sns:${REGION}:${target.id}:on-call`],
        dashboard: true,
        deletion_protection: false,
        filter_enabled: false,
        key_rotation_period_days: 100,
        log_retention_days: 7,
        retry_hours: 7,
      });
      await ofTarget.perform('apply', isWriting);
      // By itself: the provider forgets that the code has changed if it may not change the configuration.
      await ofTarget.perform('apply', isWriting, anotherZip());
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('fails without each action that writes', () => {
    expect([...ofTarget.untried].filter(isWriting)).toEqual([]);
  });

  it('asks for nothing else but what it does without', () => {
    // It lists a topic's subscriptions also where the topic is another account's (terraform-provider-aws, issue 42117).
    expect([...ofTarget.doneWithout]).toEqual(['sns:ListSubscriptionsByTopic']);
  });
});
