import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PARALLEL } from '../../tool/common/in-environments.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import { OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { buildTool } from '../build.ts';
import { emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { TOOL } from '../tool-bundle.ts';
import { accountsFileOf, REGION, StandIn, type Answer, type Call } from './stand-in.ts';
import { median } from './statistics.ts';

/** How a command that reads many accounts is measured. */
export interface ManyAccountsOptions {
  readonly accounts: number;
  /** Each call is answered after so many milliseconds. */
  readonly latency: number;
  readonly rounds: number;
  /** Another build of the tool, which runs in turns with this one. */
  readonly against?: string;
}

/** A command that reads many accounts. */
export interface ManyAccountsCommand {
  readonly name: 'doctor' | 'status';
  /** What each account has, in words. */
  readonly subject: string;
  readonly answer: (call: Call) => Answer;
  /** How many calls of one account waited for each other in the run that has just ended. */
  readonly callsInTurn: () => number;
  /**
   * Looks at what the command printed.
   * @throws {Error} if it does not show what the accounts have
   */
  readonly check: (output: string) => void;
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly mebibytes: number;
  readonly calls: number;
  readonly boundSeconds: number;
}

/**
 * Has a command read many accounts of a server that stands in for AWS and answers each call after a while, and says how far that is from
 * what its calls take by themselves.
 * @throws {Error} if it shows something else than the accounts have, or calls more accounts at a time than it may
 */
export async function benchManyAccounts(
  command: ManyAccountsCommand,
  options: ManyAccountsOptions,
  report: (line: string) => void,
): Promise<void> {
  const { accounts, latency, rounds, against } = options;
  await buildTool(report);
  const folder = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const aws = await StandIn.open(latency, command.answer);
  const accountsFile = join(folder, 'accounts.yaml');
  writeFileSync(accountsFile, accountsFileOf(accounts));
  const tools = { ...(against !== undefined && { [against]: against }), 'this one': TOOL };
  const runs = new Map<string, Run[]>(Object.keys(tools).map((name) => [name, []]));
  report(`${command.name} of ${accounts} accounts, ${command.subject}, ${latency} ms a call.`);
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, tool] of Object.entries(tools)) {
        const words = [tool, command.name, '--accounts-file', accountsFile, '--json'];
        const { output, ...run } = await runOnce(words, aws, join(folder, 'usage'));
        command.check(output);
        const boundSeconds = (Math.ceil(accounts / PARALLEL) * command.callsInTurn() * latency) / 1000;
        runs.get(name)?.push({ ...run, boundSeconds });
      }
    }
    for (const [name, all] of runs) report(`${name}: ${summaryOf(all, accounts)}`);
    requireFewAtATime(aws);
  } finally {
    aws.close();
    rmSync(folder, { recursive: true });
  }
}

function summaryOf(runs: readonly Run[], accounts: number): string {
  const of = (figure: keyof Run) => median(runs.map((run) => run[figure]));
  const [seconds, bound] = [of('seconds'), of('boundSeconds')];
  return [
    `${seconds.toFixed(1)} s (${(seconds / bound).toFixed(1)} times the ${bound.toFixed(1)} s of its calls)`,
    `${of('cpuSeconds').toFixed(1)} s of CPU`,
    `${of('mebibytes').toFixed(0)} MiB`,
    `${(of('calls') / accounts).toFixed(1)} calls an account`,
  ].join(', ');
}

/** The source account is asked beside the others; roles are assumed by the operators' account. */
function requireFewAtATime({ mostAccounts }: StandIn): void {
  if (mostAccounts <= PARALLEL + 2) return;
  throw new Error(`${mostAccounts} accounts were called at a time, and there may be ${PARALLEL} and two more.`);
}

/** Says at its end what the process has used. */
const USAGE = `process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  require('node:fs').writeFileSync(process.env.BENCH_USAGE, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS / 1024 }));
});`;

async function runOnce(words: readonly string[], aws: StandIn, usage: string) {
  const preloaded = `${usage}.cjs`;
  writeFileSync(preloaded, USAGE);
  const env = {
    ...withoutAws(),
    ...emulatedEnvironment(aws.url, OPERATORS_ACCOUNT, REGION),
    BENCH_USAGE: usage,
  };
  const calls = aws.calls;
  let output = '';
  const start = performance.now();
  await runProgram(process.execPath, ['--require', preloaded, ...words], {
    env,
    stdout: (text) => (output += text),
    stderr: 'inherit',
  });
  const seconds = (performance.now() - start) / 1000;
  const { cpu, rss } = JSON.parse(readFileSync(usage, 'utf8')) as { cpu: number; rss: number };
  return { output, seconds, cpuSeconds: cpu, mebibytes: rss, calls: aws.calls - calls };
}
