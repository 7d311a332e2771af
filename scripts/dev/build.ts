import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { imageCopierTemplate } from '../../terraform/template/template.ts';
import { bundleFunctions, ZIP } from './lambda-bundle.ts';
import { reproducibleZip } from './reproducible-zip.ts';
import { bundleTool, TOOL } from './tool-bundle.ts';
import { ROOT } from '../tool/common/paths.ts';
import { writeFileAtomic } from '../tool/common/write-file-atomic.ts';

/** Where the CloudFormation template goes. */
export const TEMPLATE = join(ROOT, 'terraform/template/dist/image-copier.template.json');

/** Bundles the Lambda functions and writes them into one zip: the same sources give the same bytes. */
export async function buildZip(report: (line: string) => void): Promise<void> {
  const { outputFiles } = await bundleFunctions();
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  const zip = reproducibleZip(files);
  writeFileAtomic(ZIP, zip);
  report(`Built ${relative(ROOT, ZIP)} (${Math.ceil(zip.length / 1024)} kB): ${[...files.keys()].join(', ')}`);
}

/** Writes the CloudFormation template. The same sources give the same bytes. */
export function writeTemplate(report: (line: string) => void): void {
  const json = JSON.stringify(imageCopierTemplate());
  writeFileAtomic(TEMPLATE, json);
  report(`Built ${relative(ROOT, TEMPLATE)} (${Math.ceil(json.length / 1024)} kB)`);
}

/** Writes the operators' tool, and removes what another build left there. */
export async function buildTool(report: (line: string) => void): Promise<void> {
  const { outputFiles } = await bundleTool();
  // The entry last: whoever starts the tool meanwhile finds all that it loads.
  for (const { path, contents } of outputFiles) if (path !== TOOL) writeFileAtomic(path, contents);
  for (const { path, contents } of outputFiles) if (path === TOOL) writeFileAtomic(path, contents);
  chmodSync(TOOL, 0o755);
  const written = outputFiles.map(({ path }) => path);
  const found = readdirSync(dirname(TOOL)).map((name) => join(dirname(TOOL), name));
  for (const path of found) if (!written.includes(path)) rmSync(path, { recursive: true, force: true });
  const bytes = outputFiles.reduce((sum, { contents }) => sum + contents.length, 0);
  report(`Built ${relative(ROOT, TOOL)} (${Math.ceil(bytes / 1024)} kB in ${outputFiles.length} files)`);
}

if (process.argv[1] === import.meta.filename) {
  await buildZip(console.log);
  writeTemplate(console.log);
  await buildTool(console.log);
}
