import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import type { Copier } from '../common/environment.ts';
import { waitFor } from '../common/wait-for.ts';

// SSM checks the image after it has taken the value (Parameter Store, "Native parameter support for AMI IDs").
const CHECK_TIMEOUT_MS = 60_000;
const POLL_MS = 500;

/**
 * Points a parameter to an image, and returns once SSM has checked the image and stored it.
 * @throws {WaitError} if SSM does not take it
 */
export async function setParameter({ aws, parameterPath }: Copier, name: string, imageId: string): Promise<void> {
  const parameters = new SsmImageParameters(aws.ssm, parameterPath);
  await parameters.put(name, imageId);
  await waitFor(
    `SSM to store ${imageId} in ${name}`,
    async () => ((await parameters.get(name)) === imageId ? true : undefined),
    { timeoutMs: CHECK_TIMEOUT_MS, pollMs: POLL_MS },
  );
}
