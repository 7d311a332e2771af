import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CACHE, ROOT } from '../paths.ts';
import { CommandError, runCommand } from '../run-command.ts';
import { SetupError } from '../setup-error.ts';

const LOCK_DIRECTORY = join(ROOT, 'integration', 'localstack');
const REQUIREMENTS = join(LOCK_DIRECTORY, 'requirements.txt');
const UV_REQUIREMENTS = join(LOCK_DIRECTORY, 'uv.txt');
const VENV = join(CACHE, 'localstack', 'venv');
const STAMP = join(CACHE, 'localstack', 'installed');
const LOG = join(CACHE, 'localstack', 'install.log');
const UV_DIRECTORY = join(CACHE, 'uv');
// LocalStack uses the syntax of 3.12, and its locked packages have no wheels from 3.14 on.
const SUITABLE = ['3.13', '3.12'];
const REMEDY = 'Install Python 3.13 so that python3.13 is on PATH';

/** Runs a Python program in the environment of LocalStack. */
export const PYTHON = join(VENV, 'bin', 'python');

/**
 * Installs LocalStack with its locked dependencies below `.cache`, unless that was done before.
 * @param report takes a line for each step
 * @throws {SetupError} if the machine lacks something
 */
export async function installLocalStack(report: (line: string) => void): Promise<void> {
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stampOf(installedPython())) return;
  mkdirSync(CACHE, { recursive: true });
  rmSync(STAMP, { force: true });
  rmSync(LOG, { force: true });
  const uv = await findUv(report);
  if (installedPython() === undefined) {
    const python = await findPython();
    report(python ? `Using ${python} for LocalStack.` : `No Python ${SUITABLE.join(' or ')} found: uv downloads one.`);
    rmSync(VENV, { recursive: true, force: true });
    await step([uv, 'venv', VENV, '--python', python ?? '3.13'], `uv could not set up Python 3.13. ${REMEDY}.`);
  }
  report('Installing LocalStack into .cache/localstack (about 400 MB, once) ...');
  await step(
    [uv, 'pip', 'sync', '--python', PYTHON, '--require-hashes', REQUIREMENTS],
    'LocalStack could not be installed. Check that pip on this machine reaches its package index.',
  );
  writeFileSync(STAMP, stampOf(installedPython()));
}

/** What is installed: a change of the lock or of the Python makes another installation. */
function stampOf(python: string | undefined): string {
  return `${createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex')} ${python ?? 'none'}\n`;
}

/** The version of the virtual environment's Python, if there is one that is suitable and still there. */
function installedPython(): string | undefined {
  // The interpreter is a link out of the environment: it breaks when that Python is removed.
  if (!existsSync(PYTHON)) return undefined;
  const version = /^version_info = (\d+\.\d+\S*)/m.exec(readFileSync(join(VENV, 'pyvenv.cfg'), 'utf8'))?.[1];
  return SUITABLE.some((suitable) => version?.startsWith(`${suitable}.`)) ? version : undefined;
}

/** A suitable Python on PATH or among pyenv's versions. Each is run: pyenv's shims are there for inactive versions too. */
async function findPython(): Promise<string | undefined> {
  const candidates = ['python3.13', 'python3.12', 'python3', ...pyenvPythons()];
  for (const candidate of candidates) {
    const program = 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)';
    const [, minor = '', executable] = /^(\S+) (.+)$/m.exec((await outputOf(candidate, ['-c', program])) ?? '') ?? [];
    if (SUITABLE.includes(minor)) return executable;
  }
  return undefined;
}

/** The interpreters of pyenv's versions that are suitable, the newest first. */
function pyenvPythons(): string[] {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return [];
  return readdirSync(versions)
    .filter((name) => SUITABLE.some((suitable) => name.startsWith(`${suitable}.`)))
    .sort((one, other) => other.localeCompare(one, 'en', { numeric: true }))
    .map((name) => join(versions, name, 'bin', 'python3'));
}

/** uv from PATH, or a locked one below `.cache`. */
async function findUv(report: (line: string) => void): Promise<string> {
  if (await outputOf('uv', ['--version'])) return 'uv';
  const ours = join(UV_DIRECTORY, 'bin', 'uv');
  if (await outputOf(ours, ['--version'])) return ours;
  report('Installing uv into .cache/uv ...');
  const python = (await findPython()) ?? 'python3';
  if ((await outputOf(python, ['--version'])) === undefined) {
    throw new SetupError(`No python3 that runs is on PATH. ${REMEDY}.`);
  }
  rmSync(UV_DIRECTORY, { recursive: true, force: true });
  const requirements = ['--require-hashes', '--only-binary', ':all:', '--requirement', UV_REQUIREMENTS];
  const failure = 'uv could not be installed. Install it, so that it is on PATH.';
  // Some distributions ship a Python without ensurepip, but with pip; others the other way round.
  if ((await outputOf(python, ['-m', 'venv', UV_DIRECTORY])) !== undefined) {
    await step([join(UV_DIRECTORY, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', ...requirements], failure);
  } else {
    rmSync(UV_DIRECTORY, { recursive: true, force: true });
    await step([python, '-m', 'pip', 'install', '--quiet', '--target', UV_DIRECTORY, ...requirements], failure);
  }
  return ours;
}

/** A command's standard output; nothing if it cannot be run or fails. */
async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  return await run(command, args).catch(() => undefined);
}

/** A command that has to succeed. Its own output, which tells why it did not, is in the log. */
async function step([command = '', ...args]: readonly string[], failure: string): Promise<void> {
  try {
    await run(command, args);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new SetupError(`${failure} The output is in ${LOG}.`);
  }
}

async function run(command: string, args: readonly string[]): Promise<string> {
  // An active environment, or settings for another one, would redirect pip and uv. What uv downloads stays in the checkout.
  const ours = {
    VIRTUAL_ENV: undefined,
    PYTHONPATH: undefined,
    PYTHONHOME: undefined,
    UV_PYTHON_INSTALL_DIR: join(CACHE, 'python'),
  };
  return await runCommand(command, args, { cwd: ROOT, env: { ...process.env, ...ours }, logFile: LOG });
}
