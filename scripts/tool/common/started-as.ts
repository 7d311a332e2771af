import { basename, delimiter, isAbsolute, join, relative, resolve } from 'node:path';
import { shellQuoted } from './shell-quoted.ts';

/** How a script was started. */
export interface Start {
  /** The path of the script as it was called, which may be a link: `process.argv[1]`. */
  readonly script: string;
  /** The script itself. */
  readonly file: string;
  /** The current folder. */
  readonly folder: string;
  /** The environment variable PATH. */
  readonly path: string;
  /** Whether a path is a file that a shell can run. */
  readonly isExecutable: (path: string) => boolean;
}

/**
 * How the user starts the same script again from the current folder: its name if that is what PATH leads to, else its
 * path. Never by npx, which fetches from the public registry what it does not find.
 */
export function startedAs({ script, file, folder, path, isExecutable }: Start): string {
  // By npx. What it put on PATH is gone when it ends.
  if (/[\\/](_npx|node_modules[\\/]\.bin)[\\/]/.test(script)) {
    return byPath(file, folder, isExecutable);
  }
  const name = basename(script);
  const found = path
    .split(delimiter)
    .map((each) => join(resolve(folder, each), name))
    .find(isExecutable);
  return found === script ? shellQuoted(name) : byPath(script, folder, isExecutable);
}

function byPath(file: string, folder: string, isExecutable: Start['isExecutable']): string {
  const below = relative(folder, file);
  const isBelow = !below.startsWith('..') && !isAbsolute(below);
  if (isExecutable(file)) return shellQuoted(isBelow ? `./${below}` : file);
  return `node ${shellQuoted(isBelow ? below : file)}`;
}
