import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

const folders: string[] = [];

/** Writes an accounts file, of JSON, which YAML takes as well, and returns its path. It is removed after the tests. */
export function writeAccountsFile(contents: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'accounts-'));
  folders.push(folder);
  const file = join(folder, 'accounts.yaml');
  writeFileSync(file, JSON.stringify(contents));
  return file;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
