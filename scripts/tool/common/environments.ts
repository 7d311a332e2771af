import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { clientsOnce } from './clients-once.ts';
import { partitionOf } from '../../../terraform/stacks/regions.ts';
import type { Stack } from '../../../terraform/stacks/stacks.ts';
import type { Access, AwsClients, Connect } from './aws-clients.ts';
import { chooseStacks } from './choose-stacks.ts';
import { optionWords } from './command-line.ts';
import { otherName, type EnvironmentOptions } from './environment-options.ts';
import type { ChosenCopier, Copier } from './environment.ts';
import { requireKnown } from './require-known.ts';
import { UserError } from './user-error.ts';

/** The account where images are baked. */
export interface Source {
  /** Its name in the accounts file. */
  readonly account: string;
  readonly accountId: string;
  /** All Regions of the accounts file, in each of which its images may be. */
  readonly regions: readonly string[];
  /** Name of the topic for copy requests. */
  readonly topic: string;
  readonly topicArnIn: (region: string) => string;
  /** The topic on which revocations go out; undefined where it is another system's, and the file does not name it. */
  readonly housekeepingTopicArnIn: (region: string) => string | undefined;
  /** Whether the topic in a Region is another system's, which decides itself who may subscribe. */
  readonly hasExistingTopicIn: (region: string) => boolean;
  readonly clientsIn: (region: string) => AwsClients;
}

export interface Environments {
  /** By account in the order of the file, then by Region. */
  readonly copiers: readonly ChosenCopier[];
  /** Known from an accounts file alone. */
  readonly source?: Source;
}

/** Inputs of the Terraform module, where nothing says what they are. */
export const DEFAULT_INPUTS = { parameterPath: '/image-copier', recipeTag: 'Recipe', copyTags: [] } as const;

/**
 * The environments that the options name, with their copiers: those of the accounts file, those of `--accounts`, or the one
 * that the credentials belong to.
 * @throws {UserError} for what the user can fix in the file or the options
 */
export async function environmentsOf(options: EnvironmentOptions, connect: Connect): Promise<Environments> {
  const { accountsFile, accounts, roleName } = options;
  requireOneWay(options);
  if (accountsFile !== undefined) return await environmentsOfFile(accountsFile, options, connect);
  if (!accounts) {
    if (roleName !== undefined) throw new UserError('--role-name needs --accounts or --accounts-file.', 2);
    return { copiers: [await ownCopier(options, connect)] };
  }
  if (roleName === undefined) {
    throw new UserError('--accounts needs --role-name: the role to assume in each of them.', 2);
  }
  const region = await regionOf(options, connect);
  return {
    copiers: accounts.map((accountId) => {
      const access = accessWith(options, roleIn(accountId, roleName, region), region);
      const chosenBy = wordsOf(options, { accounts: accountId });
      return { ...copierOf(options, accountId, region), aws: connect(access), access, chosenBy };
    }),
  };
}

/**
 * The one account and Region that the options name, also the source account of an accounts file.
 * @throws {UserError} if it is not one
 */
export async function oneEnvironmentOf(
  options: EnvironmentOptions,
  connect: Connect,
): Promise<{ readonly region: string; readonly aws: AwsClients }> {
  const { accountsFile, only, accounts = [] } = options;
  if (accountsFile === undefined) {
    if (accounts.length > 1) throw notOne(accounts, '--accounts');
    const { copiers } = await environmentsOf(options, connect);
    const [copier] = copiers;
    if (!copier) throw new Error('no environment');
    return copier;
  }
  requireOneWay(options);
  const stacks = await stacksOf(accountsFile);
  const chosen = only ? chooseStacks(stacks, only) : stacks;
  const [stack] = chosen;
  if (!stack || chosen.length > 1) {
    throw notOne(
      chosen.map(({ name }) => name),
      '--only',
    );
  }
  const region = options.region ?? (stack.regions.length === 1 ? stack.regions[0] : undefined);
  if (region === undefined) {
    throw new UserError(`${stack.name} is in ${stack.regions.join(', ')}. Choose one of them with --region.`, 2);
  }
  return { region, aws: connect(accessToStack(options, stack, region)) };
}

function notOne(accounts: readonly string[], option: string): UserError {
  return new UserError(`This is for one account, and chosen are ${accounts.join(', ')}. Choose one with ${option}.`, 2);
}

function requireOneWay({ accountsFile, accounts, only, roleArn }: EnvironmentOptions): void {
  if (only && accountsFile === undefined) throw new UserError('--only chooses from an --accounts-file.', 2);
  if (accountsFile === undefined) return;
  if (accounts) throw new UserError('Name accounts by --accounts or by --accounts-file, not by both.', 2);
  if (roleArn !== undefined)
    throw new UserError('--role-arn is of one account. With --accounts-file use --role-name.', 2);
}

/** What reads YAML and checks it is loaded for an accounts file alone. */
async function stacksOf(accountsFile: string): Promise<Stack[]> {
  const { readStacks } = await import('./accounts-file.ts');
  return readStacks(accountsFile);
}

