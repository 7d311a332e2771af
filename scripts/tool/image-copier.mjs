#!/usr/bin/env node
// npm links this file when it installs the package, which is before there is a bundle.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundle = new URL('../dist/image-copier.mjs', import.meta.url);

if (existsSync(bundle)) {
  await import(bundle.href);
} else {
  // From wherever it was started.
  const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
  console.error(`The operators' tool is not built. Run: make -C '${checkout}' build`);
  process.exitCode = 2;
}
