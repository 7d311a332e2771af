import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CommandError, runCommand } from '../common/run-command.ts';
import { UserError } from '../common/user-error.ts';
import { requireTerraform } from './require-terraform.ts';
import { changesIn, type ResourceChange } from './resource-changes.ts';
import { dataDirectoryIn, terraformEnvironment } from './terraform-environment.ts';

export interface TerraformRootOptions {
  /** The folder with the configuration. */
  readonly directory: string;
  /** Where logs and Terraform's own files go. */
  readonly workDirectory: string;
  /**
   * Values of the configuration's variables. The state is then in the work directory. Without them the configuration says
   * all itself, and where its state is.
   */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** With the credentials, the Region and, for an emulator, the endpoint. */
  readonly env: NodeJS.ProcessEnv;
  readonly logFile?: string;
  /** Whether init is to find the newest provider; by default it may take an older one that this machine has. */
  readonly upgrade?: boolean;
  /** Whether Terraform is kept from the signals of the terminal; they come by {@link TerraformRoot.interrupt} alone. */
  readonly apart?: boolean;
}

/** What a command did to resources, or a plan would do. */
export interface Changes {
  readonly added: number;
  readonly changed: number;
  readonly destroyed: number;
  /** What a plan would change; no field if nothing. */
  readonly resources?: readonly ResourceChange[];
}

/** Is told, as a command goes on, how many of the planned changes are made. */
export type ChangeProgress = (done: number, planned: number) => void;

/** One configuration with a state of its own. Nothing is written into its folder but the (ignored) lock file. */
export class TerraformRoot {
  readonly #directory: string;
  readonly #work: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #logFile: string;
  readonly #upgrade: boolean;
  readonly #apart: boolean;
  readonly #state: string[] = [];
  readonly #variables: string[] = [];
  #child: ChildProcess | undefined;

  constructor(options: TerraformRootOptions) {
    const { directory, workDirectory, variables, env, logFile, upgrade = false, apart = false } = options;
    mkdirSync(workDirectory, { recursive: true });
    this.#directory = directory;
    // Terraform runs in another folder: there, a path from here would name another folder.
    this.#work = resolve(workDirectory);
    this.#env = env;
    this.#logFile = logFile ?? join(this.#work, 'terraform.log');
    this.#upgrade = upgrade;
    this.#apart = apart;
    if (!variables) return;
    const file = join(this.#work, 'variables.tfvars.json');
    writeFileSync(file, JSON.stringify(variables));
    this.#state = [`-state=${join(this.#work, 'terraform.tfstate')}`];
    this.#variables = [`-var-file=${file}`];
  }

  /**
   * Prepares the folder. A configuration with variables is one of this repository, and Git ignores its lock file: that of an
   * earlier run must not hold on to a provider that the mirror no longer has.
   */
  async init(): Promise<void> {
    await this.#run(['init', ...(this.#variables.length > 0 ? ['-upgrade'] : [])]);
  }

  async apply(progress?: ChangeProgress): Promise<Changes> {
    return await this.#change(['apply', '-auto-approve'], progress);
  }

  /** What an apply would do. The log says in which of their arguments. */
  async plan(): Promise<Changes> {
    const output = await this.#run(['plan', ...this.#state, ...this.#variables]);
    const resources = changesIn(output);
    return { ...countChanges(output), ...(resources.length > 0 && { resources }) };
  }

  async destroy(progress?: ChangeProgress): Promise<Changes> {
    return await this.#change(['destroy', '-auto-approve'], progress);
  }

  /** The outputs' values by name. */
  async outputs(): Promise<Record<string, unknown>> {
    const outputs = JSON.parse(await this.#run(['output', '-json', ...this.#state])) as Record<
      string,
      { value: unknown }
    >;
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  }

  /** Asks a running command to end what it has begun, write its state and stop; the second time, to stop at once. */
  interrupt(): void {
    this.#child?.kill('SIGINT');
  }

  /** Where Terraform keeps what `init` prepares: links to providers, the list of modules, which backend. */
  get dataDirectory(): string {
    return dataDirectoryIn(this.#work);
  }

  /** The process of the running command. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async #change(command: string[], progress?: ChangeProgress): Promise<Changes> {
    let planned = 0;
    let done = 0;
    const onLine = (line: string) => {
      if (line.startsWith('Plan: ')) {
        planned = total(countChanges(line));
        progress?.(done, planned);
      }
      if (!/: (Creation|Modifications|Destruction) complete after /.test(line)) return;
      done += 1;
      progress?.(done, planned);
    };
    return countChanges(await this.#run([...command, ...this.#state, ...this.#variables], onLine));
  }

  async #run(args: string[], onLine?: (line: string) => void): Promise<string> {
    try {
      const { command } = await requireTerraform(this.#env);
      return await runCommand(command, args, {
        cwd: this.#directory,
        env: await terraformEnvironment(this.#work, this.#env, this.#upgrade),
        logFile: this.#logFile,
        apart: this.#apart,
        onStart: (child) => (this.#child = child),
        ...(onLine && { onLine }),
      });
    } catch (error) {
      throw error instanceof CommandError ? (lockErrorIn(error) ?? error) : error;
    } finally {
      this.#child = undefined;
    }
  }
}

/**
 * What to say where another run holds the lock of the state. Terraform's own words end with how to do without locks, which
 * would let two runs write one state.
 */
function lockErrorIn(error: CommandError): UserError | undefined {
  const { tail, logFile } = error;
  if (!tail.includes('Error acquiring the state lock')) return undefined;
  const fact = (name: string) => new RegExp(`^ *${name}: +(\\S.*?)\\s*$`, 'm').exec(tail)?.[1];
  const created = /^(\S+ \d\d:\d\d):.* UTC$/.exec(fact('Created') ?? '')?.[1];
  const holder = fact('Who') ?? 'another run';
  const since = created === undefined ? '' : ` since ${created} UTC`;
  return new UserError(
    `Its state is locked by ${holder}${since}: try again when that run has ended (${logFile} has the id of the lock).`,
    1,
    { cause: error },
  );
}

/** The counts of the last line that has any: of a plan, or of what was done. */
function countChanges(output: string): Changes {
  const line = output.match(/^(Plan:|Apply complete!|Destroy complete!).*$/gm)?.at(-1) ?? '';
  const count = (what: string) => Number(new RegExp(`(\\d+) (?:to )?${what}`).exec(line)?.[1] ?? 0);
  return { added: count('add'), changed: count('change'), destroyed: count('destroy') };
}

function total({ added, changed, destroyed }: Changes): number {
  return added + changed + destroyed;
}
