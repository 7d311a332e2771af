import { chmodSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build } from 'esbuild';
import { zipSync, type Zippable } from 'fflate';
import { imageCopierTemplate } from '../../terraform/template/template.ts';
import { bundleFunctions, withLeanSchemas, ZIP } from './lambda-bundle.ts';
import { ROOT } from '../tool/common/paths.ts';
import { writeFileAtomic } from '../tool/common/write-file-atomic.ts';

/** Where the CloudFormation template goes. */
export const TEMPLATE = join(ROOT, 'terraform/template/dist/image-copier.template.json');

/** Where the operators' tool goes. */
export const TOOL = join(ROOT, 'scripts/dist/image-copier.mjs');

/** Bundles the Lambda functions and writes them into one zip: the same sources give the same bytes. */
export async function buildZip(report: (line: string) => void): Promise<void> {
  const { outputFiles } = await bundleFunctions();
  // A zip holds a time and a mode for each file. Both are fixed, and the time is read as local time.
  const attributes = { mtime: new Date(1980, 0, 1), os: 3, attrs: 0o644 << 16, level: 9 } as const;
  const files: Zippable = {};
  for (const { path, contents } of outputFiles) files[basename(path)] = [contents, attributes];
  const zip = zipSync(files);
  writeFileAtomic(ZIP, zip);
  report(`Built ${relative(ROOT, ZIP)} (${Math.ceil(zip.length / 1024)} kB): ${Object.keys(files).join(', ')}`);
}

/** Writes the CloudFormation template. The same sources give the same bytes. */
export function writeTemplate(report: (line: string) => void): void {
  const json = JSON.stringify(imageCopierTemplate());
  writeFileAtomic(TEMPLATE, json);
  report(`Built ${relative(ROOT, TEMPLATE)} (${Math.ceil(json.length / 1024)} kB)`);
}

/** Bundles the operators' tool into one file. */
export async function buildTool(report: (line: string) => void): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['scripts/tool/main.ts'],
    outfile: TOOL,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    plugins: [withLeanSchemas()],
    // Some packages are CommonJS, and ask for Node's own modules by `require`.
    banner: {
      js: [
        '#!/usr/bin/env node',
        "import { createRequire as requireOfBundle } from 'node:module';",
        'const require = requireOfBundle(import.meta.url);',
      ].join('\n'),
    },
    write: false,
  });
  const [{ contents } = { contents: new Uint8Array() }] = outputFiles;
  writeFileAtomic(TOOL, contents);
  chmodSync(TOOL, 0o755);
  report(`Built ${relative(ROOT, TOOL)} (${Math.ceil(contents.length / 1024)} kB)`);
}

if (process.argv[1] === import.meta.filename) {
  await buildZip(console.log);
  writeTemplate(console.log);
  await buildTool(console.log);
}
