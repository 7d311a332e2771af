import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { NO_CHANGES } from '../support/rollout.ts';
import { DEPLOY_TIMEOUT_MS, rollout, targets } from './roles.ts';
import { isWriting, TriedPolicy } from './terraform.ts';

const ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');

// integration/tests/policies-plan-destroy.test.ts tries what reads and removes.
describe('under the published policies Terraform', () => {
  let ofSource: TriedPolicy;
  let ofTarget: TriedPolicy;

  beforeAll(() => {
    ofSource = new TriedPolicy('source');
    ofTarget = new TriedPolicy('target');
    rollout.write(targets, { deletion_protection: true });
  });

  // A key that cannot be rotated would be made anew, and one that is protected stays. To change its rotation asks for the same.
  const isMaking = (action: string) => isWriting(action) && action !== 'kms:EnableKeyRotation';

  it(
    'makes everything in the source account',
    async () => {
      await ofSource.perform('apply', isMaking);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'makes everything in a target account',
    async () => {
      await ofTarget.perform('apply', isMaking);
      const plans = [ofSource, ofTarget].map((policy) => policy.perform('plan', () => false));
      expect(await Promise.all(plans)).toEqual([NO_CHANGES, NO_CHANGES]);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it(
    'changes everything',
    async () => {
      const changes = {
        deletion_protection: false,
        filter_enabled: false,
        key_rotation_period_days: 100,
        log_retention_days: 7,
        retry_hours: 7,
      };
      rollout.write(targets, changes, { log_retention_days: 7, overdue_hours: 48 });
      const zip = join(rollout.out, 'other.zip');
      writeFileSync(zip, zipSync({ ...unzipSync(readFileSync(ZIP)), 'README.md': strToU8('Another version.') }));
      await ofSource.perform('apply', isWriting, zip);
      await ofTarget.perform('apply', isWriting, zip);
    },
    DEPLOY_TIMEOUT_MS,
  );

  it('fails without each action that writes', () => {
    expect([...ofSource.untried, ...ofTarget.untried].filter(isWriting)).toEqual([]);
  });

  it('asks for nothing else but what it does without', () => {
    // It lists a topic's subscriptions also where the topic is another account's (terraform-provider-aws, issue 42117).
    expect(new Set([...ofSource.doneWithout, ...ofTarget.doneWithout])).toEqual(
      new Set(['sns:ListSubscriptionsByTopic']),
    );
  });
});
