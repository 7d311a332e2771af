import { join } from 'node:path';
import { CACHE, ROOT } from '../../tool/common/paths.ts';
import { GoTools } from '../go-tools.ts';

const built = new GoTools({
  name: 'OpenTofu',
  locks: join(ROOT, 'scripts', 'dev', 'opentofu'),
  directory: join(CACHE, 'opentofu'),
  duration: 'about 4 minutes',
  // Else its version ends with -dev, as that of what nobody released.
  linkerFlags: '-X github.com/opentofu/opentofu/version.dev=no',
});

/**
 * Builds OpenTofu below `.cache`, unless that was done before.
 * @param report takes a line for each step
 * @returns the path of the program
 * @throws {SetupError} if the machine lacks something
 */
export async function installOpenTofu(report: (line: string) => void): Promise<string> {
  await built.install(report);
  return built.program('tofu');
}
