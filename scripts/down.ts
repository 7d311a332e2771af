import { join } from 'node:path';
import { isApplied, severalAccounts } from './demo-accounts.ts';
import { runScript } from './entry.ts';
import { attachedEmulator } from './localstack/emulator.ts';
import { stopDetached } from './localstack/server.ts';

const say = console.log;

await runScript(async () => {
  const emulator = await attachedEmulator(say);
  if (emulator) {
    const accounts = severalAccounts(emulator.endpoint, join(emulator.workDirectory, 'terraform'));
    if (isApplied(emulator.workDirectory)) await accounts.destroy();
    say(`Took the demo's accounts out of ${emulator.endpoint}.`);
    return;
  }
  const stopped = await stopDetached();
  say(stopped ? `Stopped LocalStack at ${stopped.endpoint}.` : 'Nothing was running.');
});
