import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { builtSha256 } from '../../../tool/doctor/built-code.ts';

it('hashes the zip as Lambda does, if there is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'built-code-'));
  try {
    const zip = join(folder, 'image-copier.zip');
    expect(builtSha256(zip)).toBeUndefined();

    writeFileSync(zip, 'abc');
    // FIPS 180-2, appendix B.1, in base64.
    expect(builtSha256(zip)).toBe('ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
