import { parseArgs } from 'node:util';
import { benchBurst } from './bench/burst.ts';
import { benchRollout } from './bench/rollout.ts';
import { runScript } from './entry.ts';
import { SetupError } from './setup-error.ts';
import { requireTerraform } from './terraform.ts';

const HELP = `Usage: npm run bench -- burst|rollout [options]

burst publishes requests at once for one account on an embedded LocalStack, under EC2's throttle of CopyImage (burst 100,
1 a second) and its limit of copies in progress, and prints the time against the least that the throttle allows.

  --requests N           how many requests (500)
  --speed N              how many times faster than EC2's the emulator's clock runs (4)
  --copy-seconds N       how long EC2 needs for a copy, in EC2's seconds (240)
  --concurrent-copies N  how many copies EC2 makes at a time (300)

rollout deploys to target accounts on an embedded LocalStack with one stack an account, as image-copier deploy does, and
with one state that has a provider alias for each, and prints time and peak memory. It takes some 20 minutes.

  --accounts N,N,...     how many target accounts (1,4,16)`;

await runScript(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      requests: { type: 'string', default: '500' },
      speed: { type: 'string', default: '4' },
      'copy-seconds': { type: 'string', default: '240' },
      'concurrent-copies': { type: 'string', default: '300' },
      accounts: { type: 'string', default: '1,4,16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const bench = positionals.join(' ');
  if (bench !== 'burst' && bench !== 'rollout') throw new SetupError(`Name one benchmark: burst or rollout.\n${HELP}`);
  requireTerraform();
  if (bench === 'rollout') {
    await benchRollout(values.accounts.split(',').map(accountCount), console.log);
    return;
  }
  const options = {
    requests: positive('requests', values.requests),
    speed: positive('speed', values.speed),
    copySeconds: positive('copy-seconds', values['copy-seconds']),
    concurrentCopies: positive('concurrent-copies', values['concurrent-copies']),
  };
  await benchBurst(options, console.log);
});

function accountCount(value: string): number {
  const count = positive('accounts', value);
  if (!Number.isInteger(count)) throw new SetupError(`--accounts: "${value}" is no whole number.`);
  return count;
}

function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(Number.isFinite(number) && number > 0)) throw new SetupError(`--${name}: "${value}" is no number above 0.`);
  return number;
}
