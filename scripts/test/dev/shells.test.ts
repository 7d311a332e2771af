import { execFileSync } from 'node:child_process';
import { describe, expect, it, jest } from '@jest/globals';
import { shellPath } from '../../dev/shells.ts';

describe('shellPath', () => {
  it.each([
    ['bash', 'echo $BASH_VERSION'],
    ['zsh', 'autoload -Uz compinit && compinit -D && echo $ZSH_VERSION'],
    ['fish', 'complete -C "set --" | string match -q "*--erase*"; and echo $version'],
  ] as const)('leads to a %s that completes what is typed', (shell, program) => {
    expect(execFileSync(shellPath(shell), ['-c', program], { encoding: 'utf8' })).toMatch(/^\d+\.\d+/);
  });

  it('says what to do about one that is missing', () => {
    jest.replaceProperty(process.env, 'PATH', '/none');

    expect(() => shellPath('bash')).toThrow(
      'bash is missing. "make test-unit" fetches it, or install it so that it is on PATH.',
    );
    jest.restoreAllMocks();
  });
});
