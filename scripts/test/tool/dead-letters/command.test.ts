import { describe, expect, it } from '@jest/globals';
import { run } from '../support/run.ts';

describe('dead-letters', () => {
  it.each(['list', 'redrive', 'discard'])('shows an example and the exit codes in the help of %s', async (command) => {
    const { code, out } = await run(['dead-letters', command, '--help']);

    expect(code).toBe(0);
    expect(out).toContain(`\n  image-copier dead-letters ${command} `);
    expect(out).toContain('Exit codes: 0 done, 1 something failed, 2 wrong usage, or stopped by you.');
  });

  it.each(['redrive', 'discard'])('does not %s if nothing says which', async (command) => {
    expect(await run(['dead-letters', command])).toEqual({
      code: 2,
      out: '',
      err: 'Error: Say which dead letters: --id, --image, --code, or --all for every one.\n',
    });
  });

  it.each([
    [['list', '--all'], "error: unknown option '--all'"],
    [['lst'], "error: unknown command 'lst'\n(Did you mean list?)"],
    [['list', '--region', 'EU'], 'It must be a Region, such as eu-west-1.'],
    [['list', '--role-arn', 'operator'], 'It must be like arn:aws:iam::222222222222:role/operator.'],
    [['list', '--name', 'a/b'], 'It must be 1 to 36 letters, digits, hyphens and underscores.'],
  ])('rejects %j in words', async (args, words) => {
    const { code, err } = await run(['dead-letters', ...args]);

    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});
