import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build } from 'esbuild';
import { zipSync, type Zippable } from 'fflate';
import { writeTemplate } from '../terraform/template/write-template.ts';
import { ROOT } from './paths.ts';

const FUNCTIONS = ['copy-image', 'settle-copy'];
const ZIP = join(ROOT, 'lambda/dist/image-copier.zip');

/** Bundles each Lambda function into one file and writes them into one zip: the same sources give the same bytes. */
export async function buildZip(report: (line: string) => void): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: FUNCTIONS.map((name) => `lambda/src/functions/${name}.ts`),
    outdir: 'lambda/dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    // The SDK's ES modules shake out, its CommonJS does not: a third less code to load.
    mainFields: ['module', 'main'],
    write: false,
  });
  // A zip holds a time and a mode for each file. Both are fixed, and the time is read as local time.
  const attributes = { mtime: new Date(1980, 0, 1), os: 3, attrs: 0o644 << 16, level: 9 } as const;
  const files: Zippable = {};
  for (const { path, contents } of outputFiles) files[basename(path)] = [contents, attributes];
  const zip = zipSync(files);
  await mkdir(join(ROOT, 'lambda/dist'), { recursive: true });
  // In one step, and each build by way of a file of its own: nobody reads half a zip, also while others build.
  const own = `${ZIP}.${randomUUID()}`;
  await writeFile(own, zip);
  await rename(own, ZIP);
  report(`Built ${relative(ROOT, ZIP)} (${Math.ceil(zip.length / 1024)} kB): ${Object.keys(files).join(', ')}`);
}

if (process.argv[1] === import.meta.filename) {
  await buildZip(console.log);
  writeTemplate(console.log);
}
