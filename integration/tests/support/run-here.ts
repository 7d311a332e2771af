import { format } from 'node:util';
import { createProgram } from '../../../scripts/tool/program.ts';
import { runCommandLine } from '../../../scripts/tool/run-program.ts';
import type { Ended } from './command.ts';

let isRunning = false;

/**
 * Runs a command of the operators' tool in this process: a process of its own takes three times as long. `startCommand` is
 * for what only such a process shows: signals, terminals, and what is said of wrong options.
 * @throws {Error} if another command runs at this moment: what they say could not be told apart
 */
export async function runHere(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Ended> {
  if (isRunning) throw new Error('A command runs here already.');
  isRunning = true;
  const written = { stdout: '', stderr: '' };
  const { log, error } = console;
  const variables = { ...process.env };
  console.log = (...data: unknown[]) => (written.stdout += `${format(...data)}\n`);
  console.error = (...data: unknown[]) => (written.stderr += `${format(...data)}\n`);
  replaceVariables(environment);
  process.exitCode = 0;
  try {
    await runCommandLine(createProgram(), args);
    return { code: process.exitCode, ...written };
  } finally {
    isRunning = false;
    process.exitCode = 0;
    replaceVariables(variables);
    Object.assign(console, { log, error });
  }
}

function replaceVariables(variables: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in variables)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, variables);
}
