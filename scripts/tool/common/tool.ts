import type { Connect } from './aws-clients.ts';
import type { Terminal } from './terminal.ts';

/** The codes that the commands end with. */
export const EXIT_CODES = 'Exit codes: 0 done, 1 something failed, 2 wrong usage, or stopped by you.';

/** 0: done, 1: something failed, 2: wrong usage, or stopped by the user. */
export type ExitCode = 0 | 1 | 2;

/** All that a command has of the world around it. Only main.ts makes the real one. */
export interface Tool {
  /** How the user started the tool, as a shell reads it: what each command that it prints begins with. */
  readonly program: string;
  readonly terminal: Terminal;
  /** Loads the SDK, which takes longer than to print help. */
  readonly loadConnect: () => Promise<Connect>;
  /** The environment variables of what a command starts. */
  readonly env: NodeJS.ProcessEnv;
  readonly interruptible: Interruptible;
  /** Whether it runs from its bundle, which has a file for threads (thread.ts). */
  readonly hasThreads?: true;
}

/**
 * Runs something that must clean up when the user stops it. The signal that it is given is then aborted, with the
 * error for the user.
 * @param again is called for each further Ctrl-C; by default it ends the process at once
 */
export type Interruptible = <T>(use: (signal: AbortSignal) => Promise<T>, again?: () => void) => Promise<T>;

/** Takes the code that a command ended with: an {@link ExitCode}, or that of the program that it ran for the user. */
export type End = (code: number) => void;
