import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { alternativesOf } from '../../../tool/cost/alternatives.ts';
import { PRICES, PRICES_AS_OF, PRICES_REGION } from '../../../tool/cost/prices.ts';
import { ROOT } from '../../../tool/common/paths.ts';
import { count } from '../../../tool/cost/words.ts';
import { tablesOfDocument } from './document-tables.ts';
import { planWith } from './plan.ts';
import { runCost } from './run.ts';

const DOCUMENT = readFileSync(join(ROOT, 'docs', 'cost.md'), 'utf8');

/** The cells of every table, without the line below its head. */
const tables = Array.from(DOCUMENT.matchAll(/(?:^\|.*\n)+/gm), ([table]) => {
  const [head = [], , ...rows] = table
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  return [head, ...rows];
});
const commands = Array.from(DOCUMENT.matchAll(/```console\n\$ image-copier cost (.*)\n([^`]*)```/g));

describe('docs/cost.md', () => {
  const expected = tablesOfDocument();

  it('has these tables, and no other', () => {
    expect(tables.map(([head]) => head)).toEqual(expected.map(([head]) => head));
  });

  it.each(expected.map((rows, index) => ({ name: rows[0]?.join(', '), rows, index })))(
    'has the figures of the code: $name',
    ({ rows, index }) => {
      expect(tables[index]).toEqual(rows);
    },
  );

  it('shows what the command prints, and no other output', async () => {
    expect(DOCUMENT.match(/```console/g)).toHaveLength(commands.length);
    expect(commands.length).toBeGreaterThan(1);
    for (const [, args = '', shown] of commands) {
      expect(shown).toBe((await runCost(args.split(' '))).stdout);
    }
  });

  it('says of which Region and day the prices are', () => {
    expect(DOCUMENT).toContain(`list prices of ${PRICES_REGION} as known on ${PRICES_AS_OF}`);
  });
});

it('shows a command line in docs/tool.md that works', async () => {
  const [, args = ''] = /`image-copier cost (.*?)`/.exec(readFileSync(join(ROOT, 'docs', 'tool.md'), 'utf8')) ?? [];

  expect(await runCost(args.split(' '))).toEqual({ stdout: expect.stringContaining('Total') as unknown });
});

describe('README.md', () => {
  const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const plan = planWith({ accounts: 100, bakesPerDay: 10 });
  const dollarsOf = (changes = {}) =>
    alternativesOf({ ...plan, ...changes }).map(({ dollars }) => count(Math.round(dollars)));

  it('says for which numbers its alternatives are, and what each of them costs', () => {
    const [, numbers] = /^For (.*) and each copy full\./m.exec(README) ?? [];
    const rows = Array.from(README.matchAll(/^\| (?:share|have) [^|]*\| +([\d,]+) +\|/gm), ([, dollars]) => dollars);

    expect(numbers).toBe(
      `${plan.accounts} accounts in one Region, ${plan.bakesPerDay} bakes a day, ${plan.imageGib} GiB in an image, images kept for ${plan.keepDays} days`,
    );
    expect(rows).toEqual(dollarsOf());
  });

  it('says from how many accounts on it is cheaper to move an image once and store it there too', () => {
    const { transfer, snapshot } = PRICES;
    const [, each, stored, accounts] =
      /pays about \$([\d.]+) a GiB for each such copy.*for about \$([\d.]+) a GiB.*cheaper from (\w+) accounts/s.exec(
        README,
      ) ?? [];
    const cheaperFrom = Math.floor((transfer.dollars + snapshot.dollars) / transfer.dollars) + 1;

    expect([each, stored]).toEqual([String(transfer.dollars), String(snapshot.dollars)]);
    expect(accounts).toBe(['none', 'one', 'two', 'three', 'four', 'five'][cheaperFrom]);
  });

  it('says what Image Copier costs with the newest copies of each recipe alone', () => {
    const [, copies, recipes, dollars] =
      /With the newest (\d+) of each of (\d+) recipes kept, in place of 30 days, the last row is \$([\d,]+)/.exec(
        README.replaceAll('\n', ' '),
      ) ?? [];

    expect(dollars).toBe(dollarsOf({ newest: { copies: Number(copies), recipes: Number(recipes) } }).at(-1));
  });
});
