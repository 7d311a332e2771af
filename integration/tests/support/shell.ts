import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { AWS_CLI } from '../../../scripts/dev/localstack/install.ts';
import { shellPath } from '../../../scripts/dev/shells.ts';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import type { Ended } from './command.ts';

/** A folder with what people have on PATH, in which lines are pasted into shells. */
export class Shell {
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(folder: string, environment: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.#environment = environment;
    mkdirSync(folder, { recursive: true });
    // What `npm install --global` puts on PATH.
    symlinkSync(join(ROOT, 'scripts', 'tool', 'image-copier.mjs'), join(folder, 'image-copier'));
    symlinkSync(AWS_CLI, join(folder, 'aws'));
  }

  /** Runs a line as a shell reads it, with other variables beside those of all lines. */
  async paste(shell: 'bash' | 'sh' | 'zsh', line: string, others: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const child = spawn(shell === 'sh' ? shell : shellPath(shell), ['-c', line], {
      cwd: this.#folder,
      env: { ...this.#environment, PATH: `${this.#folder}:${process.env['PATH'] ?? ''}`, ...others },
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...output };
  }
}
