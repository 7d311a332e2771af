import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { bundleFunctions } from '../../dev/lambda-bundle.ts';
import { ROOT } from '../../tool/common/paths.ts';

type Sizes = Readonly<Record<string, number>>;

const FILE = join('lambda', 'size-budget.json');
const budgets = JSON.parse(readFileSync(join(ROOT, FILE), 'utf8')) as Readonly<Record<string, Sizes>>;
let sizes: Readonly<Record<string, Sizes>>;

beforeAll(async () => {
  const { metafile } = await bundleFunctions();
  sizes = Object.fromEntries(
    Object.entries(metafile.outputs).map(([file, { inputs }]) => [basename(file, '.mjs'), sizesOf(inputs)]),
  );
}, 60_000);

/** The bytes in a file by the package that they come from; `own` is what is written here. */
function sizesOf(inputs: Metafile['outputs'][string]['inputs']): Sizes {
  const found: Record<string, number> = {};
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const dependency = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'own';
    found[dependency] = (found[dependency] ?? 0) + bytesInOutput;
  }
  return found;
}

describe.each(Object.keys(budgets))('%s', (name) => {
  it('keeps to its budget: growth is a decision, written in lambda/size-budget.json', () => {
    const budget = budgets[name] ?? {};
    const over = Object.entries(sizes[name] ?? {})
      .filter(([dependency, bytes]) => bytes > (budget[dependency] ?? 0))
      .map(([dependency, bytes]) => `${dependency}: ${bytes} bytes, of ${budget[dependency] ?? 0} allowed in ${FILE}`);

    expect(over).toEqual([]);
  });

  it('has no budget that is far from what it needs', () => {
    const loose = Object.entries(budgets[name] ?? {})
      .filter(([dependency, bytes]) => bytes > 1000 && bytes > (sizes[name]?.[dependency] ?? 0) * 1.15)
      .map(
        ([dependency, bytes]) => `${dependency}: ${sizes[name]?.[dependency] ?? 0} bytes, ${bytes} allowed in ${FILE}`,
      );

    expect(loose).toEqual([]);
  });
});

it('has a budget for each file of the zip', () => {
  expect(Object.keys(budgets)).toEqual(Object.keys(sizes));
});
