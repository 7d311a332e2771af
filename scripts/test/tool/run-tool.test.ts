import { SQSServiceException } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import packageJson from '../../../package.json' with { type: 'json' };
import { FakeAws } from './support/fake-aws.ts';
import { FakeTerminal } from './support/fake-terminal.ts';
import { run } from './support/run.ts';

const COMMANDS = [
  ...[
    'request',
    'status',
    'fleet',
    'doctor',
    'backfill',
    'history',
    'promote',
    'rollback',
    'retire',
    'restore',
    'revoke',
    'unrevoke',
    'dead-letters',
    'deploy',
    'destroy',
    'exec',
    'cost',
    'completion',
  ],
];

const LEAVES = COMMANDS.flatMap((command) =>
  command === 'dead-letters' ? ['list', 'redrive', 'discard'].map((each) => [command, each]) : [[command]],
);

/** What STS answers to the first call of `status`. */
function awsThatFails(error: Error): FakeAws {
  const aws = new FakeAws();
  aws.close(aws.ownAccount, error);
  return aws;
}

describe('the tool', () => {
  it('prints its version, before and after a command', async () => {
    for (const args of [
      ['--version'],
      ['version'],
      ['status', '--version'],
      ['--version', 'cost'],
      ['cost', '--version'],
    ]) {
      expect(await run(args)).toEqual({ code: 0, out: `${packageJson.version}\n`, err: '' });
    }
  });

  it('lists its commands in the help that was asked for', async () => {
    const { code, out, err } = await run(['--help']);
    const listed = Array.from(out.matchAll(/^ {2}([a-z][a-z-]*)( \[.*?\]| <.*?>)* {2,}/gm), ([, command]) => command);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(listed).toEqual([...COMMANDS, 'help']);
  });

  it.each(LEAVES.filter(([command]) => command !== 'completion'))(
    'begins each command in the help of %s as it was started itself',
    async (...command) => {
      const { out } = await run([...command, '--help'], { program: './a/copier.mjs' });
      const examples = Array.from(out.matchAll(/^ {2}(\S+ .*)$/gm), ([, line = '']) => line).filter((line) =>
        line.includes(` ${command.join(' ')} `),
      );

      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) expect(example).toMatch(/^\.\/a\/copier\.mjs /);
      expect(out).toContain(`Usage: ./a/copier.mjs ${command.join(' ')} `);
      expect(out).not.toMatch(/image-copier [a-z]/);
    },
  );

  it('shows its help as wrong usage if no command is named', async () => {
    const { code, out, err } = await run([]);

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Usage: image-copier [options] [command]');
  });

  it('wraps its help to the width of the terminal', async () => {
    const widest = async (terminal: FakeTerminal) => {
      const { out } = await run(['--help'], { terminal });
      return Math.max(...out.split('\n').map((line) => line.length));
    };

    expect(await widest(new FakeTerminal({ columns: 90 }))).toBeLessThanOrEqual(90);
    expect(await widest(new FakeTerminal({ columns: 140 }))).toBeGreaterThan(90);
    expect(await widest(new FakeTerminal())).toBeLessThanOrEqual(80);
  });

  it('wraps the help that is shown as wrong usage too', async () => {
    const { err } = await run([], { terminal: new FakeTerminal({ columns: 90 }) });

    expect(Math.max(...err.split('\n').map((line) => line.length))).toBeLessThanOrEqual(90);
  });

  it('suggests the command that was probably meant', async () => {
    expect(await run(['statsu'])).toEqual({
      code: 2,
      out: '',
      err: "error: unknown command 'statsu'\n(Did you mean status?)\n",
    });
  });

  it('prints what the user can fix, without a stack, and ends with its code', async () => {
    expect(await run(['status', '--only', 'web'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: --only chooses from an --accounts-file.\n',
    });
  });

  it('explains the errors of AWS', async () => {
    const error = new SQSServiceException({ name: 'ExpiredToken', message: 'no', $fault: 'client', $metadata: {} });

    expect(await run(['status'], { aws: awsThatFails(error) })).toEqual({
      code: 1,
      out: '',
      err: 'Error: The AWS credentials have expired. Log in again (for example aws sso login).\n',
    });
  });

  it('prints the stack of what it does not know', async () => {
    const { code, out, err } = await run(['status'], { aws: awsThatFails(new TypeError('undefined is no function')) });

    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^TypeError: undefined is no function\n {4}at .*run-tool\.test\.ts/);
  });
});
