import { DescribeKeyCommand, GetKeyPolicyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { accountIn } from './finding.ts';
import { callerOf, throughEc2 } from './key.ts';
import { decide, parsePolicy, type Policy } from './policy.ts';
import { KEY_ACTIONS } from './role-calls.ts';

/** The key that snapshots of a source image are encrypted with. */
export interface SourceKey {
  readonly isAwsManaged: boolean;
  readonly policy: Policy;
}

/** EBS User Guide, "Share the KMS key used to encrypt a shared Amazon EBS snapshot". */
export const SHARED_KEY_ACTIONS: readonly string[] = ['kms:CreateGrant', ...KEY_ACTIONS];

/** Reads a key as its own account sees it. */
export async function readSourceKey(kms: KMSClient, KeyId: string): Promise<SourceKey> {
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
  return { isAwsManaged: KeyMetadata?.KeyManager === 'AWS', policy: parsePolicy(Policy) };
}

/**
 * Whether a key policy of another account lets a role of this one copy snapshots under the key.
 * KMS Developer Guide, "Allowing users in other accounts": both the key policy and the role's own must allow it.
 */
export function letsRoleCopy(policy: Policy, roleArn: string, region: string): boolean {
  const context = { ...callerOf(accountIn(roleArn)), ...throughEc2(region) };
  return SHARED_KEY_ACTIONS.every((action) =>
    ['allowed', 'delegated'].includes(decide(policy, { principal: roleArn, action, context })),
  );
}
