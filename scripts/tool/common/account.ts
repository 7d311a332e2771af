import { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import { explained } from './aws-errors.ts';
import { clientSettings } from './credentials.ts';
import { copierName, region, roleArn } from './option-values.ts';
import { UserError } from './user-error.ts';

export interface AccountOptions {
  readonly profile?: string;
  readonly roleArn?: string;
  readonly region?: string;
  readonly name: string;
}

/** The copier of one account and Region. */
export interface Account {
  readonly region: string;
  /** The input `name` of the Terraform module: the names of all that belongs to the copier begin with it. */
  readonly name: string;
  readonly sqs: SQSClient;
}

/** Adds the options that say which account, Region and copier a command is for. */
export function addAccountOptions(command: Command): Command {
  return command
    .option('--profile <profile>', 'profile of the AWS configuration (AWS_PROFILE)')
    .option('--role-arn <arn>', 'role to assume, with the credentials of the profile or the environment', roleArn)
    .option('--region <region>', "Region (AWS_REGION, else the profile's)", region)
    .option('--name <name>', 'input "name" of the Terraform module', copierName, 'image-copier');
}

/**
 * Does something in the account that the options name.
 * @throws {UserError} for what the user can mend: credentials, permissions, the wrong account, Region or name
 */
export async function withAccount<T>(options: AccountOptions, use: (account: Account) => Promise<T>): Promise<T> {
  const account = await connect(options);
  try {
    return await use(account);
  } catch (error) {
    throw explained(error, account);
  } finally {
    account.sqs.destroy();
  }
}

async function connect({ name, ...access }: AccountOptions): Promise<Account> {
  const sqs = new SQSClient({
    ...clientSettings(access),
    // Else calls go to the host in the queue's URL, past an endpoint that AWS_ENDPOINT_URL names: a VPC endpoint, a proxy,
    // an emulator.
    useQueueUrlAsEndpoint: false,
  });
  try {
    return { region: await sqs.config.region(), name, sqs };
  } catch (error) {
    const message = 'No AWS Region. Add --region eu-west-1, or set AWS_REGION or the region of the profile.';
    throw new UserError(message, 2, { cause: error });
  }
}
