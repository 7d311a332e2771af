import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { buildZip } from '../build.ts';
import { SetupError } from '../../tool/common/setup-error.ts';
import { startAwsStub } from './cold-start/aws-stub.ts';
import { cannedAnswers } from './cold-start/canned-answers.ts';
import { chartOf } from './cold-start/chart.ts';
import { CpuLimit } from './cold-start/cpu-limit.ts';
import { measure, tableOf, type VariantFigures } from './cold-start/measure.ts';
import { prepareVariants, type FromOutside } from './cold-start/variants.ts';

export interface ColdStartOptions extends FromOutside {
  /** How often each function is started with each memory setting. */
  readonly rounds: number;
  /** Memory settings in MB: Lambda gives processor time in proportion. */
  readonly memory: readonly number[];
  /** Whether each function is measured on Node 24 too, beside itself on Node 22. */
  readonly onNode24: boolean;
  /** Where the figures go. */
  readonly out: string;
}

/**
 * Starts each function many times in turns, as Lambda starts it for a request that finds none waiting, against one stub
 * for AWS, and writes the figures as JSON and as a chart.
 * @throws {SetupError} if this machine cannot measure it
 */
export async function benchColdStart(options: ColdStartOptions, report: (line: string) => void): Promise<void> {
  if (process.platform !== 'linux') throw new SetupError('This benchmark reads /proc. Run it on Linux.');
  const limit = CpuLimit.open();
  limit?.close();
  if (!limit) report('No cgroups can be made here, so processor time is not limited: all memory settings are alike.');
  if (options.runtimeClient === undefined) {
    report(
      "Functions run under the emulator's client of the Runtime API. RUNTIME_CLIENT=<aws-lambda-ric/index.mjs> takes AWS's.",
    );
  }
  await buildZip(report);
  const directory = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const stub = await startAwsStub(cannedAnswers());
  try {
    const variants = await prepareVariants(directory, stub, options);
    const figures: VariantFigures[] = [];
    for (const memoryMb of options.memory) {
      report(`${memoryMb} MB, ${options.rounds} rounds; medians, with quartiles in parentheses:`);
      const ofMemory = await measure(variants, memoryMb, options.rounds, stub, directory);
      for (const line of tableOf(ofMemory)) report(line);
      figures.push(...ofMemory);
    }
    mkdirSync(options.out, { recursive: true });
    const [json, svg] = [join(options.out, 'cold-start.json'), join(options.out, 'cold-start.svg')];
    const runtimeClient = options.runtimeClient === undefined ? 'emulator' : 'aws-lambda-ric';
    const about = {
      node: process.version,
      runtimeClient,
      processorLimited: limit !== undefined,
      rounds: options.rounds,
    };
    writeFileSync(json, `${JSON.stringify({ ...about, figures }, undefined, 2)}\n`);
    writeFileSync(svg, chartOf(figures));
    report(`Written: ${relative('', json)}, ${relative('', svg)}`);
  } finally {
    stub.close();
    rmSync(directory, { recursive: true });
  }
}
