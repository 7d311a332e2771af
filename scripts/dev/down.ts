import { DemoAccounts } from './demo-accounts.ts';
import { runScript } from './entry.ts';
import { attachedEmulator } from './localstack/emulator.ts';
import { stopDetached } from './localstack/server.ts';

const say = console.log;

await runScript(async () => {
  const emulator = await attachedEmulator(say);
  if (emulator) {
    const accounts = new DemoAccounts(emulator.endpoint, emulator.workDirectory);
    if (accounts.stand) await accounts.destroy(say);
    say(`Took the demo's accounts out of ${emulator.endpoint}.`);
    return;
  }
  const stopped = await stopDetached();
  say(stopped ? `Stopped LocalStack at ${stopped.endpoint}.` : 'Nothing was running.');
});
