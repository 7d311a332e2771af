import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { CACHE, ROOT } from '../../../scripts/tool/common/paths.ts';

/** What users run, on the Node on PATH. `make build` made what it loads. */
const COMMAND = [join(ROOT, 'scripts', 'tool', 'image-copier.mjs')];
const PYTHON = join(CACHE, 'localstack', 'venv', 'bin', 'python');
const ON_TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
// A new terminal has no size: the command would take it for one that does not know its width.
const IN_100_COLUMNS = ['sh', '-c', 'stty columns 100 rows 24; exec "$@"', 'sh'];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs another on a terminal of 100 columns: what is typed there comes from standard input. */
export function onTerminal(command: readonly string[]): string[] {
  return [PYTHON, '-c', ON_TERMINAL, ...IN_100_COLUMNS, ...command];
}

/**
 * Starts the operators' tool without the settings of the one who runs the tests.
 * @param on what it runs on: on a terminal, both outputs come as one
 */
export function startCommand(args: readonly string[], environment: NodeJS.ProcessEnv, on?: 'terminal') {
  const { PATH } = process.env;
  const env = { PATH, HOME: join(CACHE, 'nobody'), AWS_EC2_METADATA_DISABLED: 'true', ...environment };
  const command = [...COMMAND, ...args];
  const [program = '', ...rest] = on ? onTerminal(command) : command;
  const child = spawn(program, rest, { cwd: ROOT, env });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]: (number | null)[]): Ended => ({ code: code ?? null, ...output }));
  return { child, output, ended };
}
