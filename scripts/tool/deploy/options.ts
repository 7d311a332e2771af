import { availableParallelism, freemem } from 'node:os';
import { Option, type Command } from 'commander';
import { commandLine, optionWords } from '../common/command-line.ts';
import { wholeNumber } from '../common/option-values.ts';

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
        .argParser(wholeNumber(1, 999))
        .default(defaultParallel()),
    )
    .option(
      '--function-zip <file>',
      'the functions, for accounts that name none; by default those that came with this tool',
    )
    .option('--json', 'print a JSON array with what became of each account');
}

/** How to run another command for the same accounts file and folder. */
export function sameDeployment(
  program: string,
  words: readonly string[],
  { accountsFile, out }: DeploymentOptions,
): string {
  const others = optionWords({
    '--accounts-file': accountsFile === DEFAULT_ACCOUNTS ? undefined : accountsFile,
    '--out': out === DEFAULT_OUT ? undefined : out,
  });
  return commandLine(program, [...words, ...others]);
}

/** As many accounts at a time as the processors and the free memory of this machine allow. */
export function defaultParallel(): number {
  return parallelFor(availableParallelism(), freemem() / 2 ** 20);
}

/** As many accounts at a time as some processors and some free memory allow. */
export function parallelFor(processors: number, freeMib: number): number {
  return Math.max(1, Math.min(MAX_PARALLEL, RUNS_A_CORE * processors, Math.floor(freeMib / MIB_A_RUN)));
}
