import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { imageCopierTemplate } from './template.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Where the module organization looks for the template. */
const TEMPLATE_FILE = join(import.meta.dirname, 'dist', 'image-copier.template.json');

/** Writes the template, on one line: inline, CloudFormation takes 51,200 bytes. The same sources give the same bytes. */
export function writeTemplate(report: (line: string) => void): void {
  const json = JSON.stringify(imageCopierTemplate());
  mkdirSync(dirname(TEMPLATE_FILE), { recursive: true });
  // In one step: nobody reads half a template, also while others build.
  const own = `${TEMPLATE_FILE}.${randomUUID()}`;
  writeFileSync(own, json);
  renameSync(own, TEMPLATE_FILE);
  report(`Built ${relative(ROOT, TEMPLATE_FILE)} (${Math.ceil(json.length / 1024)} kB)`);
}
