import { InvalidArgumentError, Option, type Command } from 'commander';
import { completedBy } from './completed-by.ts';
import { copierName, list, region, roleArn } from './option-values.ts';

export interface EnvironmentOptions {
  readonly accountsFile?: string;
  readonly only?: readonly string[];
  readonly accounts?: readonly string[];
  readonly roleName?: string;
  readonly profile?: string;
  readonly roleArn?: string;
  readonly region?: string;
  readonly name: string;
  readonly parameterPath?: string;
  readonly recipeTag?: string;
}

/** As the input has it by default. */
export const DEFAULT_NAME = 'image-copier';

/** A name that has to be said: it is not the one that is there by default. */
export function otherName(name: string): string | undefined {
  return name === DEFAULT_NAME ? undefined : name;
}

/** Adds the options that say which accounts and Regions a command is for, and how they are reached. */
export function addEnvironmentOptions(command: Command): Command {
  return command
    .option('--accounts-file <file>', 'the accounts of this file')
    .addOption(
      completedBy(
        'targets',
        new Option('--only <choice>', 'those of the file by name, id or label, such as payments,wave=canary').argParser(
          list,
        ),
      ),
    )
    .addOption(new Option('--accounts <ids>', 'accounts by id, reached by --role-name').argParser(accountIds))
    .option(
      '--role-name <role>',
      'role to assume in each account, with the credentials of the profile or the environment',
    )
    .option('--profile <profile>', 'profile of the AWS configuration (AWS_PROFILE)')
    .option('--role-arn <arn>', 'role to assume for one account', roleArn)
    .option(
      '--region <region>',
      "Region (AWS_REGION, else the profile's); of an accounts file this Region alone",
      region,
    )
    .option('--name <name>', 'input "name" of the Terraform module', copierName, DEFAULT_NAME);
}

function accountIds(value: string, previous: readonly string[] = []): readonly string[] {
  const ids = list(value, previous);
  const wrong = ids.find((id) => !/^\d{12}$/.test(id));
  if (wrong !== undefined) throw new InvalidArgumentError(`${wrong} must be an account id of 12 digits.`);
  return ids;
}
