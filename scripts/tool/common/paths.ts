import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The checkout, or the installed package. All that is generated or run goes into its `.cache`. */
export const ROOT = rootAbove(import.meta.dirname);
export const CACHE = join(ROOT, '.cache');

/** Looked for, since a bundle stands in another folder than its sources. */
function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'terraform', 'modules'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error(`no folder above ${import.meta.dirname} holds terraform/modules`);
  return rootAbove(parent);
}
