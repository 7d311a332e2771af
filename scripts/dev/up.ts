import { buildZip } from './build.ts';
import { DEMO, DemoAccounts } from './demo-accounts.ts';
import { runScript } from './entry.ts';
import { attachedEmulator, localStackOn, localStackPort, workDirectoryOf } from './localstack/emulator.ts';
import { installLocalStack } from './localstack/install.ts';
import { findDetached, startDetached } from './localstack/server.ts';
import { SetupError } from '../tool/common/setup-error.ts';
import { requireTerraform } from '../tool/deploy/require-terraform.ts';

await runScript(async () => {
  await requireTerraform(process.env);
  await buildZip(console.log);
  const endpoint = (await attachedEmulator(console.log))?.endpoint ?? (await startLocalStack());
  const accounts = new DemoAccounts(endpoint, workDirectoryOf(endpoint));
  const { requestTopicArn } = await accounts.apply(console.log);
  const [target] = DEMO.targetAccounts;
  console.log(`
The demo's accounts stand at ${endpoint}, Region ${DEMO.region}.
  requests topic  ${requestTopicArn}
  source account  ${DEMO.sourceAccount}
  targets         ${DEMO.targetAccounts.join(', ')}

An access key id of 12 digits is the account; any secret will do:
  export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=${DEMO.region} AWS_SECRET_ACCESS_KEY=any
  AWS_ACCESS_KEY_ID=${target} aws ec2 describe-images --owners self

Bake, ask and look:  AWS_ENDPOINT_URL=${endpoint} make demo
Stop it:             make down`);
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
