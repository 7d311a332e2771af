import { AttachRolePolicyCommand, CreatePolicyCommand, CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import { emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { endpoint, REGION } from './emulator.ts';

/** Makes a role in an account that may do what the policy says, and that the operators' account may assume. */
export async function makeOperatorsRole(account: string, RoleName: string, PolicyDocument: string): Promise<void> {
  const iam = new IAMClient(emulatedSettings(endpoint(), account, REGION));
  const Trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: OPERATORS_ACCOUNT } };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [Trust] });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: RoleName, PolicyDocument }));
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: Policy?.Arn }));
}
