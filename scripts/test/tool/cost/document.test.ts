import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PRICES_AS_OF, PRICES_REGION } from '../../../tool/cost/prices.ts';
import { ROOT } from '../../../tool/common/paths.ts';
import { tablesOfDocument } from './document-tables.ts';
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
