import { existsSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join, relative } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { AccountsFileError } from '../../terraform/stacks/accounts-file.ts';
import { ROOT } from '../paths.ts';
import { ChoiceError } from '../rollout/choose-stacks.ts';
import { Deployment } from '../rollout/deployment.ts';
import { LastRunError } from '../rollout/last-run.ts';
import { CommandError } from '../run-command.ts';
import { SetupError } from '../setup-error.ts';
import { requireTerraform } from '../terraform.ts';
import { UserError } from './user-error.ts';

export interface DeploymentOptions {
  readonly accounts: string;
  readonly out: string;
  readonly functionZip?: string;
  readonly upgrade?: true;
  readonly parallel: number;
  readonly json?: true;
}

const DEFAULT_ACCOUNTS = 'accounts.yaml';
const DEFAULT_OUT = '.image-copier';
const DEFAULT_ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');
// Measured (docs/rollout.md): a run of Terraform with its provider takes so much, and mostly waits.
const MIB_A_RUN = 800;
const RUNS_A_CORE = 3;
const MAX_PARALLEL = 8;

/** Adds the options that say which accounts there are, and how Terraform runs for them. */
export function addDeploymentOptions(command: Command): Command {
  return command
    .option('--accounts <file>', 'the accounts file', DEFAULT_ACCOUNTS)
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

/** Collects a list that is given with commas, or by several options. */
export function list(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(',').filter((part) => part !== '')];
}

/**
 * Does something with the stacks of the accounts file.
 * @throws {UserError} for what the user can mend in the file, the options or the machine
 */
export async function withDeployment<T>(
  options: DeploymentOptions,
  use: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  try {
    return await use(open(options));
  } catch (error) {
    const isUsers =
      error instanceof AccountsFileError ||
      error instanceof ChoiceError ||
      error instanceof LastRunError ||
      error instanceof SetupError;
    if (isUsers) throw new UserError(error.message, 2, { cause: error });
    if (error instanceof CommandError) throw new UserError(error.message, 1, { cause: error });
    throw error;
  }
}

/** How to run another command for the same accounts file and folder. */
export function commandLine(command: string, { accounts, out }: DeploymentOptions): string {
  const place = [
    ...(accounts === DEFAULT_ACCOUNTS ? [] : ['--accounts', accounts]),
    ...(out === DEFAULT_OUT ? [] : ['--out', out]),
  ];
  return ['npm run image-copier --', command, ...place].join(' ');
}

function open({ accounts, out, functionZip, upgrade }: DeploymentOptions): Deployment {
  requireTerraform();
  if (!existsSync(accounts)) {
    throw new UserError(
      `There is no ${accounts}. Name your accounts file with --accounts; terraform/stacks/README.md tells how to write one.`,
      2,
    );
  }
  if (functionZip !== undefined && !existsSync(functionZip)) throw new UserError(`There is no ${functionZip}.`, 2);
  const deployment = Deployment.open({
    accountsFile: accounts,
    out,
    functionZip: functionZip ?? DEFAULT_ZIP,
    upgrade: upgrade ?? false,
    apart: true,
    env: process.env,
  });
  const needsOurs = deployment.stacks.some(({ kind, modules }) =>
    modules.some(({ inputs }) => kind === 'target' && inputs['function_zip'] === undefined),
  );
  if (functionZip === undefined && needsOurs && !existsSync(DEFAULT_ZIP)) {
    throw new UserError(`There is no ${relative(ROOT, DEFAULT_ZIP)}. Run "make build" first.`, 2);
  }
  return deployment;
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
