import { DescribeKeyCommand, GetKeyPolicyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { accountIn } from './finding.ts';
import { callerOf, throughEc2 } from './key.ts';
import { allowedPrincipals, conditionValues, decide, parsePolicy, type Policy } from './policy.ts';
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
  // It is for one account, whatever its policy says.
  if (KeyMetadata?.KeyManager === 'AWS') return { isAwsManaged: true, policy: {} };
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
  return { isAwsManaged: false, policy: parsePolicy(Policy) };
}

/** `members`: as a member of an organization, if it is one. */
export type Admission = 'admitted' | 'members' | 'refused';

const ORGANIZATION_KEYS = ['aws:PrincipalOrgID', 'aws:PrincipalOrgPaths'] as const;

/**
 * Whether a key policy of another account lets a role of this one copy snapshots under the key.
 * KMS Developer Guide, "Allowing users in other accounts": both the key policy and the role's own must allow it.
 */
export function admission(policy: Policy, roleArn: string, region: string): Admission {
  const context = { ...callerOf(accountIn(roleArn)), ...throughEc2(region) };
  const admits = (membership: Readonly<Record<string, string>>) =>
    SHARED_KEY_ACTIONS.every((action) =>
      ['allowed', 'delegated'].includes(
        decide(policy, { principal: roleArn, action, context: { ...context, ...membership } }),
      ),
    );
  if (admits({})) return 'admitted';
  const [organizations, units] = ORGANIZATION_KEYS.map((key) => {
    const memberships = conditionValues(policy, key).map((value) => ({ [key]: value }));
    return [{}, ...memberships];
  });
  const isForMembers = organizations?.some((organization) =>
    units?.some((unit) => admits({ ...organization, ...unit })),
  );
  return isForMembers ? 'members' : 'refused';
}

/**
 * The same of an account of which nothing says by what role it copies: any that the policy names may be it.
 * @param account the ARN of any role in it begins so
 * @param regions through EC2 of any of which the key may be asked
 */
export function admissionOfAccount(policy: Policy, account: string, regions: readonly string[]): Admission {
  const roles = [`${account}role/anybody`, ...allowedPrincipals(policy).filter((arn) => arn.startsWith(account))];
  const found = roles.flatMap((roleArn) => regions.map((region) => admission(policy, roleArn, region)));
  return (['admitted', 'members'] as const).find((each) => found.includes(each)) ?? 'refused';
}
