import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { buildZip } from '../build.ts';
import { formatTable } from '../../tool/common/table.ts';
import { openTestEmulator } from '../localstack/emulator.ts';
import { MemoryWatch } from '../../tool/deploy/memory.ts';
import { RolloutAccounts, type Way } from './rollout-accounts.ts';
import { median } from './statistics.ts';

type Report = (line: string) => void;

const STEPS = ['create', 'no change', 'destroy'] as const;
type Step = (typeof STEPS)[number];

const REPEATS = 3;
/** A run of Terraform without a change takes seconds, its peak a part of one. */
const SAMPLE_MS = 100;

interface Measured {
  readonly seconds: number;
  /** Undefined where there is no /proc. */
  readonly peakMib: number | undefined;
}

/** Both ways of one step. */
interface Pair {
  readonly step: Step;
  readonly stacks: Measured;
  readonly oneState: Measured;
}

/**
 * Gives target accounts their part, applies again without a change, and destroys: with a stack for each account, as
 * `image-copier deploy` does it, and with one state that has a provider alias for each. Then measures some settings of
 * Terraform on one account. Prints time and peak memory.
 * @param counts numbers of target accounts
 * @throws {Error} if a step fails, or changes what it must not
 */
export async function benchRollout(counts: readonly number[], report: Report): Promise<void> {
  await buildZip(report);
  const emulator = await openTestEmulator(report);
  try {
    const accounts = new RolloutAccounts(emulator.endpoint, join(emulator.workDirectory, 'rollout'));
    report('Applying the source account, which is not measured ...');
    await accounts.applySource();
    report(`${availableParallelism()} processors. At most ${accounts.parallel} stacks at a time.`);
    const rows: string[][] = [];
    for (const [index, count] of counts.entries()) {
      const pairs = await measurePairs(accounts, count, index % 2 === 1, report);
      rows.push(...pairs.map((pair) => [String(count), ...cellsOf(pair)]));
    }
    const head = ['ACCOUNTS', 'STEP', 'STACKS: S', 'ONE STATE: S', 'RATIO', 'STACKS: MIB', 'ONE STATE: MIB', 'RATIO'];
    report(`\n${formatTable(head, rows, undefined)}\n`);
    report('Creating one account to measure settings on ...');
    report(`\n${formatTable(['ONE ACCOUNT, NO CHANGE', 'S', 'MIB'], await settings(accounts), undefined)}`);
  } finally {
    await emulator.close();
  }
}

/** Step by step in turn, so that what else the machine does falls on both. */
async function measurePairs(
  accounts: RolloutAccounts,
  count: number,
  isReversed: boolean,
  report: Report,
): Promise<Pair[]> {
  const stacks = await accounts.stacks(count);
  const oneState = accounts.oneState(await accounts.mergeStacks(`one-state-${count}`, count));
  const pairs: Pair[] = [];
  for (const step of STEPS) {
    const measureNow = async (name: string, way: Way) => {
      const measured = await measure(way, step);
      report(
        `${count} accounts, ${name}, ${step}: ${measured.seconds.toFixed(1)} s, ${measured.peakMib ?? '?'} MiB. ` +
          `Load ${loadavg()[0]?.toFixed(1) ?? '?'}.`,
      );
      return measured;
    };
    const measureStacks = () => measureNow('stacks', stacks);
    const measureOneState = () => measureNow('one state', oneState);
    if (isReversed) {
      const second = await measureOneState();
      pairs.push({ step, stacks: await measureStacks(), oneState: second });
    } else {
      pairs.push({ step, stacks: await measureStacks(), oneState: await measureOneState() });
    }
  }
  return pairs;
}

async function measure({ perform, pids }: Way, step: Step): Promise<Measured> {
  const memory = new MemoryWatch(pids, SAMPLE_MS);
  const startMs = performance.now();
  try {
    const { added, changed, destroyed } = await perform(step === 'destroy' ? 'destroy' : 'apply');
    const seconds = (performance.now() - startMs) / 1000;
    const isAsExpected = { create: added > 0, 'no change': added + changed + destroyed === 0, destroy: destroyed > 0 };
    if (!isAsExpected[step]) throw new Error(`${step}: +${added} ~${changed} -${destroyed}`);
    return { seconds, peakMib: memory.peakMib };
  } finally {
    memory.close();
  }
}

function cellsOf({ step, stacks, oneState }: Pair): string[] {
  const compared = (a = NaN, b = NaN) => [a.toFixed(0), b.toFixed(0), (a / b).toFixed(2)];
  return [step, ...compared(stacks.seconds, oneState.seconds), ...compared(stacks.peakMib, oneState.peakMib)];
}

/** The medians of some runs, taken in turn. */
async function settings(accounts: RolloutAccounts): Promise<string[][]> {
  const folder = await accounts.mergeStacks('settings', 1);
  await measure(accounts.oneState(folder), 'create');
  const variants = {
    'GOGC=400 (ours)': {},
    "GOGC=100 (Go's)": { GOGC: '100' },
    'GOGC=400, -refresh=false': { TF_CLI_ARGS_apply: '-refresh=false' },
  };
  const runs = Object.entries(variants).map(([name, env]) => ({
    name,
    way: accounts.oneState(folder, env),
    measured: [] as Measured[],
  }));
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    for (const { way, measured } of runs) measured.push(await measure(way, 'no change'));
  }
  return runs.map(({ name, measured }) => [
    name,
    median(measured.map(({ seconds }) => seconds)).toFixed(1),
    median(measured.map(({ peakMib = NaN }) => peakMib)).toFixed(0),
  ]);
}
