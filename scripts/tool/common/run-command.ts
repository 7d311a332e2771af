import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from './user-error.ts';

export interface CommandOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where standard output and error go; earlier contents stay. */
  readonly logFile: string;
  /** Is given each line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
  /** Is given the process once it runs. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Whether it has a process group of its own, so that Ctrl-C does not reach it. */
  readonly apart?: boolean;
}

/** A command that ended with a code other than 0. Its message shows the last lines of its output. */
export class CommandError extends UserError {
  override readonly name = 'CommandError';

  constructor(command: string, code: number | null, tail: string, logFile: string) {
    super(`${command} failed (exit code ${code ?? 'none'}). Its last lines, all of them in ${logFile}:\n${tail}`, 1);
  }
}

const TAIL_LINES = 25;

/**
 * Runs a command to its end and returns its standard output.
 * @throws {CommandError} if it ends with a code other than 0
 */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { cwd, env, logFile, onLine, onStart, apart = false } = options;
  await mkdir(dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile, { flags: 'a' });
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: apart });
  onStart?.(child);
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  if (onLine) createInterface(child.stdout).on('line', onLine);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  log.end();
  await once(log, 'close');
  if (exitCode === 0) return Buffer.concat(output).toString();
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
  throw new CommandError(`${command} ${args[0] ?? ''}`, exitCode, lines.slice(-TAIL_LINES).join('\n'), logFile);
}
