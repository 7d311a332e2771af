import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../common/paths.ts';

const BUILT_ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');

/** SHA-256 of the zip that `make build` made, in base64 as Lambda gives it; undefined if there is none. */
export function builtSha256(zip: string = BUILT_ZIP): string | undefined {
  if (!existsSync(zip)) return undefined;
  return createHash('sha256').update(readFileSync(zip)).digest('base64');
}
