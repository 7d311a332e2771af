import { join } from 'node:path';
import type { AwsStub } from './aws-stub.ts';
import { runProcess, type ProcessFigures } from './lambda-process.ts';
import { median, spread, type Spread } from '../statistics.ts';
import { PEER, type Variant } from './variants.ts';

/** The first is cold, the others are warm. */
const INVOCATIONS = 11;

/** What a function did in all rounds with one memory setting. */
export interface VariantFigures {
  readonly name: string;
  readonly memoryMb: number;
  /** From the start of the process until it asks for its first event. */
  readonly initMs: Spread;
  /** From the first event to its answer. */
  readonly firstMs: Spread;
  /** Both together. */
  readonly coldMs: Spread;
  /** From a later event to its answer. */
  readonly warmMs: Spread;
  /** Processor time of the cold start. */
  readonly coldCpuMs: Spread;
  readonly peakMb: Spread;
  readonly zipBytes: number;
  /** What one event made it ask of AWS, such as `ec2:CopyImage`. */
  readonly calls: readonly string[];
  /** Its cold start over that of its floor in the same round. */
  readonly coldOverFloor?: Spread;
  /** Its cold start over that of the peer in the same round. */
  readonly coldOverPeer?: Spread;
}

/** Runs the functions in turns. */
export async function measure(
  variants: readonly Variant[],
  memoryMb: number,
  rounds: number,
  stub: AwsStub,
  directory: string,
): Promise<VariantFigures[]> {
  const logFile = join(directory, 'function.log');
  const runs = new Map<string, ProcessFigures[]>(variants.map(({ name }) => [name, []]));
  const calls = new Map<string, string[]>();
  for (let round = 0; round < rounds; round += 1) {
    // Another one goes first each time, so that none always follows the same.
    const first = round % variants.length;
    for (const { name, command, env, event } of [...variants.slice(first), ...variants.slice(0, first)]) {
      const beforeEvent = stub.startOver;
      const options = { command, env, memoryMb, invocations: INVOCATIONS, event, beforeEvent, logFile };
      runs.get(name)?.push(await runProcess(options));
      const names = stub.takeSteps().flatMap((step) => step.map(({ service, operation }) => `${service}:${operation}`));
      if (names.length % INVOCATIONS !== 0)
        throw new Error(`${name} made ${names.length} calls for ${INVOCATIONS} events`);
      calls.set(name, names.slice(0, names.length / INVOCATIONS));
    }
  }
  const coldsOf = (name: string) => runs.get(name)?.map(({ initMs, firstMs }) => initMs + firstMs);
  return variants.map(({ name, zipBytes, floor }) => {
    const own = runs.get(name) ?? [];
    const colds = coldsOf(name) ?? [];
    const over = (others: readonly number[]) => spread(colds.map((cold, round) => cold / (others[round] ?? NaN)));
    const floors = floor === undefined ? undefined : coldsOf(floor);
    const peers = name === PEER ? undefined : coldsOf(PEER);
    return {
      name,
      memoryMb,
      initMs: spread(own.map(({ initMs }) => initMs)),
      firstMs: spread(own.map(({ firstMs }) => firstMs)),
      coldMs: spread(colds),
      warmMs: spread(own.map(({ warmMs }) => median(warmMs))),
      coldCpuMs: spread(own.map(({ coldCpuMs }) => coldCpuMs)),
      peakMb: spread(own.map(({ peakKb }) => peakKb / 1024)),
      zipBytes,
      calls: calls.get(name) ?? [],
      ...(floors && { coldOverFloor: over(floors) }),
      ...(peers && { coldOverPeer: over(peers) }),
    };
  });
}

const COLUMNS = ['function', 'zip kB', 'init ms', 'first ms', 'cold ms', 'cold CPU ms', 'warm ms', 'peak MB', 'calls'];
const RATIOS = ['cold / by hand', 'cold / peer'];

/** A Markdown table: medians, with the quartiles of those that decide. */
export function tableOf(figures: readonly VariantFigures[]): string[] {
  const hasPeer = figures.some(({ coldOverPeer }) => coldOverPeer !== undefined);
  const columns = [...COLUMNS, ...(hasPeer ? RATIOS : RATIOS.slice(0, 1))];
  const rows = figures.map((each) => [
    each.name,
    (each.zipBytes / 1000).toFixed(1),
    each.initMs.median.toFixed(0),
    each.firstMs.median.toFixed(0),
    withQuartiles(each.coldMs, 0),
    each.coldCpuMs.median.toFixed(0),
    each.warmMs.median.toFixed(1),
    each.peakMb.median.toFixed(0),
    String(each.calls.length),
    each.coldOverFloor ? withQuartiles(each.coldOverFloor, 2) : '',
    ...(hasPeer ? [each.coldOverPeer ? withQuartiles(each.coldOverPeer, 3) : ''] : []),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, index) => (index === 0 ? '---' : '--:'))), ...rows.map(line)];
}

function withQuartiles({ median: middle, low, high }: Spread, digits: number): string {
  return `${middle.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
