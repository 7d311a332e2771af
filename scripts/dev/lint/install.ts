import { join } from 'node:path';
import { CACHE, ROOT } from '../../tool/common/paths.ts';
import { GoTools } from '../go-tools.ts';
import { PythonEnvironment } from '../python-environment.ts';

const LOCKS = join(ROOT, 'scripts', 'dev', 'lint');
const DIRECTORY = join(CACHE, 'lint');

const written = new PythonEnvironment('checkov and cfn-lint', DIRECTORY, join(LOCKS, 'requirements.txt'));
const built = new GoTools({
  name: 'tflint, terraform-docs and actionlint',
  locks: LOCKS,
  directory: DIRECTORY,
  duration: 'about 4 minutes',
});

/** The linters of Terraform, CloudFormation and GitHub's workflows by name: where each program is. */
export const LINTERS = {
  actionlint: built.program('actionlint'),
  cfnLint: written.program('cfn-lint'),
  checkov: written.program('checkov'),
  terraformDocs: built.program('terraform-docs'),
  tflint: built.program('tflint'),
};

/**
 * Installs the linters below `.cache`, unless that was done before.
 * @param report takes a line for each step
 * @throws {SetupError} if the machine lacks something
 */
export async function installLinters(report: (line: string) => void): Promise<void> {
  await written.install('about 100 MB', report);
  await built.install(report);
}
