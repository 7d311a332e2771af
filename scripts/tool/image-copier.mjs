#!/usr/bin/env node
// npm links this file when it installs the package, which is before there is a bundle.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/image-copier.mjs', import.meta.url);

if (existsSync(bundle)) {
  await import(bundle.href);
} else {
  console.error("The operators' tool is not built. Run: make build");
  process.exitCode = 2;
}
