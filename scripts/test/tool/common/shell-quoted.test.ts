import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { shellPath } from '../../../dev/shells.ts';
import { shellQuoted } from '../../../tool/common/shell-quoted.ts';

describe('shellQuoted', () => {
  it.each(['accounts.yaml', './a/b-c_d.mjs', 'arn:aws:iam::222222222222:role/x', 'wave=canary', 'a@b,c%d+e'])(
    'leaves %s as it is',
    (word) => {
      expect(shellQuoted(word)).toBe(word);
    },
  );

  it.each([
    '',
    ' ',
    'a b',
    "it's",
    '~',
    '=ls',
    '$HOME',
    '`id`',
    '*',
    'a;b',
    '!!',
    '"',
    String.raw`\n`,
    '#',
    'a\nb',
    '{a,b}',
  ])('makes one word of %j for a shell', (word) => {
    for (const shell of ['bash', 'zsh'] as const) {
      const echoed = execFileSync(shellPath(shell), ['-c', `printf %s ${shellQuoted(word)}`], { encoding: 'utf8' });
      expect(echoed).toBe(word);
    }
    expect(shellQuoted(word)).not.toBe(word);
  });
});
