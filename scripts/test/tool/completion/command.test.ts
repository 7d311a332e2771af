import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { shellPath, type Shell } from '../../../dev/shells.ts';
import { ROOT } from '../../../tool/common/paths.ts';
import { writeAccountsFile } from '../support/accounts-file.ts';
import { run } from '../support/run.ts';

const accountsFile = writeAccountsFile({
  source: { id: '111111111111' },
  topic: 'amigo-PROD-notify',
  defaults: { regions: ['eu-west-1'], roleName: 'operator' },
  accounts: [
    { id: '222222222222', name: 'payments', labels: { wave: 'canary', team: 'money' } },
    { id: '333333333333', name: 'web', labels: { wave: 'canary' } },
  ],
});

/** What a shell is told, and the words of it. */
async function completed(...words: readonly string[]): Promise<{ kind: string; words: readonly string[] }> {
  const { code, out, err } = await run(['__complete', '--', ...words]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [kind = '', ...lines] = out.trimEnd().split('\n');
  return { kind, words: lines.map((line) => line.split('\t')[0] ?? '') };
}

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'] as const)('prints a script that %s can read', async (shell: Shell) => {
    const file = join(ROOT, 'scripts', 'tool', 'completion', `image-copier.${shell}`);

    expect(await run(['completion', '-s', shell])).toEqual({ code: 0, out: readFileSync(file, 'utf8'), err: '' });
    execFileSync(shellPath(shell), ['-n', file]);
  });

  it('says in its help how a shell loads it, in whatever folder that starts', async () => {
    const launcher = join(ROOT, 'scripts', 'tool', 'image-copier.mjs');
    const helpOf = async (program: string) => (await run(['completion', '--help'], { program })).out;

    expect(await helpOf('image-copier')).toContain('\n  eval "$(image-copier completion -s bash)"\n');
    expect(await helpOf('./image-copier.mjs')).toContain(`\n  eval "$(${launcher} completion -s bash)"\n`);
  });

  it('asks for the shell', async () => {
    expect(await run(['completion'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--shell <shell>') as unknown,
    });
    expect(await run(['completion', '-s', 'tcsh'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Allowed choices are bash, zsh, fish.') as unknown,
    });
  });

  it('offers commands, those of a command, and none that are hidden', async () => {
    const commands = await completed('');

    expect(commands.words).toEqual(expect.arrayContaining(['request', 'dead-letters', 'completion', 'help']));
    expect(commands.words.filter((word) => word.startsWith('_'))).toEqual([]);
    expect(await completed('st')).toEqual({ kind: 'words', words: ['status'] });
    expect(await completed('dead-letters', 'r')).toEqual({ kind: 'words', words: ['redrive'] });
    expect(await completed('nosuch', 'dead-letters', 'r')).toEqual({ kind: 'words', words: ['redrive'] });
  });

  it('describes what it offers', async () => {
    const { out } = await run(['__complete', '--', 'completion', '--s']);

    expect(out).toBe('words\n--shell\tyour shell\n');
  });

  it('offers the options that are not given yet, or can be given again', async () => {
    expect((await completed('completion', '-')).words).toEqual(['--shell', '--help']);
    expect((await completed('completion', '-s', 'zsh', '-')).words).toEqual(['--help']);
    expect((await completed('completion', '--shell=zsh', '-')).words).toEqual(['--help']);
    expect((await completed('dead-letters', 'redrive', '--id', 'a', '--i')).words).toEqual(['--id', '--image']);
  });

  it('offers no options where none may stand', async () => {
    expect(await completed('status', '--recipe', '--')).toEqual({ kind: 'words', words: [] });
    expect(await completed('status', '--', '--re')).toEqual({ kind: 'words', words: [] });
    expect(await completed('status', '--', 'dead-letters', '--re')).toEqual({ kind: 'words', words: [] });
  });

  it('leaves files and folders to the shell', async () => {
    expect(await completed('status', '--html', '')).toEqual({ kind: 'files', words: [] });
    expect(await completed('status', '--accounts-file=a')).toEqual({ kind: 'files', words: [] });
    expect(await completed('deploy', '--out', 'b')).toEqual({ kind: 'folders', words: [] });
  });

  it('offers choices', async () => {
    expect(await completed('completion', '-s', '')).toEqual({ kind: 'words', words: ['bash', 'zsh', 'fish'] });
    expect(await completed('completion', '--shell=b')).toEqual({ kind: 'words', words: ['--shell=bash'] });
  });

  it.each([
    ['status', ['payments', 'web', 'wave=canary', 'team=money']],
    ['deploy', ['source', 'payments', 'web', 'wave=canary', 'team=money']],
  ])('offers what %s --only may choose from the accounts file', async (command, choices) => {
    expect((await completed(command, '--accounts-file', accountsFile, '--only', '')).words).toEqual(choices);
    expect((await completed(command, `--accounts-file=${accountsFile}`, '--only', 'w')).words).toEqual([
      'web',
      'wave=canary',
    ]);
  });

  it('goes on with a list after each comma, and leaves out what it has', async () => {
    const typed = ['status', '--accounts-file', accountsFile];

    expect((await completed(...typed, '--only', 'web,wave=canary,')).words).toEqual([
      'web,wave=canary,payments',
      'web,wave=canary,team=money',
    ]);
    expect((await completed(...typed, '--only=payments,we')).words).toEqual(['--only=payments,web']);
  });

  it('offers labels for the waves of a deploy', async () => {
    expect((await completed('deploy', '--accounts-file', accountsFile, '--waves', '')).words).toEqual([
      'wave=canary',
      'team=money',
    ]);
  });

  it('offers nothing from an accounts file that is not named, not there or not right', async () => {
    const broken = writeAccountsFile({ accounts: 1 });

    for (const named of [[], ['--accounts-file', '/none'], ['--accounts-file', broken]]) {
      expect(await completed('status', ...named, '--only', '')).toEqual({ kind: 'words', words: [] });
    }
  });
});
