import { DemoAccounts } from './demo-accounts.ts';
import { runScript } from './entry.ts';
import { attachedEmulator, isSameEndpoint } from './localstack/emulator.ts';
import { findDetached, stopDetached } from './localstack/server.ts';

await runScript(async () => {
  const { AWS_ENDPOINT_URL: named } = process.env;
  const ours = findDetached();
  // `make up` says to name its own emulator like that.
  const isOurs = named !== undefined && ours !== undefined && isSameEndpoint(named, ours.endpoint);
  const emulator = isOurs ? undefined : await attachedEmulator(console.log);
  if (emulator) {
    const accounts = new DemoAccounts(emulator.endpoint, emulator.workDirectory);
    if (accounts.stand) await accounts.destroy(console.log);
    console.log(`Took the demo's accounts out of ${emulator.endpoint}.`);
    return;
  }
  const stopped = await stopDetached();
  console.log(stopped ? `Stopped LocalStack at ${stopped.endpoint}.` : 'Nothing was running.');
});
