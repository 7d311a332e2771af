import { SOURCE_NAME, type AccountsFile, type Inputs } from './accounts-file.ts';
import type { InputValue } from './input-limits.ts';
import { partitionOf } from './regions.ts';

/** What `stacks.json` in the output folder tells of each stack: the source account first, then the targets in the order of the file. */
export interface StackEntry {
  /** Name of the stack, of its folder and of its state. */
  readonly name: string;
  readonly kind: 'source' | 'target';
  readonly accountId: string;
  /** In the order of the alphabet. */
  readonly regions: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The folder to run Terraform in, relative to the output folder. */
  readonly directory: string;
}

/** One stack: a state of its own, with the parts of one account in all its Regions. */
export interface Stack extends StackEntry {
  readonly access: Access;
  readonly modules: readonly ModuleCall[];
  /** Regions without a module call whose provider Terraform still needs, to destroy what stands there. */
  readonly retiredRegions: readonly string[];
  readonly backend: StackBackend;
}

/** How Terraform reaches the account. */
export type Access = { readonly roleArn: string } | { readonly profile: string };

/** A call of one of the modules in terraform/modules, in one Region. */
export interface ModuleCall {
  readonly module: 'source-account' | 'image-copier';
  readonly region: string;
  readonly inputs: Readonly<Record<string, InputValue>>;
}

type StackBackend =
  | { readonly type: 's3'; readonly bucket: string; readonly region: string; readonly key: string }
  /** The folder is relative to the accounts file; without one the state is below the output folder. */
  | { readonly type: 'local'; readonly folder: string | undefined; readonly file: string };

const DEFAULT_KEY_PREFIX = 'image-copier/';

/** The stacks of an accounts file: what stands where, and from which inputs. */
export function planStacks(file: AccountsFile): Stack[] {
  return [sourceStack(file), ...file.accounts.map((account) => targetStack(file, account))];
}

function sourceStack(file: AccountsFile): Stack {
  const { source, topic, organizationId, defaults } = file;
  const regions = sorted(file.accounts.flatMap((account) => regionsOf(file, account)));
  const { name = SOURCE_NAME } = source;
  return {
    ...entry(name, 'source', source.id, regions, {}),
    access: accessOf(source, defaults, source.id, regions),
    modules: regions.map((region) => ({
      module: 'source-account',
      region,
      inputs: {
        ...resolved(source.inputs ?? {}, source.id, region),
        name: topic,
        ...(source.existingTopics?.includes(region) && { existing_topics: true }),
        // With an organization, a new account leaves this stack as it is.
        ...(organizationId === undefined
          ? { target_account_ids: subscribersIn(file, region) }
          : { organization_id: organizationId }),
        // Wherever an image is baked, all accounts can have it.
        ...(source.inputs?.['publisher'] && { publisher_targets: targetsOf(file) }),
      },
    })),
    retiredRegions: sorted(source.retiredRegions ?? []),
    backend: backendOf(file, name),
  };
}

function targetStack(file: AccountsFile, account: TargetAccount): Stack {
  const { source, topic, defaults } = file;
  const regions = regionsOf(file, account);
  return {
    ...entry(account.name, 'target', account.id, regions, { ...defaults?.labels, ...account.labels }),
    access: accessOf(account, defaults, account.id, regions),
    modules: regions.map((region) => {
      // Built, not read from the source account's state: a target needs nothing of it.
      const topics = `arn:${partitionOf(region)}:sns:${region}:${source.id}:`;
      const housekeeping = housekeepingTopicIn(file, region);
      return {
        module: 'image-copier',
        region,
        inputs: {
          ...resolved({ ...defaults?.inputs, ...account.inputs }, account.id, region),
          request_topic_arn: `${topics}${topic}`,
          results_topic_arn: `${topics}${topic}-results`,
          ...(housekeeping !== undefined && { housekeeping_topic_arn: `${topics}${housekeeping}` }),
        },
      };
    }),
    retiredRegions: sorted(account.retiredRegions ?? []),
    backend: backendOf(file, account.name),
  };
}

type TargetAccount = AccountsFile['accounts'][number];

function entry(
  name: string,
  kind: StackEntry['kind'],
  accountId: string,
  regions: readonly string[],
  labels: Readonly<Record<string, string>>,
): StackEntry {
  return { name, kind, accountId, regions, labels, directory: `stacks/${name}` };
}

function regionsOf({ defaults }: AccountsFile, { regions }: TargetAccount): string[] {
  return sorted(regions ?? defaults?.regions ?? []);
}

function subscribersIn(file: AccountsFile, region: string): string[] {
  return sorted(file.accounts.filter((account) => regionsOf(file, account).includes(region)).map(({ id }) => id));
}

/** All accounts, as an image can be meant for them. */
function targetsOf(file: AccountsFile): InputValue[] {
  return file.accounts.map((account) => {
    const { id, labels } = account;
    return { id, labels: { ...file.defaults?.labels, ...labels }, regions: regionsOf(file, account) };
  });
}

/** The name of the topic for housekeeping; none where another system's topics are used and its name is not given. */
function housekeepingTopicIn({ source, topic }: AccountsFile, region: string): string | undefined {
  const given = source.inputs?.['housekeeping_topic_name'];
  if (typeof given === 'string') return given;
  return source.existingTopics?.includes(region) ? undefined : `${topic}-housekeeping`;
}

/** An account's own way in replaces the default one, whichever it is. */
function accessOf(
  own: AccessFields,
  defaults: AccountsFile['defaults'],
  accountId: string,
  [region]: readonly string[],
): Access {
  const { roleName, roleArn, profile }: AccessFields = isAccess(own) ? own : (defaults ?? {});
  if (profile !== undefined) return { profile };
  if (roleArn !== undefined) return { roleArn };
  if (roleName === undefined || region === undefined) throw new Error(`no way into account ${accountId}`);
  return { roleArn: `arn:${partitionOf(region)}:iam::${accountId}:role/${roleName}` };
}

interface AccessFields {
  readonly roleName?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly profile?: string | undefined;
}

function isAccess({ roleName, roleArn, profile }: AccessFields): boolean {
  return [roleName, roleArn, profile].some((way) => way !== undefined);
}

function backendOf({ backend }: AccountsFile, name: string): StackBackend {
  if (backend?.type === 's3') {
    const { bucket, region, keyPrefix = DEFAULT_KEY_PREFIX } = backend;
    return { type: 's3', bucket, region, key: `${keyPrefix}${name}.tfstate` };
  }
  return { type: 'local', folder: backend?.path, file: `${name}.tfstate` };
}

/** The inputs for one account and Region: placeholders filled in, and without those that are null, the module's default. */
function resolved(inputs: Inputs, accountId: string, region: string): ModuleCall['inputs'] {
  const fill = (text: string) => text.replaceAll('{account}', accountId).replaceAll('{region}', region);
  const filled: Record<string, ModuleCall['inputs'][string]> = {};
  for (const [name, value] of Object.entries(inputs)) {
    if (value === null) continue;
    filled[name] = mapTexts(value, fill);
  }
  return filled;
}

/** The value with each text in it changed, keys of maps too. */
export function mapTexts(value: InputValue, change: (text: string) => string): InputValue {
  if (typeof value === 'string') return change(value);
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: InputValue) => mapTexts(item, change));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [change(key), mapTexts(member, change)]));
}

function sorted(values: readonly string[]): string[] {
  return Array.from(new Set(values)).sort();
}
