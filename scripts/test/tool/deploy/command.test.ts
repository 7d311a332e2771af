import { describe, expect, it } from '@jest/globals';
import { run } from '../support/run.ts';

describe('deploy and destroy', () => {
  it.each(['deploy', 'destroy'])('shows an example and the exit codes in the help of %s', async (command) => {
    const { code, out } = await run([command, '--help']);

    expect(code).toBe(0);
    expect(out).toContain(`\n  image-copier ${command} `);
    expect(out).toContain('Exit codes: 0 done, 1 something failed, 2 wrong usage, or stopped by you.');
  });

  it.each([
    ['--plan', '--smoke'],
    ['--plan', '--waves', 'wave=canary'],
    ['--resume', '--only', 'payments'],
    ['--resume', '--waves', 'wave=canary'],
    ['--resume', '--smoke'],
  ])('does not take %s together with %s', async (...options) => {
    const { code, err } = await run(['deploy', ...options]);

    expect(code).toBe(2);
    expect(err).toMatch(/^error: option '--\S+.*' cannot be used with option '--\S+.*'\n$/);
  });

  it.each(['0', '-1', '1.5', '1000', 'many'])('does not take %s accounts at a time', async (value) => {
    const { code, err } = await run(['deploy', `--parallel=${value}`]);

    expect(code).toBe(2);
    expect(err).toBe(
      `error: option '--parallel <n>' argument '${value}' is invalid. It must be a whole number from 1 to 999.\n`,
    );
  });
});
