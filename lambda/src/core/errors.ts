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
