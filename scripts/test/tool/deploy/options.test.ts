import { describe, expect, it } from '@jest/globals';
import { sameDeployment, parallelFor } from '../../../tool/deploy/options.ts';

describe('parallelFor', () => {
  it.each([
    [1, 8000, 3],
    [2, 8000, 6],
    [16, 64_000, 8],
    [16, 2400, 3],
    [16, 2399, 2],
    [16, 100, 1],
  ])('runs on %d processors with %d MiB of free memory %3$d accounts at a time', (processors, freeMib, accounts) => {
    expect(parallelFor(processors, freeMib)).toBe(accounts);
  });
});

describe('sameDeployment', () => {
  it('leaves out what is the default', () => {
    expect(
      sameDeployment('image-copier', ['deploy', '--resume'], {
        accountsFile: 'accounts.yaml',
        out: '.image-copier',
        parallel: 3,
      }),
    ).toBe('image-copier deploy --resume');
  });

  it('names the accounts file and the folder if they are others', () => {
    expect(
      sameDeployment('image-copier', ['destroy', '--only', 'web'], { accountsFile: 'a.yaml', out: 'b', parallel: 3 }),
    ).toBe('image-copier destroy --only web --accounts-file a.yaml --out b');
  });
});
