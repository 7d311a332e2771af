import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { shellPath, type Shell } from '../../scripts/dev/shells.ts';
import { ROOT } from '../../scripts/tool/common/paths.ts';
import { onTerminal } from './support/command.ts';

const LAUNCHER = join(ROOT, 'scripts', 'tool', 'image-copier.mjs');
const TAB = '\t';
/** Lets a shell print the line that stands there between << and >>. */
const SHOW = '\x14';
const CLEAR = '\x15';

/** How each shell is started for a person, in a folder, with the completion as the help of `completion` says. */
const SHELLS: Readonly<Record<Shell, { readonly start: string; readonly args: (home: string) => readonly string[] }>> =
  {
    bash: {
      start: String.raw`PS1='ready> '
bind -x '"\C-t": echo "<<$READLINE_LINE>>"'
eval "$(image-copier completion -s bash)"`,
      args: (home) => ['--noprofile', '--rcfile', join(home, '.zshrc'), '-i'],
    },
    zsh: {
      start: String.raw`PROMPT='ready> '
autoload -Uz compinit && compinit -u -D
show() { print -r -- "<<$BUFFER>>" }
zle -N show && bindkey '^T' show
eval "$(image-copier completion -s zsh)"`,
      args: () => ['-o', 'NO_GLOBAL_RCS', '-i'],
    },
    fish: {
      start: String.raw`function fish_prompt; echo 'ready> '; end
bind \ct 'echo "<<"(commandline)">>"'
image-copier completion -s fish | source`,
      args: (home) => ['--no-config', '-i', '-C', `source ${join(home, '.zshrc')}`],
    },
  };

const CASES = [
  ['image-copier stat', 'image-copier status '],
  ['image-copier dead-letters redr', 'image-copier dead-letters redrive '],
  ['image-copier status --rec', 'image-copier status --recipe '],
  ['image-copier completion -s z', 'image-copier completion -s zsh '],
  ['image-copier status --accounts-file acc', 'image-copier status --accounts-file accounts.yaml '],
  ['image-copier status --accounts-file=acc', 'image-copier status --accounts-file=accounts.yaml '],
  ['image-copier deploy --only pay', 'image-copier deploy --only payments '],
  ['image-copier deploy --only payments,we', 'image-copier deploy --only payments,web '],
  ['image-copier deploy --only wave=ca', 'image-copier deploy --only wave=canary '],
  ['image-copier deploy --only=wave=ca', 'image-copier deploy --only=wave=canary '],
  [
    'image-copier status --accounts-file ~/accounts.yaml --only we',
    'image-copier status --accounts-file ~/accounts.yaml --only web ',
  ],
  ['AWS_PROFILE=one image-copier stat', 'AWS_PROFILE=one image-copier status '],
  ['true; ./image-copier.mjs stat', 'true; ./image-copier.mjs status '],
  ['~/image-copier.mjs stat', '~/image-copier.mjs status '],
  ['image-copier status --html $(touch evaluated) --rec', 'image-copier status --html $(touch evaluated) --recipe '],
] as const;

describe.each(Object.entries(SHELLS))('%s', (name, { start, args }) => {
  const home = mkdtempSync(join(tmpdir(), 'completion-'));
  let shell: ChildProcessWithoutNullStreams;
  let output = '';

  beforeAll(async () => {
    mkdirSync(join(home, 'bin'));
    symlinkSync(LAUNCHER, join(home, 'bin', 'image-copier'));
    symlinkSync(LAUNCHER, join(home, 'image-copier.mjs'));
    symlinkSync(join(ROOT, 'terraform', 'examples', 'many-accounts', 'accounts.yaml'), join(home, 'accounts.yaml'));
    writeFileSync(join(home, '.zshrc'), start);
    const [program = '', ...rest] = onTerminal([shellPath(name as Shell), ...args(home)]);
    const PATH = [join(home, 'bin'), process.env['PATH']].join(delimiter);
    shell = spawn(program, rest, { cwd: home, env: { PATH, HOME: home, TERM: 'xterm', LC_ALL: 'C.UTF-8' } });
    shell.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await shown(/ready> /);
  });

  afterAll(async () => {
    const ended = once(shell, 'close');
    shell.kill('SIGKILL');
    await ended;
    rmSync(home, { recursive: true });
  });

  /** What the shell shows next, once it does. */
  async function shown(pattern: RegExp): Promise<string> {
    for (;;) {
      const [found, text = ''] = pattern.exec(output) ?? [];
      if (found !== undefined) {
        output = '';
        return text;
      }
      await once(shell.stdout, 'data');
    }
  }

  it.each(CASES)('makes of %s', async (typed, completed) => {
    shell.stdin.write(`${CLEAR}${typed}${TAB}${SHOW}`);

    expect(await shown(/<<(.*?)>>/)).toBe(completed);
    expect(existsSync(join(home, 'evaluated'))).toBe(false);
  });
});
