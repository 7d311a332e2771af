import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  EntityAlreadyExistsException,
  IAMClient,
} from '@aws-sdk/client-iam';
import { emulatedSettings } from './emulated-account.ts';

const ADMINISTRATOR_ACCESS = 'arn:aws:iam::aws:policy/AdministratorAccess';

/** The account that the tools act from: it assumes a role in each of the others. */
export const OPERATORS_ACCOUNT = '999999999999';

/**
 * Makes a role in each account that administers it and that the operators' account may assume, as Organizations makes
 * OrganizationAccountAccessRole in a member account for the management account. A role that is there stays as it is.
 */
export async function makeAdministratorRoles(
  endpoint: string,
  roleName: string,
  accounts: readonly string[],
): Promise<void> {
  await Promise.all(accounts.map((account) => makeAdministratorRole(endpoint, account, roleName)));
}

async function makeAdministratorRole(endpoint: string, account: string, RoleName: string): Promise<void> {
  const iam = new IAMClient(emulatedSettings(endpoint, account, 'us-east-1'));
  const trust = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${OPERATORS_ACCOUNT}:root` }, Action: 'sts:AssumeRole' },
    ],
  };
  try {
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) }));
  } catch (error) {
    if (!(error instanceof EntityAlreadyExistsException)) throw error;
  }
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: ADMINISTRATOR_ACCESS }));
}
