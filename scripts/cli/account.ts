import { SQSClient } from '@aws-sdk/client-sqs';
import { InvalidArgumentError, type Command } from 'commander';
import { explained } from './aws-errors.ts';
import { clientSettings } from './credentials.ts';
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

async function connect({ profile, roleArn, region: named, name }: AccountOptions): Promise<Account> {
  const access = {
    ...(profile !== undefined && { profile }),
    ...(roleArn !== undefined && { roleArn }),
    ...(named !== undefined && { region: named }),
  };
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

function roleArn(value: string): string {
  if (/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(value)) return value;
  throw new InvalidArgumentError('It must be like arn:aws:iam::222222222222:role/operator.');
}

function region(value: string): string {
  if (/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be a Region, such as eu-west-1.');
}

/** As the Terraform module checks it. */
function copierName(value: string): string {
  if (/^[A-Za-z0-9_-]{1,37}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be 1 to 37 letters, digits, hyphens and underscores.');
}
