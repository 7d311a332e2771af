import { DemoAccounts } from './demo-accounts.ts';
import { runScript } from './entry.ts';
import { attachedEmulator } from './localstack/emulator.ts';
import { stopDetached } from './localstack/server.ts';

await runScript(async () => {
  const emulator = await attachedEmulator(console.log);
  if (emulator) {
    const accounts = new DemoAccounts(emulator.endpoint, emulator.workDirectory);
    if (accounts.stand) await accounts.destroy(console.log);
    console.log(`Took the demo's accounts out of ${emulator.endpoint}.`);
    return;
  }
  const stopped = await stopDetached();
  console.log(stopped ? `Stopped LocalStack at ${stopped.endpoint}.` : 'Nothing was running.');
});
