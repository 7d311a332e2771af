import fc from 'fast-check';

/** What forges log lines, hides text, or trips over a language's own machinery. */
const NASTY = ['\0', '\n', '\r', '\u001b', '\u007f', '\u0085', '\u2028', '\u202e', '\u{e0041}', '\ud800', '"', '\\'];

/** Any text: all of Unicode, halves of surrogate pairs, and more control characters than chance gives. */
export function anyText(constraints: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }));
  return fc.string({ unit, ...constraints });
}

/** A tag's name, often one that an object has already. */
export const tagName = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', '10', '', 'Name'),
  anyText({ maxLength: 60 }),
);

export const imageId = fc.stringMatching(/^ami-[0-9a-f]{1,32}$/);

/** A time as EC2 says it. */
export const isoTime = fc
  .date({ min: new Date('2006-08-25T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** What is not to be seen in a log line: control characters, and those that hide or turn round what stands beside them. */
export const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;
