import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The checkout, or the installed package, which has its folders. */
export const ROOT = rootAbove(import.meta.dirname);

/** Where what is downloaded, generated or run goes. A package may be installed by another user than the one who runs it. */
export const CACHE = existsSync(join(ROOT, 'package-lock.json')) ? join(ROOT, '.cache') : usersCache();

/** Looked for, since a bundle stands in another folder than its sources. */
function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'terraform', 'modules'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error(`no folder above ${import.meta.dirname} holds terraform/modules`);
  return rootAbove(parent);
}

/** Of this tool (XDG Base Directory Specification). */
function usersCache(): string {
  const { XDG_CACHE_HOME: folder = '' } = process.env;
  return join(folder === '' ? join(homedir(), '.cache') : folder, 'image-copier');
}
