import { existsSync, readFileSync } from 'node:fs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { AccountsFileError, parseAccountsFile } from '../../../terraform/stacks/accounts-file.ts';
import { partitionOf } from '../../../terraform/stacks/regions.ts';
import { planStacks, type Stack } from '../../../terraform/stacks/stacks.ts';
import { ChoiceError, chooseStacks } from './choose-stacks.ts';
import { explained } from './aws-errors.ts';
import { clientSettings, type Access, type ClientSettings } from './credentials.ts';
import type { PlacesOptions } from './places-options.ts';
import { UserError } from './user-error.ts';

/** One account and Region that has a copier, and the way there. */
export interface Place {
  readonly accountId: string;
  /** The account's name in the accounts file, else its id. */
  readonly account: string;
  readonly region: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Inputs of the Terraform module that the copier there was made with. */
  readonly copier: Copier;
  /** For clients of any service. They share one set of credentials. */
  readonly settings: ClientSettings & { readonly region: string };
}

interface Copier {
  /** Start of the names of all that belongs to it. */
  readonly name: string;
  readonly parameterPath: string;
  readonly recipeTag: string;
}

/** The account where images are baked. */
export interface Source {
  readonly accountId: string;
  /** Name of the topic for copy requests. */
  readonly topic: string;
  readonly topicArnIn: (region: string) => string;
  readonly settingsIn: (region: string) => Place['settings'];
}

export interface Places {
  /** By account in the order of the file, then by Region. */
  readonly targets: readonly Place[];
  /** Known from an accounts file alone. */
  readonly source?: Source;
}

const DEFAULT_PARAMETER_PATH = '/image-copier';
const DEFAULT_RECIPE_TAG = 'Recipe';

/**
 * The places that the options name: those of the accounts file, those of `--accounts`, or the one that the credentials
 * belong to.
 * @throws {UserError} for what the user can mend in the file or the options
 */
export async function placesOf(options: PlacesOptions): Promise<Places> {
  const { accountsFile, accounts, only, roleName, roleArn } = options;
  if (only && accountsFile === undefined) throw new UserError('--only chooses from an --accounts-file.', 2);
  if (accountsFile !== undefined) {
    if (accounts) throw new UserError('Name accounts by --accounts or by --accounts-file, not by both.', 2);
    if (roleArn !== undefined)
      throw new UserError('--role-arn is of one account. With --accounts-file use --role-name.', 2);
    return placesOfFile(accountsFile, options);
  }
  if (!accounts) {
    if (roleName !== undefined) throw new UserError('--role-name needs --accounts or --accounts-file.', 2);
    return { targets: [await ownPlace(options)] };
  }
  if (roleName === undefined) {
    throw new UserError('--accounts needs --role-name: the role to assume in each of them.', 2);
  }
  const region = await regionOf(options);
  return {
    targets: accounts.map((accountId) => ({
      ...placeIn(options, accountId, accountId, region),
      settings: settingsIn(region, roleIn(accountId, roleName, region), options),
    })),
  };
}

function placesOfFile(file: string, options: PlacesOptions): Places {
  const { only, region: onlyRegion, roleName } = options;
  const stacks = readStacks(file);
  const source = stacks.find(({ kind }) => kind === 'source');
  const all = stacks.filter(({ kind }) => kind === 'target');
  const topic = source?.modules[0]?.inputs['name'];
  if (!source || typeof topic !== 'string') throw new Error('no stack for the source account');
  const access = (stack: Stack, region: string): Access =>
    roleName === undefined ? stack.access : roleIn(stack.accountId, roleName, region);
  const targets = chosen(all, only).flatMap((stack) =>
    stack.modules
      .filter(({ region }) => onlyRegion === undefined || region === onlyRegion)
      .map(({ region, inputs }) => ({
        accountId: stack.accountId,
        account: stack.name,
        region,
        labels: stack.labels,
        copier: {
          name: textOr(inputs['name'], options.name),
          parameterPath: textOr(inputs['parameter_path'], DEFAULT_PARAMETER_PATH),
          recipeTag: textOr(inputs['recipe_tag'], DEFAULT_RECIPE_TAG),
        },
        settings: settingsIn(region, access(stack, region), options),
      })),
  );
  if (targets.length === 0) throw new UserError(`None of the chosen accounts has the Region ${onlyRegion ?? ''}.`, 2);
  const shared = new Map<string, Place['settings']>();
  return {
    targets,
    source: {
      accountId: source.accountId,
      topic,
      topicArnIn: (region) => topicArn(source.accountId, region, topic),
      settingsIn: (region) => {
        const settings = shared.get(region) ?? settingsIn(region, access(source, region), options);
        shared.set(region, settings);
        return settings;
      },
    },
  };
}

function readStacks(file: string): Stack[] {
  if (!existsSync(file)) throw new UserError(`There is no ${file}.`, 2);
  try {
    return planStacks(parseAccountsFile(readFileSync(file, 'utf8'), file));
  } catch (error) {
    if (error instanceof AccountsFileError) throw new UserError(error.message, 2, { cause: error });
    throw error;
  }
}

function chosen(stacks: readonly Stack[], only: readonly string[] | undefined): readonly Stack[] {
  if (!only) return stacks;
  try {
    return chooseStacks(stacks, only);
  } catch (error) {
    if (error instanceof ChoiceError) throw new UserError(error.message, 2, { cause: error });
    throw error;
  }
}

async function ownPlace(options: PlacesOptions): Promise<Place> {
  const region = await regionOf(options);
  const settings = ownSettings(options, region);
  try {
    const accountId = await accountOf(settings);
    return { ...placeIn(options, accountId, accountId, region), settings };
  } catch (error) {
    throw explained(error, { region, name: options.name });
  }
}

/** The account that credentials belong to. */
export async function accountOf(settings: Place['settings']): Promise<string> {
  const sts = new STSClient(settings);
  try {
    const { Account = '' } = await sts.send(new GetCallerIdentityCommand({}));
    return Account;
  } finally {
    sts.destroy();
  }
}

export function topicArn(accountId: string, region: string, topic: string): string {
  return `arn:${partitionOf(region)}:sns:${region}:${accountId}:${topic}`;
}

function placeIn(options: PlacesOptions, accountId: string, account: string, region: string): Omit<Place, 'settings'> {
  const { name, parameterPath = DEFAULT_PARAMETER_PATH, recipeTag = DEFAULT_RECIPE_TAG } = options;
  return { accountId, account, region, labels: {}, copier: { name, parameterPath, recipeTag } };
}

function settingsIn(region: string, access: Access, { profile }: Access): Place['settings'] {
  // A role is assumed with the credentials of the profile that was asked for; a profile of the file is a way of its own.
  const base = access.roleArn !== undefined && profile !== undefined ? { profile } : {};
  return { ...clientSettings({ ...base, ...access, region }), region };
}

function roleIn(accountId: string, roleName: string, region: string): Access {
  return { roleArn: `arn:${partitionOf(region)}:iam::${accountId}:role/${roleName}` };
}

/** Settings for the account that the credentials of the options belong to. */
export function ownSettings(options: Access, region: string): Place['settings'] {
  return settingsIn(region, options, {});
}

/** The Region that was named, or that of the environment or the profile. */
export async function regionOf(options: Access): Promise<string> {
  const sts = new STSClient(clientSettings(options));
  try {
    return await sts.config.region();
  } catch (error) {
    const message = 'No AWS Region. Add --region eu-west-1, or set AWS_REGION or the region of the profile.';
    throw new UserError(message, 2, { cause: error });
  } finally {
    sts.destroy();
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
