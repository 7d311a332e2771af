import { basename, join, relative } from 'node:path';
import { build } from 'esbuild';
import { zipSync, type Zippable } from 'fflate';
import { imageCopierTemplate } from '../terraform/template/template.ts';
import { ROOT } from './paths.ts';
import { writeInOneStep } from './write-in-one-step.ts';

const FUNCTIONS = ['copy-image', 'settle-copy'];
const ZIP = join(ROOT, 'lambda/dist/image-copier.zip');
const TEMPLATE = join(ROOT, 'terraform/template/dist/image-copier.template.json');

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
  writeInOneStep(ZIP, zip);
  report(`Built ${relative(ROOT, ZIP)} (${Math.ceil(zip.length / 1024)} kB): ${Object.keys(files).join(', ')}`);
}

/** Writes the CloudFormation template, on one line: inline, CloudFormation takes 51,200 bytes. The same sources give the same bytes. */
export function writeTemplate(report: (line: string) => void): void {
  const json = JSON.stringify(imageCopierTemplate());
  writeInOneStep(TEMPLATE, json);
  report(`Built ${relative(ROOT, TEMPLATE)} (${Math.ceil(json.length / 1024)} kB)`);
}

if (process.argv[1] === import.meta.filename) {
  await buildZip(console.log);
  writeTemplate(console.log);
}
