import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isExecutable } from '../tool/common/is-executable.ts';
import { CACHE } from '../tool/common/paths.ts';
import { shellQuoted } from '../tool/common/shell-quoted.ts';
import { runCommand } from '../tool/common/run-command.ts';
import { SetupError } from '../tool/common/setup-error.ts';
import { writeFileAtomic } from '../tool/common/write-file-atomic.ts';

const DIRECTORY = join(CACHE, 'shells');
const BIN = join(DIRECTORY, 'bin');
const LOG = join(DIRECTORY, 'install.log');

/** The packages of Debian and its kin, and a script of sh that runs what is in them from another folder than `/`. */
const PACKAGES = {
  // Debian calls it essential: where it is missing, apt-get is too.
  bash: undefined,
  zsh: {
    // The other package looks for its modules below /usr/lib alone.
    names: ['zsh-static', 'zsh-common'],
    script: (root: string) =>
      `FPATH="$(find ${root}/usr/share/zsh/functions -type d | paste -sd :)" exec ${root}/bin/zsh-static "$@"`,
  },
  fish: {
    names: ['fish', 'fish-common', 'libpcre2-32-0'],
    script: (root: string) =>
      `LD_LIBRARY_PATH="$(dirname ${root}/usr/lib/*/libpcre2-32.so.0)" exec ${root}/usr/bin/fish "$@"`,
  },
} as const;

/** A shell that people start the operators' tool from. */
export type Shell = keyof typeof PACKAGES;

const SHELLS = Object.keys(PACKAGES) as Shell[];

/**
 * The path of a shell: of the one on PATH, else of the one that {@link installShells} fetched.
 * @throws {SetupError} if there is none
 */
export function shellPath(shell: Shell): string {
  const path = findShell(shell);
  if (path !== undefined) return path;
  throw new SetupError(`${shell} is missing. "make test-unit" fetches it, or install it so that it is on PATH.`);
}

/**
 * Fetches each shell that is not on PATH from the packages of the distribution into `.cache`, which needs no root.
 * @throws {SetupError} if that is not possible on this machine
 */
export async function installShells(report: (line: string) => void): Promise<void> {
  for (const shell of SHELLS.filter((each) => findShell(each) === undefined)) {
    report(`Fetching ${shell} into .cache/shells (up to 25 MB unpacked, once) ...`);
    try {
      await fetchShell(shell);
    } catch {
      throw new SetupError(
        `${shell} is missing, and could not be fetched from the packages of this machine's distribution. ` +
          `Install it, so that it is on PATH. What apt-get said is in ${LOG}.`,
      );
    }
  }
}

function findShell(shell: Shell): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), BIN].map((folder) => join(folder, shell)).find(isExecutable);
}

async function fetchShell(shell: Shell): Promise<void> {
  const packages = PACKAGES[shell];
  if (!packages) throw new Error(`no package for ${shell}`);
  const folder = join(DIRECTORY, shell);
  const root = join(folder, 'root');
  rmSync(folder, { recursive: true, force: true });
  for (const needed of [root, BIN]) mkdirSync(needed, { recursive: true });
  await download(packages.names, folder);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['--extract', file, root], folder);
    rmSync(join(folder, file));
  }
  // fish looks for its configuration there when it runs from elsewhere.
  if (!existsSync(join(root, 'usr', 'etc'))) symlinkSync('../etc', join(root, 'usr', 'etc'));
  const script = join(BIN, shell);
  writeFileAtomic(script, `#!/bin/sh\n${packages.script(shellQuoted(root))}\n`);
  chmodSync(script, 0o755);
  await run(script, ['-c', 'true'], folder);
}

/** By the lists of packages that the machine has, else by new ones, which replace no others. */
async function download(names: readonly string[], folder: string): Promise<void> {
  try {
    await run('apt-get', ['download', ...names], folder);
  } catch {
    const state = join(DIRECTORY, 'apt');
    for (const needed of ['lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(state, needed), { recursive: true });
    }
    const options = [`Dir::State::Lists=${join(state, 'lists')}`, `Dir::Cache=${join(state, 'cache')}`];
    const own = [...options, 'Acquire::Retries=0', 'Acquire::http::Timeout=20'].flatMap((each) => ['-o', each]);
    // It fails if one source of many cannot be reached. Whether the packages are there shows next.
    await run('apt-get', ['update', ...own], folder).catch(() => undefined);
    await run('apt-get', ['download', ...own, ...names], folder);
    rmSync(state, { recursive: true });
  }
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  await runCommand(command, args, { cwd, env: process.env, logFile: LOG });
}
