import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { App, LocalBackend, S3Backend, TerraformHclModule, TerraformOutput, TerraformStack } from 'cdktn';
import { AwsProvider } from './aws-provider.ts';
import { mapTexts, type ModuleCall, type Stack, type StackEntry } from './stacks.ts';

/** The list of the stacks, in the output folder. */
const STACKS_FILE = 'stacks.json';

export interface SynthesisOptions {
  /** The folder with the Terraform modules. Handed in: a bundle stands in another folder than this file. */
  readonly modules: string;
  /** The output folder. */
  readonly out: string;
  /** The accounts file: paths in it start at its folder. */
  readonly accountsFile: string;
  /** The zip with the functions, for accounts that name none. Without it the modules take what `make build` made. */
  readonly functionZip?: string;
}

/**
 * Writes each stack into a folder of its own in the output folder, and the list of the stacks. The same stacks give the same
 * bytes. Folders of stacks that are no longer planned stay: Terraform needs them to destroy what stands there.
 */
export function synthesizeStacks(stacks: readonly Stack[], options: SynthesisOptions): StackEntry[] {
  const app = new App({ outdir: createFolder(options.out) });
  const entries = stacks.map((stack) => {
    // Links resolved: Terraform reads a path such as ../../x from where the folder really is.
    const folder = realpathSync(createFolder(join(options.out, stack.directory)));
    const construct = new AccountStack(app, stack, folder, options);
    construct.prepareStack();
    write(join(folder, 'cdk.tf.json'), withoutMetadata(construct.toTerraform()));
    const { name, kind, accountId, regions, labels, directory } = stack;
    return { name, kind, accountId, regions, labels, directory };
  });
  write(join(options.out, STACKS_FILE), entries);
  return entries;
}

/** One account: a provider and a module call for each Region. */
class AccountStack extends TerraformStack {
  readonly #folder: string;
  readonly #options: SynthesisOptions;

  constructor(app: App, stack: Stack, folder: string, options: SynthesisOptions) {
    super(app, stack.name);
    this.#folder = folder;
    this.#options = options;
    this.#addBackend(stack);
    const { accountId, access } = stack;
    const providers = new Map(
      [...stack.regions, ...stack.retiredRegions]
        .sort()
        .map((region) => [region, new AwsProvider(this, { region, accountId, access })]),
    );
    const modules = stack.modules.map((call) => {
      const provider = providers.get(call.region);
      if (!provider) throw new Error(`no provider for ${call.region}`);
      return { region: call.region, module: this.#addModule(call, provider) };
    });
    this.#addOutputs(stack, modules);
  }

  #addBackend({ backend }: Stack): void {
    if (backend.type === 's3') {
      const { bucket, region, key } = backend;
      new S3Backend(this, { bucket, region, key, encrypt: true, useLockfile: true });
      return;
    }
    const folder =
      backend.folder === undefined ? join(this.#options.out, 'states') : this.#fromAccountsFile(backend.folder);
    new LocalBackend(this, { path: this.#fromHere(createFolder(folder), backend.file) });
  }

  #addModule({ module, region, inputs }: ModuleCall, provider: AwsProvider): TerraformHclModule {
    const call = new TerraformHclModule(this, `${module}-${region}`, {
      source: this.#fromHere(join(this.#options.modules, module)),
      // The source stays as it is; otherwise cdktn copies the folder of the module, with all that Terraform put there.
      skipAssetCreationFromLocalModules: true,
      providers: [provider],
      variables: literal({ ...inputs, ...this.#functionZip(inputs['function_zip']) }),
    });
    // It is in the address of each resource, so it is not left to cdktn.
    call.overrideLogicalId(`${module}-${region}`);
    return call;
  }

  #functionZip(own: ModuleCall['inputs'][string] | undefined): { function_zip?: string } {
    const { functionZip } = this.#options;
    const zip =
      typeof own === 'string'
        ? this.#fromAccountsFile(own)
        : functionZip !== undefined
          ? resolve(functionZip)
          : undefined;
    return zip === undefined ? {} : { function_zip: this.#fromHere(dirname(zip), basename(zip)) };
  }

  #addOutputs({ kind }: Stack, modules: readonly { region: string; module: TerraformHclModule }[]): void {
    const add = (name: string, description: string, attribute: string) => {
      const value = Object.fromEntries(
        modules.map(({ region, module }) => [region, `\${module.${module.friendlyUniqueId}${attribute}}`]),
      );
      new TerraformOutput(this, name, { description, value });
    };
    if (kind === 'target') {
      add('copiers', 'By Region, everything that the copier has as outputs.', '');
      return;
    }
    add('housekeeping_topic_arns', 'By Region, ARN of the topic for retirement requests.', '.housekeeping_topic_arn');
    add('request_topic_arns', 'By Region, ARN of the topic for copy requests.', '.request_topic_arn');
    add('results_topic_arns', 'By Region, ARN of the topic for results.', '.results_topic_arn');
  }

  #fromAccountsFile(path: string): string {
    return resolve(dirname(resolve(this.#options.accountsFile)), path);
  }

  /** A path from the folder of the stack. The folder that it goes through is there, or is taken as it is named. */
  #fromHere(folder: string, file = ''): string {
    const real = existsSync(folder) ? realpathSync(folder) : folder;
    return join(relative(this.#folder, real), file);
  }
}

/** Strings that Terraform takes as they are: it would read ${ and %{ as the start of an expression. */
function literal(inputs: ModuleCall['inputs']): Record<string, unknown> {
  const escape = (text: string) => text.replaceAll(/[$%](?=\{)/g, (sign) => sign + sign);
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, mapTexts(value, escape)]));
}

/** Without cdktn's comments, which change with its version. */
function withoutMetadata(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMetadata);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (key === '//' ? [] : [[key, withoutMetadata(member)]])),
  );
}

/** Writes JSON with its keys sorted, if the file is not the same already. */
function write(file: string, value: unknown): void {
  const json = `${JSON.stringify(sortedKeys(value), null, 2)}\n`;
  if (!existsSync(file) || readFileSync(file, 'utf8') !== json) writeFileSync(file, json);
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sortedKeys(member)]),
  );
}

function createFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return folder;
}
