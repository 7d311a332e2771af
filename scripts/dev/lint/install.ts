import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, ROOT } from '../../tool/common/paths.ts';
import { PythonEnvironment } from '../python-environment.ts';
import { CommandError, runCommand } from '../../tool/common/run-command.ts';
import { SetupError } from '../../tool/common/setup-error.ts';

const LOCKS = join(ROOT, 'scripts', 'dev', 'lint');
const DIRECTORY = join(CACHE, 'lint');
const BIN = join(DIRECTORY, 'bin');
const BUILD = join(DIRECTORY, 'build');

const written = new PythonEnvironment('checkov and cfn-lint', DIRECTORY, join(LOCKS, 'requirements.txt'));
const go = new PythonEnvironment('Go', BUILD, join(LOCKS, 'build-requirements.txt'));

/** The linters of Terraform, CloudFormation and GitHub's workflows by name: where each program is. */
export const LINTERS = {
  actionlint: join(BIN, 'actionlint'),
  cfnLint: written.program('cfn-lint'),
  checkov: written.program('checkov'),
  terraformDocs: join(BIN, 'terraform-docs'),
  tflint: join(BIN, 'tflint'),
};

/**
 * Installs the linters below `.cache`, unless that was done before. tflint, terraform-docs and actionlint are in no package registry
 * as programs, so they are built from their Go modules, whose hashes are locked.
 * @param report takes a line for each step
 * @throws {SetupError} if the machine lacks something
 */
export async function installLinters(report: (line: string) => void): Promise<void> {
  await written.install('about 100 MB', report);
  const stamp = join(DIRECTORY, 'built');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digestOfLocks()) return;
  await go.install('about 75 MB', report);
  report('Building tflint, terraform-docs and actionlint into .cache/lint (about 4 minutes, once) ...');
  const logFile = join(DIRECTORY, 'build.log');
  const env = {
    ...process.env,
    GOPATH: join(BUILD, 'packages'),
    GOCACHE: join(BUILD, 'objects'),
    GOFLAGS: '-modcacherw',
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    CGO_ENABLED: '0',
  };
  try {
    await runCommand(go.program('go'), ['build', '-o', `${BIN}/`, 'tool'], { cwd: LOCKS, env, logFile });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new SetupError(
      `tflint, terraform-docs and actionlint could not be built. Check that this machine reaches a Go module proxy (GOPROXY). The output is in ${logFile}.`,
    );
  }
  rmSync(BUILD, { recursive: true, force: true });
  writeFileSync(stamp, digestOfLocks());
}

function digestOfLocks(): string {
  const digest = createHash('sha256');
  for (const file of ['build-requirements.txt', 'go.mod', 'go.sum']) digest.update(readFileSync(join(LOCKS, file)));
  return `${digest.digest('hex')}\n`;
}