async function environmentsOfFile(file: string, options: EnvironmentOptions, connect: Connect): Promise<Environments> {
  const { only, region: onlyRegion } = options;
  const stacks = await stacksOf(file);
  const source = stacks.find(({ kind }) => kind === 'source');
  const targets = stacks.filter(({ kind }) => kind === 'target');
  const topic = source?.modules[0]?.inputs['name'];
  if (!source || typeof topic !== 'string') throw new Error('no stack for the source account');
  const chosen = only ? chooseStacks(targets, only) : targets;
  requireRegions(onlyRegion === undefined ? [] : [onlyRegion], regionsOf(chosen));
  const copiers = chosen.flatMap((stack) =>
    stack.modules
      .filter(({ region }) => onlyRegion === undefined || region === onlyRegion)
      .map(({ region, inputs }) => ({ region, inputs, access: accessToStack(options, stack, region) }))
      .map(({ region, inputs, access }) => ({
        accountId: stack.accountId,
        account: stack.name,
        region,
        labels: stack.labels,
        name: textOr(inputs['name'], options.name),
        parameterPath: textOr(inputs['parameter_path'], DEFAULT_INPUTS.parameterPath),
        recipeTag: textOr(inputs['recipe_tag'], DEFAULT_INPUTS.recipeTag),
        copyTags: Object.entries(inputs['copy_tags'] ?? {}).map(([key, value]) => ({ key, value: String(value) })),
        aws: connect(access),
        access,
        chosenBy: wordsOf(options, { accountsFile: file, only: stack.name }),
      })),
  );
  return {
    copiers,
    source: {
      account: source.name,
      accountId: source.accountId,
      regions: source.modules.map(({ region }) => region),
      topic,
      topicArnIn: (region) => topicArn(source.accountId, region, topic),
      housekeepingTopicArnIn: (region) => {
        const inputs = source.modules.find((module) => module.region === region)?.inputs ?? {};
        const { housekeeping_topic_name: named, existing_topics: isExisting } = inputs;
        if (typeof named !== 'string' && isExisting === true) return undefined;
        return topicArn(source.accountId, region, textOr(named, housekeepingTopic(topic)));
      },
      hasExistingTopicIn: (region) =>
        source.modules.some((module) => module.region === region && module.inputs['existing_topics'] === true),
      clientsIn: clientsOnce((region) => connect(accessToStack(options, source, region))),
    },
  };
}

function regionsOf(stacks: readonly Stack[]): string[] {
  return stacks.flatMap(({ modules }) => modules.map(({ region }) => region));
}

/**
 * Rejects a Region that none of the chosen accounts has.
 * @throws {UserError}
 */
export function requireRegions(named: readonly string[], known: Iterable<string>): void {
  requireKnown(named, known, (region) => `None of the chosen accounts has the Region ${region}`);
}

async function ownCopier(options: EnvironmentOptions, connect: Connect): Promise<ChosenCopier> {
  const region = await regionOf(options, connect);
  const access = { ...accessOf(options), region };
  const aws = connect(access);
  return { ...copierOf(options, await accountOf(aws), region), aws, access, chosenBy: wordsOf(options, {}) };
}

/** The account that credentials belong to. */
export async function accountOf({ sts }: AwsClients): Promise<string> {
  const { Account = '' } = await sts.send(new GetCallerIdentityCommand({}));
  return Account;
}

export function topicArn(accountId: string, region: string, topic: string): string {
  return `arn:${partitionOf(region)}:sns:${region}:${accountId}:${topic}`;
}

/** As the module names the topic for housekeeping, unless it is told otherwise. */
export function housekeepingTopic(topic: string): string {
  return `${topic}-housekeeping`;
}

function copierOf(options: EnvironmentOptions, accountId: string, region: string): Omit<Copier, 'aws'> {
  const { name, parameterPath = DEFAULT_INPUTS.parameterPath, recipeTag = DEFAULT_INPUTS.recipeTag } = options;
  return { ...DEFAULT_INPUTS, accountId, account: accountId, region, labels: {}, name, parameterPath, recipeTag };
}

/** The options that choose one account again. */
function wordsOf(
  { roleName, profile, roleArn, name }: EnvironmentOptions,
  { accountsFile, only, accounts }: { accountsFile?: string; only?: string; accounts?: string },
): string[] {
  return optionWords({
    '--accounts-file': accountsFile,
    '--only': only,
    '--accounts': accounts,
    '--role-name': roleName,
    '--role-arn': roleArn,
    '--profile': profile,
    '--name': otherName(name),
  });
}

/** The way into the account of a stack: that of the accounts file, unless the options name a role. */
function accessToStack(options: EnvironmentOptions, { access, accountId }: Stack, region: string): Access {
  const { roleName } = options;
  return accessWith(options, roleName === undefined ? access : roleIn(accountId, roleName, region), region);
}

/** A role is assumed with the credentials of the profile that was asked for; a profile of the file is a way of its own. */
function accessWith({ profile }: EnvironmentOptions, access: Access, region: string): Access {
  return { ...(access.roleArn !== undefined && profile !== undefined && { profile }), ...access, region };
}

function roleIn(accountId: string, roleName: string, region: string): Access {
  return { roleArn: `arn:${partitionOf(region)}:iam::${accountId}:role/${roleName}` };
}

/** The way into the account that the credentials of the options belong to. */
export function accessOf({ profile, roleArn, region }: Access): Access {
  return {
    ...(profile !== undefined && { profile }),
    ...(roleArn !== undefined && { roleArn }),
    ...(region !== undefined && { region }),
  };
}

/** The Region that was named, or that of the environment or the profile. */
export async function regionOf(options: Access, connect: Connect): Promise<string> {
  const aws = connect(accessOf(options));
  try {
    return await aws.region();
  } catch (error) {
    const message = 'No AWS Region. Add --region eu-west-1, or set AWS_REGION or the region of the profile.';
    throw new UserError(message, 2, { cause: error });
  } finally {
    aws.close();
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
