import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TerraformProgram } from './require-terraform.ts';

const CONFIGURATION = 'cdk.tf.json';
const LOCK_FILE = '.terraform.lock.hcl';
const MARK = 'initialized';

/** What `terraform init` reads of a configuration. The inputs of a module are not for it. */
interface Configuration {
  /** The backend, and the providers that are required. */
  readonly terraform?: object;
  readonly module?: Readonly<Record<string, { readonly source: string }>>;
  readonly provider?: object;
}

export interface InitializedFolder {
  /** The folder with the configuration and the lock file. */
  readonly directory: string;
  /** What `terraform init` fills: TF_DATA_DIR. */
  readonly dataDirectory: string;
  readonly program: Pick<TerraformProgram, 'name' | 'version' | 'platform'>;
}

/**
 * Whether `terraform init` is needless: this program has run it for this backend, these providers, modules and lock file, and
 * the providers are still there. Terraform itself refuses to plan or apply where that is not so, before it does anything; so a
 * mark that is wrong fails a run, and no more.
 */
export class Initialization {
  readonly #folder: InitializedFolder;
  readonly #mark: string;

  constructor(folder: InitializedFolder) {
    this.#folder = folder;
    this.#mark = join(folder.dataDirectory, MARK);
  }

  get stands(): boolean {
    return existsSync(this.#mark) && readFileSync(this.#mark, 'utf8') === this.#digest() && this.#hasProviders();
  }

  remember(): void {
    writeFileSync(this.#mark, this.#digest());
  }

  forget(): void {
    rmSync(this.#mark, { force: true });
  }

  #digest(): string {
    const { directory, program } = this.#folder;
    const { name: programName, version } = program;
    const configuration = readFileSync(join(directory, CONFIGURATION), 'utf8');
    const { terraform, module = {}, provider = {} } = JSON.parse(configuration) as Configuration;
    const sources = Object.entries(module).map(([name, { source }]) => [name, source] as const);
    const hash = createHash('sha256').update(
      JSON.stringify([programName, version, terraform, sources, Object.keys(provider)]),
    );
    for (const file of [this.#lockFile, ...filesOf(sources.map(([, source]) => join(directory, source)))]) {
      hash.update(`\0${file}\0`).update(readFileSync(file));
    }
    return hash.digest('hex');
  }

  /** A folder of a provider is a link into the mirror or the plugin cache, and these may be gone. */
  #hasProviders(): boolean {
    const { dataDirectory, program } = this.#folder;
    const locked = readFileSync(this.#lockFile, 'utf8').matchAll(/^provider "(.+)" \{\s+version\s*= "(.+)"/gm);
    const folders = Array.from(locked, ([, source = '', version = '']) =>
      join(dataDirectory, 'providers', source, version, program.platform),
    );
    return folders.every((folder) => existsSync(folder));
  }

  get #lockFile(): string {
    return join(this.#folder.directory, LOCK_FILE);
  }
}

/** The files of modules, and of the modules in them: they say which providers are required, and which modules are called. */
function filesOf(modules: readonly string[]): string[] {
  const files = modules.flatMap((module) =>
    readdirSync(module, { recursive: true, encoding: 'utf8' })
      // Without what Terraform made, where somebody ran it in the folder.
      .filter((name) => name.endsWith('.tf') && !name.startsWith('.terraform'))
      .map((name) => join(module, name)),
  );
  return Array.from(new Set(files)).sort();
}
