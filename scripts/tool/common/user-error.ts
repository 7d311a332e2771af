/** The codes that the commands end with. */
export const EXIT_CODES = 'Exit codes: 0 done, 1 something failed, 2 wrong usage, or stopped by you.';

/** Something that the user can mend. The message is one line that names the remedy; no stack trace is shown. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
