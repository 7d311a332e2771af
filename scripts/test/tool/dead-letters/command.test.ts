import { describe, expect, it } from '@jest/globals';
import { Command, CommanderError } from 'commander';
import { addDeadLetters } from '../../../tool/dead-letters/command.ts';
import { UserError } from '../../../tool/common/user-error.ts';

/** Runs the program up to what it throws, and gives that with what it wrote. */
async function run(...args: string[]): Promise<{ thrown: unknown; written: string }> {
  let written = '';
  const write = (text: string) => {
    written += text;
  };
  const program = new Command('image-copier').exitOverride().configureOutput({ writeOut: write, writeErr: write });
  addDeadLetters(program);
  const thrown: unknown = await program
    .parseAsync(['dead-letters', ...args], { from: 'user' })
    .catch((error: unknown) => error);
  return { thrown, written };
}

describe('dead-letters', () => {
  it.each(['list', 'redrive', 'discard'])('shows an example and the exit codes in the help of %s', async (command) => {
    const { thrown, written } = await run(command, '--help');

    expect(thrown).toMatchObject({ exitCode: 0 });
    expect(written).toContain(`npx image-copier dead-letters ${command} `);
    expect(written).toContain('Exit codes: 0 done, 1 something failed, 2 wrong usage, or stopped by you.');
  });

  it.each(['redrive', 'discard'])('refuses to %s if nothing says which', async (command) => {
    expect(await run(command)).toMatchObject({
      thrown: new UserError('Say which dead letters: --id, --image, --code, or --all for every one.', 2),
    });
  });

  it.each([
    [['list', '--all'], "error: unknown option '--all'"],
    [['lst'], "error: unknown command 'lst'\n(Did you mean list?)"],
    [['list', '--region', 'EU'], 'It must be a Region, such as eu-west-1.'],
    [['list', '--role-arn', 'operator'], 'It must be like arn:aws:iam::222222222222:role/operator.'],
    [['list', '--name', 'a/b'], 'It must be 1 to 37 letters, digits, hyphens and underscores.'],
  ])('refuses %j in words', async (args, words) => {
    const { thrown, written } = await run(...args);

    expect(thrown).toBeInstanceOf(CommanderError);
    expect(written).toContain(words);
  });
});
