import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from '../tool/common/paths.ts';
import { CommandError, runCommand } from '../tool/common/run-command.ts';
import { SetupError } from '../tool/common/setup-error.ts';
import { PythonEnvironment } from './python-environment.ts';

/** The Go toolchain, from PyPI as the Python packages. */
const TOOLCHAIN = join(ROOT, 'scripts', 'dev', 'lint', 'build-requirements.txt');

interface GoToolsOptions {
  /** Of the programs, as messages say it. */
  readonly name: string;
  /** The folder with go.mod, whose tools are built, and go.sum. */
  readonly locks: string;
  /** Where all of it goes: a folder below `.cache`. */
  readonly directory: string;
  /** How long the build takes, in words. */
  readonly duration: string;
  readonly linkerFlags?: string;
}

/** Programs that are in no package registry: they are built from their Go modules, whose hashes are locked. */
export class GoTools {
  readonly #options: GoToolsOptions;

  constructor(options: GoToolsOptions) {
    this.#options = options;
  }

  /** The path of a program. */
  program(name: string): string {
    return join(this.#options.directory, 'bin', name);
  }

  /**
   * Builds the programs, unless that was done before.
   * @param report takes a line for each step
   * @throws {SetupError} if the machine lacks something
   */
  async install(report: (line: string) => void): Promise<void> {
    const stamp = join(this.#options.directory, 'built');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === this.#digest()) return;
    const { name, locks, directory, duration, linkerFlags = '' } = this.#options;
    const build = join(directory, 'build');
    const go = new PythonEnvironment('Go', build, TOOLCHAIN);
    await go.install('about 75 MB', report);
    report(`Building ${name} into ${relative(ROOT, directory)} (${duration}, once) ...`);
    const logFile = join(directory, 'build.log');
    const env = {
      ...process.env,
      GOPATH: join(build, 'packages'),
      GOCACHE: join(build, 'objects'),
      GOFLAGS: '-modcacherw',
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
      CGO_ENABLED: '0',
    };
    const args = ['build', '-o', join(directory, 'bin/'), `-ldflags=${linkerFlags}`, 'tool'];
    try {
      await runCommand(go.program('go'), args, { cwd: locks, env, logFile });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      throw new SetupError(
        `${name} could not be built. Check that this machine reaches a Go module proxy (GOPROXY). The output is in ${logFile}.`,
      );
    }
    rmSync(build, { recursive: true, force: true });
    writeFileSync(stamp, this.#digest());
  }

  #digest(): string {
    const { locks } = this.#options;
    const digest = createHash('sha256');
    for (const file of [TOOLCHAIN, join(locks, 'go.mod'), join(locks, 'go.sum')]) digest.update(readFileSync(file));
    return `${digest.digest('hex')}\n`;
  }
}
