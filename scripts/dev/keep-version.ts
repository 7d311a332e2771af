import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { runScript } from './entry.ts';
import { ROOT } from '../tool/common/paths.ts';
import { runProgram } from '../tool/common/run-command.ts';
import { UserError } from '../tool/common/user-error.ts';

/** What of a version stands in the accounts of those who applied it. */
const MODULES = ['terraform/modules/image-copier', 'terraform/modules/source-account'];
const ZIP = 'lambda/dist/image-copier.zip';

/**
 * Keeps the modules and the functions of a version in `integration/upgrades/<version>`, from where a test applies them and upgrades to
 * what this checkout has. Git alone would not do: a shallow clone has no history, and neither has the archive of a release.
 */
await runScript(async () => {
  const [version, ...others] = process.argv.slice(2);
  if (version === undefined || others.length > 0 || basename(version) !== version)
    throw new UserError('Name one version: npm run keep-version -- <tag or commit>', 2);

  const checkout = mkdtempSync(join(tmpdir(), 'keep-version-'));
  try {
    const archive = join(checkout, 'archive.tar');
    await run('git', ['archive', `--output=${archive}`, version], ROOT);
    await run('tar', ['-xf', archive], checkout);
    // With the packages and the build of that version, not with those of this one.
    await run('make', ['build'], checkout);
    const kept = join(ROOT, 'integration', 'upgrades', version);
    rmSync(kept, { recursive: true, force: true });
    // In the same folders as there: a module looks for the zip from where it stands.
    for (const module of MODULES)
      cpSync(join(checkout, module), join(kept, module), { recursive: true, filter: isApplied });
    cpSync(join(checkout, ZIP), join(kept, ZIP));
    console.log(`Kept ${version} in ${relative(ROOT, kept)}`);
  } finally {
    rmSync(checkout, { recursive: true });
  }
});

/** Whether something in a module is a part of what is applied, or a folder that may hold such parts. */
function isApplied(path: string): boolean {
  const name = basename(path);
  return name.endsWith('.tf') || (!name.includes('.') && name !== 'tests');
}

/** @throws {UserError} if it fails; why is on the terminal then */
async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const code = await runProgram(program, args, { cwd, env: process.env, stdout: 'inherit', stderr: 'inherit' });
  if (code !== 0) throw new UserError(`${program} failed.`, 1);
}
