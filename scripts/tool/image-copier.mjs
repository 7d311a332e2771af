#!/usr/bin/env node
// npm links this file when it installs the package, which is before there is a bundle.
const bundle = '../dist/image-copier.mjs';

try {
  await import(bundle);
} catch (error) {
  // Loaded for this alone: it takes time at each start.
  const [{ existsSync }, { fileURLToPath }] = await Promise.all([import('node:fs'), import('node:url')]);
  if (existsSync(new URL(bundle, import.meta.url))) throw error;
  // From wherever it was started.
  const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
  console.error(`The operators' tool is not built. Run: make -C '${checkout}' build`);
  process.exitCode = 2;
}
