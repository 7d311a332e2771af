/** Something that the machine lacks. The message is one line that names the remedy; it is shown without a stack trace. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}
