import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { CACHE, ROOT } from '../tool/common/paths.ts';
import { CommandError, runCommand } from '../tool/common/run-command.ts';
import { SetupError } from '../tool/common/setup-error.ts';

const UV_REQUIREMENTS = join(ROOT, 'integration', 'localstack', 'uv.txt');
const UV_DIRECTORY = join(CACHE, 'uv');
// LocalStack uses the syntax of 3.12, and its locked packages have no wheels from 3.14 on.
const SUITABLE = ['3.13', '3.12'];
const REMEDY = 'Install Python 3.13 so that python3.13 is on PATH';

/** A virtual environment with locked packages, in a folder of its own below `.cache`. */
export class PythonEnvironment {
  readonly #name: string;
  readonly #directory: string;
  readonly #requirements: string;

  /**
   * @param name what it is for, as messages say it
   * @param directory where it goes
   * @param requirements a file of packages with their versions and hashes
   */
  constructor(name: string, directory: string, requirements: string) {
    this.#name = name;
    this.#directory = directory;
    this.#requirements = requirements;
  }

  /** The path of a program in it, such as `python`. */
  program(name: string): string {
    return join(this.#venv, 'bin', name);
  }

  /**
   * Installs its packages, unless that was done before.
   * @param size how much there is to download, in words
   * @param report takes a line for each step
   * @throws {SetupError} if the machine lacks something
   */
  async install(size: string, report: (line: string) => void): Promise<void> {
    const stamp = join(this.#directory, 'installed');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === this.#stamp()) return;
    mkdirSync(this.#directory, { recursive: true });
    rmSync(stamp, { force: true });
    const log = join(this.#directory, 'install.log');
    rmSync(log, { force: true });
    const uv = await findUv(report, log);
    const python = this.program('python');
    if (this.#installedPython() === undefined) {
      const found = await findPython(log);
      report(
        found ? `Using ${found} for ${this.#name}.` : `No Python ${SUITABLE.join(' or ')} found: uv downloads one.`,
      );
      rmSync(this.#venv, { recursive: true, force: true });
      await step(
        [uv, 'venv', this.#venv, '--python', found ?? '3.13'],
        `uv could not set up Python 3.13. ${REMEDY}.`,
        log,
      );
    }
    report(`Installing ${this.#name} into ${relative(ROOT, this.#directory)} (${size}, once) ...`);
    await step(
      [uv, 'pip', 'sync', '--python', python, '--require-hashes', this.#requirements],
      `No ${this.#name}: the packages could not be installed. Check that pip on this machine reaches its package index.`,
      log,
    );
    writeFileSync(stamp, this.#stamp());
  }

  get #venv(): string {
    return join(this.#directory, 'venv');
  }

  /** What is installed: a change of the lock or of the Python makes another installation. */
  #stamp(): string {
    const lock = createHash('sha256').update(readFileSync(this.#requirements)).digest('hex');
    return `${lock} ${this.#installedPython() ?? 'none'}\n`;
  }

  /** The version of the virtual environment's Python, if there is one that is suitable and still there. */
  #installedPython(): string | undefined {
    // The interpreter is a link out of the environment: it breaks when that Python is removed.
    if (!existsSync(this.program('python'))) return undefined;
    const version = /^version_info = (\d+\.\d+\S*)/m.exec(readFileSync(join(this.#venv, 'pyvenv.cfg'), 'utf8'))?.[1];
    return SUITABLE.some((suitable) => version?.startsWith(`${suitable}.`)) ? version : undefined;
  }
}

/** A suitable Python on PATH or among pyenv's versions. Each is run: pyenv's shims are there for inactive versions too. */
async function findPython(log: string): Promise<string | undefined> {
  const candidates = ['python3.13', 'python3.12', 'python3', ...pyenvPythons()];
  for (const candidate of candidates) {
    const program = 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)';
    const [, minor = '', executable] =
      /^(\S+) (.+)$/m.exec((await outputOf(candidate, ['-c', program], log)) ?? '') ?? [];
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
async function findUv(report: (line: string) => void, log: string): Promise<string> {
  if (await outputOf('uv', ['--version'], log)) return 'uv';
  const ours = join(UV_DIRECTORY, 'bin', 'uv');
  if (await outputOf(ours, ['--version'], log)) return ours;
  report('Installing uv into .cache/uv ...');
  const python = (await findPython(log)) ?? 'python3';
  if ((await outputOf(python, ['--version'], log)) === undefined) {
    throw new SetupError(`No python3 that runs is on PATH. ${REMEDY}.`);
  }
  rmSync(UV_DIRECTORY, { recursive: true, force: true });
  const requirements = ['--require-hashes', '--only-binary', ':all:', '--requirement', UV_REQUIREMENTS];
  const failure = 'uv could not be installed. Install it, so that it is on PATH.';
  // Some distributions ship a Python without ensurepip, but with pip; others the other way round.
  if ((await outputOf(python, ['-m', 'venv', UV_DIRECTORY], log)) !== undefined) {
    await step([join(UV_DIRECTORY, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', ...requirements], failure, log);
  } else {
    rmSync(UV_DIRECTORY, { recursive: true, force: true });
    await step([python, '-m', 'pip', 'install', '--quiet', '--target', UV_DIRECTORY, ...requirements], failure, log);
  }
  return ours;
}

/** A command's standard output; nothing if it cannot be run or fails. */
async function outputOf(command: string, args: readonly string[], log: string): Promise<string | undefined> {
  return await run(command, args, log).catch(() => undefined);
}

/** A command that has to succeed. Its own output, which tells why it did not, is in the log. */
async function step([command = '', ...args]: readonly string[], failure: string, log: string): Promise<void> {
  try {
    await run(command, args, log);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new SetupError(`${failure} The output is in ${log}.`);
  }
}

async function run(command: string, args: readonly string[], logFile: string): Promise<string> {
  // An active environment, or settings for another one, would redirect pip and uv. What uv downloads stays in the checkout.
  const ours = {
    VIRTUAL_ENV: undefined,
    PYTHONPATH: undefined,
    PYTHONHOME: undefined,
    UV_PYTHON_INSTALL_DIR: join(CACHE, 'python'),
  };
  return await runCommand(command, args, { cwd: ROOT, env: { ...process.env, ...ours }, logFile });
}
