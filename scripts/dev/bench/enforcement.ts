import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '../../tool/common/table.ts';
import { CACHE, ROOT } from '../../tool/common/paths.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import { buildTool, buildZip } from '../build.ts';
import { localStackOn } from '../localstack/emulator.ts';
import { installLocalStack } from '../localstack/install.ts';
import { freePort, lambdaNodeBinary, startLocalStack } from '../localstack/server.ts';
import { spread, type Spread } from './statistics.ts';

type Report = (line: string) => void;

export interface EnforcementOptions {
  /** How often the tests run in each of both ways. */
  readonly rounds: number;
  /** Parts of the paths of test files. */
  readonly tests: readonly string[];
}

const WORK = join(CACHE, 'bench', 'enforcement');

/**
 * Runs integration tests that hold without enforcement too, in turns with policies deciding on each call and with none, on an
 * emulator that is new each time. Prints the time of both, and the median of their ratios. A first run, which fills jest's
 * cache, does not count.
 * @throws {Error} if a test fails
 */
export async function benchEnforcement({ rounds, tests }: EnforcementOptions, report: Report): Promise<void> {
  await installLocalStack(report);
  await buildZip(report);
  await buildTool(report);
  mkdirSync(WORK, { recursive: true });
  report(`${availableParallelism()} processors. Running ${tests.join(', ')} once, which does not count ...`);
  await secondsOf(tests, true);
  const pairs: { readonly enforced: number; readonly open: number }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    // In turn first and second, so that what else the machine does falls on both.
    const order = round % 2 === 1 ? [true, false] : [false, true];
    const seconds = new Map<boolean, number>();
    for (const isEnforced of order) seconds.set(isEnforced, await secondsOf(tests, isEnforced));
    const pair = { enforced: seconds.get(true) ?? NaN, open: seconds.get(false) ?? NaN };
    pairs.push(pair);
    const [enforced, open] = [pair.enforced, pair.open].map((each) => each.toFixed(1));
    report(
      `Round ${round}: ${enforced} s enforced, ${open} s not, ratio ${(pair.enforced / pair.open).toFixed(3)}. ` +
        `Load ${loadavg()[0]?.toFixed(1) ?? '?'}.`,
    );
  }
  const rows = [
    ['enforced, s', ...cells(spread(pairs.map(({ enforced }) => enforced)), 1)],
    ['not enforced, s', ...cells(spread(pairs.map(({ open }) => open)), 1)],
    ['ratio', ...cells(spread(pairs.map(({ enforced, open }) => enforced / open)), 3)],
  ];
  report(`\n${formatTable(['', 'MEDIAN', 'QUARTILES'], rows, undefined)}`);
}

/** How long the tests take; to start the emulator is not counted. */
async function secondsOf(tests: readonly string[], isEnforced: boolean): Promise<number> {
  const { endpoint, stop } = await startLocalStack({ ...localStackOn(await freePort()), isEnforced });
  try {
    const log = join(WORK, `${isEnforced ? 'enforced' : 'open'}.log`);
    const results = join(WORK, 'results.json');
    const output = openSync(log, 'w');
    const startMs = performance.now();
    const code = await runProgram(
      lambdaNodeBinary(),
      [
        join(ROOT, 'node_modules', '.bin', 'jest'),
        ...['-c', join(ROOT, 'integration', 'jest.config.json'), '--json', `--outputFile=${results}`, ...tests],
      ],
      { env: { ...process.env, AWS_ENDPOINT_URL: endpoint }, cwd: ROOT, stdout: output, stderr: output },
    );
    const seconds = (performance.now() - startMs) / 1000;
    closeSync(output);
    if (code !== 0) throw new Error(`A test failed ${isEnforced ? 'with' : 'without'} enforcement. See ${log}.`);
    const { numPassedTests } = JSON.parse(readFileSync(results, 'utf8')) as { numPassedTests: number };
    if (numPassedTests === 0) throw new Error(`There are no tests ${tests.join(', ')}.`);
    return seconds;
  } finally {
    await stop();
  }
}

function cells({ median, low, high }: Spread, digits: number): string[] {
  return [median.toFixed(digits), `${low.toFixed(digits)}–${high.toFixed(digits)}`];
}
