import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '../../../tool/deploy/deployment.ts';
import { runEveryStack } from '../../../tool/deploy/run-stacks.ts';
import { inWaves } from '../../../tool/deploy/waves.ts';
import { Rollout } from './rollout.ts';

let rollout: Rollout;
let deployment: Deployment;
let lines: string[];

beforeEach(() => {
  rollout = new Rollout();
  deployment = Deployment.open({
    accountsFile: rollout.accountsFile,
    out: rollout.terraform.out,
    env: rollout.terraform.env,
  });
  lines = [];
});

afterEach(() => {
  rollout.terraform.remove();
});

const applyAll = () =>
  runEveryStack(
    { deployment, action: 'apply', waves: inWaves(deployment.stacks, []).map((stacks) => ({ stacks })), parallel: 1 },
    (line) => lines.push(line),
  );

describe('runEveryStack', () => {
  it('runs Terraform for every stack, wave by wave, and tells what came of each', async () => {
    const reports = await applyAll();

    expect(reports.map(({ stack: { name }, result }) => [name, result])).toEqual([
      ['source', 'done'],
      ['payments', 'done'],
      ['web', 'done'],
    ]);
    expect(lines).toEqual([
      expect.stringMatching(/^\[1\/3\] source: done in \d+ s: \+2 ~1 -0$/),
      expect.stringMatching(/^\[2\/3\] payments: done in \d+ s: \+2 ~1 -0$/),
      expect.stringMatching(/^\[3\/3\] web: done in \d+ s: \+2 ~1 -0$/),
    ]);
  });

  it('fails with the problems of all stacks that fail', async () => {
    rollout.terraform.fail('apply payments', 'Error: no such role');
    rollout.terraform.fail('apply web', 'Error: no such key');

    await expect(applyAll()).rejects.toThrow(/Error: no such role\n.*\n?Error: no such key$/);
  });
});
