import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import { chromium, type Browser } from 'playwright-core';
import { CACHE, ROOT } from '../../../../tool/common/paths.ts';
import { SetupError } from '../../../../tool/common/setup-error.ts';

const NAMES = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser', 'chrome'];
const APPLICATIONS = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
const REMEDY = 'Install Google Chrome or Chromium, so that it is on the PATH (Debian: apt-get install chromium).';
const PACKAGE = join(ROOT, 'node_modules', '@sparticuz', 'chromium');
const PACKS = ['al2023.tar.br', 'fonts.tar.br'];
/** The one of the package names folders outside of its own. */
const FONTS =
  '<?xml version="1.0"?><fontconfig><dir prefix="relative">fonts</dir><cachedir>/nonexistent</cachedir></fontconfig>';

interface Program {
  readonly path: string;
  readonly variables: Record<string, string>;
}

/**
 * Starts a Chrome or Chromium without a window: the one of the machine, else the one that comes as an npm package.
 * @throws {SetupError} if none can be had
 */
export async function openChromium(): Promise<Browser> {
  const { path, variables } = (await onThisMachine()) ?? (await fromPackage());
  try {
    return await chromium.launch({ executablePath: path, env: { ...process.env, ...variables } });
  } catch (error) {
    throw new SetupError(`${path} does not start. ${REMEDY}`, { cause: error });
  }
}

async function onThisMachine(): Promise<Program | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const path of [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...APPLICATIONS]) {
    // Some of that name only say how to install it.
    if (existsSync(path) && (await isSound({ path, variables: {} }))) return { path, variables: {} };
  }
  return undefined;
}

/** Unpacks the package once, with the libraries and the font that a small machine may lack. */
async function fromPackage(): Promise<Program> {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const home = join(CACHE, 'chromium', version);
  const program = {
    path: join(home, 'chromium'),
    variables: { LD_LIBRARY_PATH: join(home, 'lib'), FONTCONFIG_PATH: home },
  };
  if (!existsSync(home)) await unpackInto(home);
  if (!(await isSound(program))) {
    throw new SetupError(`There is no Chromium here, and that of npm is for Linux with glibc on x64. ${REMEDY}`);
  }
  return program;
}

async function unpackInto(home: string): Promise<void> {
  // The package's own way would unpack to a fixed place that other users of the machine can write to.
  const own = `${home}.${randomUUID()}`;
  try {
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'chromium'), unpacked('chromium.br'));
    chmodSync(join(own, 'chromium'), 0o755);
    for (const pack of PACKS) {
      const tar = join(own, pack);
      writeFileSync(tar, unpacked(pack));
      await promisify(execFile)('tar', ['-xf', tar, '-C', own]);
      rmSync(tar);
    }
    writeFileSync(join(own, 'fonts.conf'), FONTS);
    renameSync(own, home);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    // Another process may have been faster.
    if (!existsSync(home)) throw error;
  }
}

function unpacked(name: string): Uint8Array {
  return brotliDecompressSync(readFileSync(join(PACKAGE, 'bin', name)));
}

async function isSound({ path, variables }: Program): Promise<boolean> {
  try {
    const env = { ...process.env, ...variables };
    const { stdout } = await promisify(execFile)(path, ['--version'], { env, timeout: 120_000 });
    return stdout.includes('Chrom');
  } catch {
    return false;
  }
}
