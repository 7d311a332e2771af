import { makeConnect } from '../../../scripts/tool/common/aws-clients.ts';
import { interruptible } from '../../../scripts/tool/common/interruption.ts';
import { runTool } from '../../../scripts/tool/run-tool.ts';
import type { Ended } from './command.ts';

let isRunning = false;

/**
 * Runs a command of the operators' tool in this process: a process of its own takes three times as long. `startCommand` is
 * for what only such a process shows: signals, terminals, and what is said of wrong options.
 * @param answer to what it asks; without it there is nobody to ask
 * @throws {Error} if another command runs at this moment: both would need the environment variables for themselves
 */
export async function runHere(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  answer?: boolean,
): Promise<Ended> {
  if (isRunning) throw new Error('A command runs here already.');
  isRunning = true;
  const written = { stdout: '', stderr: '' };
  const variables = { ...process.env };
  // The SDK reads them itself.
  replaceVariables(environment);
  try {
    const code = await runTool(args, {
      program: 'image-copier',
      terminal: {
        out: { write: (text) => (written.stdout += text), size: undefined },
        err: { write: (text) => (written.stderr += text), size: undefined },
        canAsk: answer !== undefined,
        confirm: () =>
          answer === undefined ? Promise.reject(new Error('nobody is there to ask')) : Promise.resolve(answer),
      },
      loadConnect: () => Promise.resolve(makeConnect()),
      env: environment,
      interruptible,
    });
    return { code, ...written };
  } finally {
    isRunning = false;
    replaceVariables(variables);
  }
}

function replaceVariables(variables: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in variables)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, variables);
}
