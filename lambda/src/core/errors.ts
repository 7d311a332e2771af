/** A failure that time may mend: the message stays in the queue and is tried again. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A failure that trying again cannot mend: the message goes to the dead-letter queue with this reason. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
