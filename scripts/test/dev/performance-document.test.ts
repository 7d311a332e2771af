import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { tableOf, type VariantFigures } from '../../dev/bench/cold-start/measure.ts';
import { ROOT } from '../../tool/common/paths.ts';

const DOCS = join(ROOT, 'docs');
const rows = readFileSync(join(DOCS, 'performance.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map(cells);

function figuresIn(file: string): VariantFigures[] {
  return (JSON.parse(readFileSync(join(DOCS, 'performance', file), 'utf8')) as { figures: VariantFigures[] }).figures;
}

/** A row of a Markdown table without the padding. */
function cells(line: string): string {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
    .join(' | ');
}

it('shows the cold starts as they were measured', () => {
  const [, , ...measured] = tableOf(figuresIn('cold-start.json')).map(cells);

  expect(rows).toEqual(expect.arrayContaining(measured));
});

it('shows each memory setting as it was measured', () => {
  const figures = figuresIn('memory.json');
  const settings = Array.from(new Set(figures.map(({ memoryMb }) => memoryMb)));
  const measured = settings.map((memoryMb) => {
    const of = (name: string) => figures.find((each) => each.memoryMb === memoryMb && each.name === name);
    const [copy, settle] = [of('copy-image'), of('settle-copy')];
    const gigabytes = memoryMb / 1024;
    const cold = copy?.coldMs.median ?? NaN;
    const warm = copy?.warmMs.median ?? NaN;
    return [
      memoryMb,
      ...[cold, warm, cold * gigabytes, warm * gigabytes].map((value) => value.toFixed(0)),
      copy?.coldOverFloor?.median.toFixed(2),
      settle?.coldMs.median.toFixed(0),
      settle?.warmMs.median.toFixed(0),
      settle?.coldOverFloor?.median.toFixed(2),
    ].join(' | ');
  });

  expect(rows).toEqual(expect.arrayContaining(measured));
});

it('shows Node 24 beside Node 22 as it was measured', () => {
  const figures = figuresIn('node-24.json');
  const measured = figures.flatMap(({ name, memoryMb, coldMs, coldCpuMs, warmMs, peakMb, coldOverFloor }) => {
    const before = figures.find((each) => each.memoryMb === memoryMb && name === `${each.name} on Node 24`);
    // What does nothing is no function of ours.
    if (!before || before.name === 'empty handler') return [];
    const { median = NaN, low = NaN, high = NaN } = coldOverFloor ?? {};
    const ratio = `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
    const [cold, ...others] = [
      [before.coldMs, coldMs],
      [before.coldCpuMs, coldCpuMs],
      [before.warmMs, warmMs],
      [before.peakMb, peakMb],
    ].map((pair) => pair.map((each) => each.median.toFixed(0)).join(' | '));
    return [[before.name, memoryMb, cold, ratio, ...others].join(' | ')];
  });

  expect(measured).toHaveLength(4);
  expect(rows).toEqual(expect.arrayContaining(measured));
});

it('says in CONTRIBUTING.md what was measured at equal memory, and with each at its own default', () => {
  const of = (name: string, memory: number) =>
    figuresIn('cold-start.json').find((each) => each.name === name && each.memoryMb === memory);
  const copy = of('copy-image', 256);
  const [byHand, peer] = [copy?.coldOverFloor?.median.toFixed(2), copy?.coldOverPeer?.median.toFixed(3)];
  const ownDefaults = (copy?.coldMs.median ?? NaN) / (of('guardian/amigo', 512)?.coldMs.median ?? NaN);
  const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8').replaceAll('\n', ' ');

  expect(text).toContain(`With 256 MB for each of them`);
  expect(text).toContain(`copy-image takes ${byHand} of the first and ${peer} of the second`);
  expect(text).toContain(`512 MB by default: with that it is ${ownDefaults.toFixed(3)}`);
});
