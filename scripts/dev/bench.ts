import { join } from 'node:path';
import { Command } from 'commander';
import { benchBurst, type BurstOptions } from './bench/burst.ts';
import { benchEnforcement, type EnforcementOptions } from './bench/enforcement.ts';
import { benchColdStart, type ColdStartOptions } from './bench/cold-start.ts';
import { benchDoctor, type DoctorOptions } from './bench/doctor.ts';
import { benchFleet, type FleetBenchOptions } from './bench/fleet.ts';
import { benchPage, type PageBenchOptions } from './bench/page.ts';
import { benchPromote, type PromoteBenchOptions } from './bench/promote.ts';
import { benchRevoke, type RevokeOptions } from './bench/revoke.ts';
import { benchRollout } from './bench/rollout.ts';
import { benchStatus, type StatusOptions } from './bench/status.ts';
import { benchTool, type ToolBenchOptions } from './bench/tool.ts';
import { list, numberUpTo, wholeNumber } from '../tool/common/option-values.ts';
import { runScript } from './entry.ts';
import { CACHE } from '../tool/common/paths.ts';
import { requireTerraform } from '../tool/deploy/require-terraform.ts';

const count = wholeNumber(1, 1_000_000);
const positive = numberUpTo(1_000_000);

const program = new Command('npm run bench --')
  .description('Measures what speed is claimed for. Each benchmark compares in one run.')
  .showHelpAfterError();

program
  .command('cold-start')
  .description(
    'starts the functions many times, in turns with one that does nothing, with one that sends the same requests signed ' +
      "by hand, and with guardian/amigo's copier if the environment variable PEER_JAR is its class path: its jar, and " +
      "after a colon those of Lambda's runtime client for Java; with RUNTIME_CLIENT, index.mjs of aws-lambda-ric, they run " +
      "under AWS's own client of the Runtime API",
  )
  .option('--rounds <n>', 'how often each is started', count, 15)
  .option('--memory <MB,...>', 'memory settings, which decide on processor time', wholeNumbers, [256, 512])
  .option('--on-node-24', 'whether each is started on Node 24 too, and compared with itself on Node 22', false)
  .option('--out <folder>', 'where the figures and the chart go', join(CACHE, 'bench'))
  .action((options: Omit<ColdStartOptions, 'peer' | 'runtimeClient'>) =>
    benchColdStart(
      { ...options, peer: process.env['PEER_JAR'], runtimeClient: process.env['RUNTIME_CLIENT'] },
      console.log,
    ),
  );

program
  .command('burst')
  .description(
    "publishes requests at once for one account on an embedded LocalStack, under EC2's throttle of CopyImage (burst 100, " +
      '1 a second) and its limit of copies in progress, and compares the time with the least that the throttle allows',
  )
  .option('--requests <n>', 'how many requests', count, 500)
  .option('--speed <n>', "how many times faster than EC2's the emulator's clock runs", positive, 4)
  .option('--copy-seconds <n>', "how long EC2 needs for a copy, in EC2's seconds", positive, 240)
  .option('--concurrent-copies <n>', 'how many copies EC2 makes at a time', count, 300)
  .action(async (options: BurstOptions) => {
    await requireTerraform(process.env);
    await benchBurst(options, console.log);
  });

program
  .command('rollout')
  .description(
    'deploys to target accounts on an embedded LocalStack with one stack an account, as image-copier deploy does, and with ' +
      'one state that has a provider alias for each, and compares time and peak memory; it takes some 20 minutes',
  )
  .option('--accounts <n,...>', 'how many target accounts', wholeNumbers, [1, 4, 16])
  .action(async ({ accounts }: { accounts: number[] }) => {
    await requireTerraform(process.env);
    await benchRollout(accounts, console.log);
  });

program
  .command('revoke')
  .description(
    'revokes an image with image-copier revoke --wait in many accounts of a stand-in for AWS, with a latency added to each ' +
      'call and some calls failing, and says after how long the accounts are done',
  )
  .option('--accounts <n>', 'how many target accounts', count, 300)
  .option('--latency <ms>', 'what is added to each call', positive, 50)
  .option('--failing <percent>', 'calls of a hundred that fail', positive, 1)
  .action((options: RevokeOptions) => benchRevoke(options, console.log));

