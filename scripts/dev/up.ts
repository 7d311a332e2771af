import { buildTool, buildZip } from './build.ts';
import { DemoAccounts } from './demo-accounts.ts';
import { runScript } from './entry.ts';
import { attachedEmulator, localStackOn, localStackPort, workDirectoryOf } from './localstack/emulator.ts';
import { installLocalStack } from './localstack/install.ts';
import { findDetached, startDetached } from './localstack/server.ts';
import { wayIn } from './way-in.ts';
import { SetupError } from '../tool/common/setup-error.ts';
import { requireTerraform } from '../tool/deploy/require-terraform.ts';

await runScript(async () => {
  await requireTerraform(process.env);
  await buildZip(console.log);
  await buildTool(console.log);
  const endpoint = (await attachedEmulator(console.log))?.endpoint ?? (await startLocalStack());
  const accounts = new DemoAccounts(endpoint, workDirectoryOf(endpoint));
  const { requestTopicArn } = await accounts.apply(console.log);
  console.log(wayIn(endpoint, requestTopicArn));
});

async function startLocalStack(): Promise<string> {
  const running = findDetached();
  if (running) {
    throw new SetupError(`It is up already, at ${running.endpoint}. Run "make down" first, or use it as it is.`);
  }
  await installLocalStack(console.log);
  const { endpoint } = await startDetached(localStackOn(localStackPort()));
  console.log(`LocalStack is ready at ${endpoint}.`);
  return endpoint;
}
