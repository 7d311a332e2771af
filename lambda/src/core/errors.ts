/** A failure that time may fix: the message stays in the queue and is tried again. */
export class RetryableError extends Error {
  override readonly name: string = 'RetryableError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** EC2 takes no more calls at this moment: a second or so fixes it. */
export class ThrottledError extends RetryableError {
  override readonly name = 'ThrottledError';
}

/**
 * A failure of which nobody can say whether time fixes it: an error that is not known, or a right that is missing and may
 * just not have spread yet. It is tried again for {@link UNCERTAIN_SECONDS} and no longer.
 */
export class UncertainError extends RetryableError {
  override readonly name = 'UncertainError';
}

/**
 * How long after it came a request is tried again that meets an {@link UncertainError}. Changes of IAM take minutes to be
 * seen everywhere (IAM User Guide, "Changes that I make are not always immediately visible").
 */
export const UNCERTAIN_SECONDS = 60 * 60;

/** EC2 does not copy within the time that was asked for. Without such a time it may. */
export class PaceRefusedError extends RetryableError {
  override readonly name = 'PaceRefusedError';
}

/** EC2 knows the ClientToken, of a copy that was asked for in other words: other tags, another name. */
export class TokenTakenError extends RetryableError {
  override readonly name = 'TokenTakenError';
}

/** A failure that trying again cannot fix: the message goes to the dead-letter queue with this reason. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What was thrown, as an error: anything can be thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
