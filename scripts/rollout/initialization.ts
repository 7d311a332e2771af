import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CONFIGURATION = 'cdk.tf.json';
const LOCK_FILE = '.terraform.lock.hcl';
const MARK = 'initialized';

export interface InitializedFolder {
  /** The folder with the configuration and the lock file. */
  readonly directory: string;
  /** What `terraform init` fills: TF_DATA_DIR. */
  readonly dataDirectory: string;
  /** Such as linux_amd64. */
  readonly platform: string;
}

/**
 * Whether `terraform init` is needless: it was run for this configuration, these modules and this lock file, and the
 * providers are still there. Terraform itself refuses to plan or apply where that is not so, before it does anything; so a
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
    const hash = createHash('sha256');
    const files = [join(this.#folder.directory, CONFIGURATION), this.#lockFile, ...this.#moduleFiles()];
    for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
    return hash.digest('hex');
  }

  /** They say which providers are required, and may call further modules. */
  #moduleFiles(): string[] {
    const { directory } = this.#folder;
    const { module = {} } = JSON.parse(readFileSync(join(directory, CONFIGURATION), 'utf8')) as {
      module?: Readonly<Record<string, { readonly source: string }>>;
    };
    const sources = Array.from(new Set(Object.values(module).map(({ source }) => join(directory, source)))).sort();
    return sources.flatMap((source) =>
      readdirSync(source)
        .filter((name) => name.endsWith('.tf'))
        .sort()
        .map((name) => join(source, name)),
    );
  }

  /** A folder of a provider is a link into the mirror or the plugin cache, and these may be gone. */
  #hasProviders(): boolean {
    const { dataDirectory, platform } = this.#folder;
    const locked = readFileSync(this.#lockFile, 'utf8').matchAll(/^provider "(.+)" \{\s+version\s*= "(.+)"/gm);
    const folders = Array.from(locked, ([, source = '', version = '']) =>
      join(dataDirectory, 'providers', source, version, platform),
    );
    return folders.every((folder) => existsSync(folder));
  }

  get #lockFile(): string {
    return join(this.#folder.directory, LOCK_FILE);
  }
}
