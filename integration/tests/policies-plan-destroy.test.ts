import { beforeAll, describe, expect, it } from '@jest/globals';
import { DEPLOY_TIMEOUT_MS, environment, give, rollout, saysDenied, SOURCE_INPUTS, targets } from './policies/roles.ts';
import { COUNTED, isReading, isRemoving, TriedPolicy } from './policies/terraform.ts';
import { NO_CHANGES } from './support/rollout.ts';
import { runHere } from './support/run-here.ts';

const all = () => true;
const none = () => false;

// integration/tests/policies-target.test.ts tries what writes; in accounts of its own, so that both go on at the same time.
describe('under the published policies Terraform', () => {
  let ofSource: TriedPolicy;
  let ofTarget: TriedPolicy;

  beforeAll(async () => {
    ofSource = new TriedPolicy('source');
    ofTarget = new TriedPolicy('target');
    rollout.write(targets, { dashboard: true, deletion_protection: false }, SOURCE_INPUTS);
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

  const destroy = () =>
    runHere(
      ['destroy', '--only', 'web', '--accounts-file', rollout.accountsFile, '--out', rollout.out],
      environment,
      false,
    );

  it(
    'lets destroy count what needs the keys that go',
    async () => {
      const { stderr } = await destroy();
      expect(stderr).toMatch(
        /^These need the keys .*\n\nACCOUNT .*\nweb .* 0 +0 +0\n\nError: Nothing was destroyed\.\n$/,
      );
    },
    DEPLOY_TIMEOUT_MS,
  );

  it.each(COUNTED)(
    'lets destroy say that it could not count without %s',
    async (action) => {
      await give('deployer', 'target', new Set([action]));
      try {
        const { stderr } = await destroy();
        expect(stderr).toContain('what needs its key could not be counted: ');
        expect({ stderr, isSaid: saysDenied(stderr, action) }).toMatchObject({ isSaid: true });
      } finally {
        await give('deployer', 'target');
      }
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
