import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../../scripts/tool/common/paths.ts';

/**
 * Writes a Terraform module as a commit has it into a folder, where it finds the zip of this checkout.
 * @returns the folder of the module
 * @throws {Error} if the commit is not in this clone
 */
export function writeEarlierModule(module: string, commit: string, folder: string): string {
  const path = `terraform/modules/${module}`;
  const { status, stdout } = spawnSync('git', ['archive', commit, path], { cwd: ROOT });
  if (status !== 0) throw new Error(`Commit ${commit} is not in this clone. Run: git fetch --unshallow`);
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-x', '-C', folder], { input: stdout });
  symlinkSync(join(ROOT, 'lambda'), join(folder, 'lambda'));
  return join(folder, path);
}
