import { availableParallelism, freemem } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';

export interface DeploymentOptions {
  readonly accountsFile: string;
  readonly out: string;
  readonly functionZip?: string;
  readonly upgrade?: true;
  readonly parallel: number;
  readonly json?: true;
}

const DEFAULT_ACCOUNTS = 'accounts.yaml';
const DEFAULT_OUT = '.image-copier';
// Measured (docs/rollout.md): a run of Terraform with its provider takes so much, and mostly waits.
const MIB_A_RUN = 800;
const RUNS_A_CORE = 3;
const MAX_PARALLEL = 8;

/** Adds the options that say which accounts there are, and how Terraform runs for them. */
export function addDeploymentOptions(command: Command): Command {
  return command
    .option('--accounts-file <file>', 'the accounts file', DEFAULT_ACCOUNTS)
    .option(
      '--out <folder>',
      'for configurations, logs and, unless the accounts file says otherwise, states',
      DEFAULT_OUT,
    )
    .addOption(
      new Option('--parallel <n>', 'accounts at a time; by default as many as the processors and the free memory allow')
        .argParser(count)
        .default(defaultParallel()),
    )
    .option('--function-zip <file>', 'the functions, for accounts that name none; by default what "make build" made')
    .option('--json', 'print a JSON array with what became of each account');
}

/** How to run another command for the same accounts file and folder. */
export function commandLine(command: string, { accountsFile, out }: DeploymentOptions): string {
  const place = [
    ...(accountsFile === DEFAULT_ACCOUNTS ? [] : ['--accounts-file', accountsFile]),
    ...(out === DEFAULT_OUT ? [] : ['--out', out]),
  ];
  return ['npx image-copier', command, ...place].join(' ');
}

function count(value: string): number {
  if (/^[1-9]\d{0,2}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a number from 1.');
}

/** As many accounts at a time as the processors and the free memory allow. */
export function defaultParallel(): number {
  const byMemory = Math.floor(freemem() / 2 ** 20 / MIB_A_RUN);
  return Math.max(1, Math.min(MAX_PARALLEL, RUNS_A_CORE * availableParallelism(), byMemory));
}
