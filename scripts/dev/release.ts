import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { buildTool, buildZip, TEMPLATE, writeTemplate } from './build.ts';
import { runScript } from './entry.ts';
import { bundleFunctions, ZIP } from './lambda-bundle.ts';
import { bundledPackages, idOf, licences } from './release/bundled.ts';
import { isProgram, modulesContents, toolContents, type Contents } from './release/contents.ts';
import { releaseNotes } from './release/notes.ts';
import { GO_LOCKS, PYTHON_LOCKS, reproducibleBom, toolsBom } from './release/sbom.ts';
import { reproducibleZip } from './reproducible-zip.ts';
import { bundleTool } from './tool-bundle.ts';
import { CACHE, ROOT } from '../tool/common/paths.ts';
import { runCommand } from '../tool/common/run-command.ts';

const DIST = join(ROOT, 'dist');
const { name, version } = packageJson;

/** Writes into `dist` what people install, and what says what that is. docs/releasing.md lists the files. */
await runScript(async () => {
  await buildZip(console.log);
  writeTemplate(console.log);
  await buildTool(console.log);

  const bundles = [await bundleFunctions(), await bundleTool()];
  const bundled = bundledPackages(bundles.map(({ metafile }) => metafile));
  const notices = new Map([['THIRD_PARTY_LICENSES.txt', Buffer.from(licences(bundled))]]);

  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST);
  for (const [file, text] of notices) write(file, text);
  write(`${name}-functions-${version}.zip`, readFileSync(ZIP));
  write(`${name}-modules-${version}.zip`, reproducibleZip(new Map([...modulesContents(), ...notices])));
  write(`${name}-${version}.template.json`, readFileSync(TEMPLATE));
  await inFolder(new Map([...toolContents(), ...notices]), (folder) => npm(folder, 'pack', '--pack-destination', DIST));
  write(`${name}-${version}.cdx.json`, reproducibleBom(await npmBom(), bundled.map(idOf)));
  write(
    `${name}-tools-${version}.cdx.json`,
    toolsBom(
      { requirements: PYTHON_LOCKS.map(textOf), goMods: GO_LOCKS.map(textOf) },
      { name: `${name}-tools`, version },
    ),
  );
  write('RELEASE_NOTES.md', releaseNotes(textOf('CHANGELOG.md'), version));
  const sums = readdirSync(DIST)
    .sort()
    .map((file) => `${sha256(readFileSync(join(DIST, file)))}  ${file}\n`);
  write('SHA256SUMS', sums.join(''));
  console.log(`The release ${version} is in dist: ${readdirSync(DIST).sort().join(', ')}`);
});

/** Of all that package-lock.json names, on whatever platform it is made. */
async function npmBom(): Promise<string> {
  const files = ['package.json', 'package-lock.json', '.npmrc'];
  return await inFolder(new Map(files.map((file) => [file, readFileSync(join(ROOT, file))])), (folder) =>
    npm(folder, 'sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'),
  );
}

/** Gives files to a command in a folder that has the name of the package: npm writes the folder's name into a bill of materials. */
async function inFolder<T>(contents: Contents, use: (folder: string) => Promise<T>): Promise<T> {
  const temporary = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    const folder = join(temporary, name);
    for (const [file, bytes] of contents) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), bytes);
      // npm packs modes as they are, and those that a file is made with follow the umask.
      chmodSync(join(folder, file), isProgram(file) ? 0o755 : 0o644);
    }
    return await use(folder);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const options = ['--ignore-scripts', '--no-update-notifier'];
  return await runCommand('npm', [...args, ...options], { cwd, env: process.env, logFile: join(CACHE, 'release.log') });
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function write(file: string, content: string | Uint8Array): void {
  writeFileSync(join(DIST, file), content);
}