/** A benchmark that has a command of the tool read many accounts. */
function manyAccounts(name: string) {
  return program
    .command(name)
    .option('--accounts <n>', 'how many target accounts', count, 300)
    .option('--recipes <n>', 'how many recipes, each copied into each account', count, 50)
    .option('--latency <ms>', 'after how long each call is answered', positive, 50)
    .option('--rounds <n>', 'how often it runs', count, 3)
    .option('--against <file>', 'another build of the tool, which runs in turns with this one');
}

manyAccounts('status')
  .description(
    'reads many accounts with image-copier status, from a server that stands in for AWS and answers each call after a while, ' +
      'and compares that with what the calls take by themselves',
  )
  .option('--copies <n>', 'how many copies of each recipe an account has', count, 1)
  .action((options: StatusOptions) => benchStatus(options, console.log));

manyAccounts('doctor')
  .description(
    'examines many accounts, in each of which all is well, with image-copier doctor, from a server that stands in for AWS and ' +
      'answers each call after a while, and compares that with what the calls take by themselves',
  )
  .action((options: DoctorOptions) => benchDoctor(options, console.log));

program
  .command('tool')
  .description(
    'starts image-copier for its help and for the status of one account, in turns with a script that does nothing and with two ' +
      'calls of the AWS CLI, from a server that stands in for AWS, and fails if it takes more of the processors than its goals allow',
  )
  .option('--rounds <n>', 'how often each is started', count, 15)
  .option('--latency <ms>', 'after how long each call is answered', positive, 50)
  .option('--beside <file>', 'image-copier.mjs of another build, which is measured in turns with this one')
  .action((options: ToolBenchOptions) => benchTool(options, console.log));

program
  .command('fleet')
  .description(
    'reads the instances of many accounts with image-copier fleet, from a server that stands in for AWS and answers each call ' +
      'after a while, and fails if that takes a minute or more',
  )
  .option('--accounts <n>', 'how many target accounts', count, 300)
  .option('--instances <n>', 'how many instances, in all accounts together', count, 10_000)
  .option('--latency <ms>', 'after how long each call is answered', positive, 50)
  .action((options: FleetBenchOptions) => benchFleet(options, console.log));

program
  .command('promote')
  .description(
    'points a channel to a copy in many accounts with image-copier promote, on a server that stands in for AWS and answers each ' +
      'call after a while, and fails if that takes more than a minute',
  )
  .option('--accounts <n>', 'how many target accounts', count, 300)
  .option('--latency <ms>', 'after how long each call is answered', positive, 50)
  .action((options: PromoteBenchOptions) => benchPromote(options, console.log));

program
  .command('page')
  .description(
    'makes the status page of many accounts, opens it in the browser of the tests and scrolls it, and fails if it takes longer ' +
      'until it can be used, or scrolls with fewer frames a second, than its goals allow',
  )
  .option('--accounts <n>', 'how many target accounts', count, 1000)
  .option('--recipes <n>', 'how many recipes', count, 50)
  .option('--rounds <n>', 'how often it is opened', count, 3)
  .action((options: PageBenchOptions) => benchPage(options, console.log));

program
  .command('enforcement')
  .description(
    'runs integration tests on an embedded LocalStack, in turns with policies deciding on each call and with none, and ' +
      'compares the time',
  )
  .option('--rounds <n>', 'how often they run in each way', count, 5)
  .option(
    '--tests <part,...>',
    'which test files, by parts of their paths; they must hold without enforcement too',
    (value: string) => list(value),
    ['copy-image', 'dead-letters', 'many-accounts', 'several-accounts', 'settle-copy'],
  )
  .action(async (options: EnforcementOptions) => {
    await requireTerraform(process.env);
    await benchEnforcement(options, console.log);
  });

await runScript(async () => {
  await program.parseAsync();
});

function wholeNumbers(value: string): number[] {
  return list(value).map(count);
}
