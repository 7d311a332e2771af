import { UserError } from './user-error.ts';

/** Something that the machine lacks. */
export class SetupError extends UserError {
  override readonly name = 'SetupError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 2, options);
  }
}
