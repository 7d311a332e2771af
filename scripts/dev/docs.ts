import { readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runScript } from './entry.ts';
import { installLinters, LINTERS } from './lint/install.ts';
import { formatPermissions, PERMISSIONS, renderPolicies } from './permissions.ts';
import { CACHE, ROOT } from '../tool/common/paths.ts';
import { runCommand } from '../tool/common/run-command.ts';

const MODULES = join(ROOT, 'terraform', 'modules');
const CONFIGURATION = join(ROOT, 'terraform', '.terraform-docs.yml');

/** Writes the tables of inputs and outputs in the READMEs of the Terraform modules, and docs/permissions.md. */
await runScript(async () => {
  await installLinters(console.log);
  for (const module of readdirSync(MODULES)) {
    const directory = join(MODULES, module);
    const logFile = join(CACHE, 'lint', 'docs.log');
    await runCommand(LINTERS.terraformDocs, ['-c', CONFIGURATION, directory], { cwd: ROOT, env: process.env, logFile });
    console.log(`Wrote ${relative(ROOT, join(directory, 'README.md'))}`);
  }
  writeFileSync(PERMISSIONS, formatPermissions(await renderPolicies(CACHE)));
  console.log(`Wrote ${relative(ROOT, PERMISSIONS)}`);
});
