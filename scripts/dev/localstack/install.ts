import { join } from 'node:path';
import { CACHE, ROOT } from '../../tool/common/paths.ts';
import { PythonEnvironment } from '../python-environment.ts';

const environment = new PythonEnvironment(
  'LocalStack',
  join(CACHE, 'localstack'),
  join(ROOT, 'integration', 'localstack', 'requirements.txt'),
);

/** Runs a Python program in the environment of LocalStack. */
export const PYTHON = environment.program('python');

/** The AWS CLI 1, which LocalStack comes with here. */
export const AWS_CLI = environment.program('aws');

/**
 * Installs LocalStack with its locked dependencies below `.cache`, unless that was done before.
 * @param report takes a line for each step
 * @throws {SetupError} if the machine lacks something
 */
export async function installLocalStack(report: (line: string) => void): Promise<void> {
  await environment.install('about 400 MB', report);
}
