import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../../../tool/common/paths.ts';
import { formatFleet } from '../../../tool/fleet/show.ts';
import { fleetReport, runningInstance } from './sample-fleet.ts';

const shown = (...args: Parameters<typeof fleetReport>) => formatFleet(fleetReport(...args), { width: undefined });

describe('the fleet as a text', () => {
  it('counts instances by recipe, and names those that are not current or no copies', () => {
    const instances = [
      runningInstance({ instanceId: 'i-1', imageId: 'ami-3' }),
      runningInstance({
        instanceId: 'i-2',
        imageId: 'ami-1',
        state: 'behind',
        behind: 2,
        bakedAt: '2026-11-01T00:00:00Z',
      }),
      runningInstance({ instanceId: 'i-3', imageId: 'ami-2', state: 'behind', behind: 1 }),
      runningInstance({ instanceId: 'i-4', imageId: 'ami-0', state: 'revoked', behind: 3 }),
      runningInstance({ instanceId: 'i-5', imageId: 'ami-9', state: 'no copy', recipe: undefined, bakedAt: undefined }),
      runningInstance({
        instanceId: 'i-6',
        imageId: 'ami-8',
        state: 'unknown',
        recipe: undefined,
        reason: 'EC2 does not tell.',
      }),
    ];

    expect(shown(instances)).toBe(
      `
RECIPE  INSTANCES  CURRENT  BEHIND  REVOKED  NO COPY  UNKNOWN  OLDEST  MOST BEHIND
ubuntu  4          1        2       1        0        0        29 d    3
-       2          0        0       0        1        1        5 d     -

STATE     RECIPE  ACCOUNT   REGION     IMAGE  AGE   INSTANCES  WHICH
revoked   ubuntu  payments  eu-west-1  ami-0  5 d   1          i-4
unknown   -       payments  eu-west-1  ami-8  5 d   1          i-6. EC2 does not tell.
2 behind  ubuntu  payments  eu-west-1  ami-1  29 d  1          i-2
1 behind  ubuntu  payments  eu-west-1  ami-2  5 d   1          i-3

6 instances in 1 account and Region: 1 current, 2 behind, 1 revoked, 1 no copy, 1 unknown.
`.trim(),
    );
  });

  it('is what docs/tool.md shows', () => {
    const manual = readFileSync(join(ROOT, 'docs', 'tool.md'), 'utf8');
    const web = { account: 'web', accountId: '333333333333' };
    const old = '2026-11-01T00:00:00Z';
    const instances = [
      ...['i-1', 'i-2', 'i-3'].map((instanceId) => runningInstance({ instanceId })),
      runningInstance({
        instanceId: 'i-0aaaaaaaaaaaaaaaa',
        imageId: 'ami-0aaaaaaaaaaaaaaaa',
        state: 'revoked',
        behind: 1,
        bakedAt: '2026-11-18T00:00:00Z',
      }),
      runningInstance({
        ...web,
        instanceId: 'i-0bbbbbbbbbbbbbbbb',
        imageId: 'ami-0bbbbbbbbbbbbbbbb',
        state: 'behind',
        behind: 3,
        bakedAt: old,
      }),
      runningInstance({
        ...web,
        instanceId: 'i-0cccccccccccccccc',
        imageId: 'ami-0cccccccccccccccc',
        state: 'unknown',
        recipe: undefined,
        reason: 'Its image is gone, and no copy or source image has its name.',
        bakedAt: old,
      }),
      runningInstance({ ...web, instanceId: 'i-9', imageId: 'ami-9', state: 'no copy', recipe: undefined }),
    ];
    const [environment] = fleetReport([]).environments;
    const environments = environment ? [environment, { ...environment, ...web }] : [];

    expect(manual).toContain(
      `\n$ image-copier fleet --accounts-file accounts.yaml\n${shown(instances, { environments })}\n`,
    );
  });

  it('has one line for all instances of an image in an account', () => {
    const instances = [1, 2, 3, 4, 5].map((number) =>
      runningInstance({ instanceId: `i-${number}`, state: 'revoked', copyId: 'ami-copy' }),
    );
    const elsewhere = runningInstance({
      instanceId: 'i-6',
      state: 'revoked',
      account: 'web',
      accountId: '333333333333',
    });

    const lines = shown([...instances, elsewhere])
      .split('\n')
      .slice(4, 6);
    expect(lines).toEqual([
      expect.stringMatching(/payments .* 5 {10}i-1, i-2, i-3 and 2 more\. Its image was made of ami-copy\.$/),
      expect.stringMatching(/web .* 1 {10}i-6$/),
    ]);
  });

  it('shows 60 lines, or with `all` a line for each image', () => {
    const old = Array.from({ length: 61 }, (_, index) =>
      runningInstance({ instanceId: `i-${index}`, imageId: `ami-${index}`, state: 'behind', behind: 1 }),
    );
    const report = fleetReport([...old, runningInstance({ imageId: 'ami-new' })]);

    const few = formatFleet(report, { width: undefined });
    expect(few.match(/^1 behind/gm)).toHaveLength(60);
    expect(few).toContain('\n\n1 more. --all shows them.\n\n');
    const all = formatFleet(report, { width: undefined, all: true });
    expect(all.match(/^1 behind/gm)).toHaveLength(61);
    expect(all).toMatch(/^current .* ami-new /m);
    expect(all).not.toContain('--all');
  });

  it('says how many accounts could not be read', () => {
    const [environment] = fleetReport([]).environments;
    const environments = environment ? [environment, { ...environment, problem: 'Access denied.' }] : [];

    expect(shown([runningInstance()], { environments })).toMatch(
      /\n1 instance in 1 account and Region: 1 current\. 1 could not be read\.$/,
    );
  });

  it('says that there is none', () => {
    expect(shown([])).toBe('No running instance was found.');
  });
});
