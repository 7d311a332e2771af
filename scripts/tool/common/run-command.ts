import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from './user-error.ts';

/** Takes an output: an open file, that of this process, or a function that is called with each piece. */
type Sink = number | 'inherit' | ((text: string) => void);

interface ProcessOptions {
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
  /** By default there is nothing to read. */
  readonly stdin?: 'inherit';
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Is given the process once it runs. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Whether it has a process group of its own, so that Ctrl-C does not reach it. */
  readonly apart?: boolean;
}

interface CommandOptions extends Omit<ProcessOptions, 'stdin' | 'stdout' | 'stderr'> {
  /** Where standard output and error go; earlier contents stay. */
  readonly logFile: string;
  /** Is given each line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
}

/** A command that ended with a code other than 0. Its message shows the last lines of its output. */
export class CommandError extends UserError {
  override readonly name = 'CommandError';

  /** The last lines of its output. */
  readonly tail: string;
  /** Where all of it is. */
  readonly logFile: string;

  constructor(command: string, code: number | null, tail: string, logFile: string) {
    super(`${command} failed (exit code ${code ?? 'none'}). Its last lines, all of them in ${logFile}:\n${tail}`, 1);
    this.tail = tail;
    this.logFile = logFile;
  }
}

const TAIL_LINES = 25;

/**
 * Runs a program until it has ended and its outputs are closed.
 * @returns its exit code; null if a signal ended it
 * @throws {UserError} if it cannot be run
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, stdin, stdout, stderr, onStart, apart = false }: ProcessOptions,
): Promise<number | null> {
  const [out, err] = [stdout, stderr].map((sink) => (typeof sink === 'function' ? 'pipe' : sink));
  const child = spawn(program, args, { cwd, env, stdio: [stdin ?? 'ignore', out, err], detached: apart });
  if (typeof stdout === 'function') child.stdout?.setEncoding('utf8').on('data', stdout);
  if (typeof stderr === 'function') child.stderr?.setEncoding('utf8').on('data', stderr);
  if (child.pid !== undefined) onStart?.(child);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  } catch (error) {
    throw new UserError(`${program} cannot be run (${String(error)}).`, 2, { cause: error });
  }
}

/**
 * Runs a command to its end and returns its standard output.
 * @throws {CommandError} if it ends with a code other than 0
 * @throws {UserError} if it cannot be run
 */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { logFile, onLine, onStart, ...rest } = options;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    let output = '';
    const exitCode = await runProgram(command, args, {
      ...rest,
      stdout: (text) => {
        output += text;
        appendFileSync(log, text);
      },
      stderr: (text) => {
        appendFileSync(log, text);
      },
      onStart: (child) => {
        if (onLine && child.stdout) createInterface(child.stdout).on('line', onLine);
        onStart?.(child);
      },
    });
    if (exitCode === 0) return output;
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n');
    throw new CommandError(`${command} ${args[0] ?? ''}`, exitCode, lines.slice(-TAIL_LINES).join('\n'), logFile);
  } finally {
    closeSync(log);
  }
}
