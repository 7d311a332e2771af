/** The fields of tfplugin5's GetProviderSchema.Response that are maps from a type's name to its schema. */
const MAPS_OF_TYPES = new Set([2, 3, 8]);
const LENGTH_DELIMITED = 2;
/** Of a message in gRPC: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/**
 * The answer of a provider that says what its schema is, as gRPC sends it, without the types that are not named.
 * @throws {Error} if the answer has another form
 */
export function onlyTypes(answer: Buffer, types: ReadonlySet<string>): Buffer {
  const message = answer.subarray(PREFIX_BYTES);
  const kept: Buffer[] = [];
  for (const { number, field, value } of fieldsOf(message)) {
    if (!MAPS_OF_TYPES.has(number) || types.has(keyOf(value))) kept.push(field);
  }
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(
    kept.reduce((sum, { length }) => sum + length, 0),
    1,
  );
  return Buffer.concat([prefix, ...kept]);
}

interface Field {
  readonly number: number;
  /** With its number and its length. */
  readonly field: Buffer;
  readonly value: Buffer;
}

/** The fields of a message of protocol buffers. Those of a schema all have a length. */
function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  while (at < message.length) {
    const start = at;
    const tag = readVarint();
    const length = readVarint();
    if (tag % 8 !== LENGTH_DELIMITED || at + length > message.length)
      throw new Error('This is no schema of a provider.');
    at += length;
    yield { number: Math.floor(tag / 8), field: message.subarray(start, at), value: message.subarray(at - length, at) };
  }

  function readVarint(): number {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }
}

/** An entry of a map begins with its key. */
function keyOf(entry: Buffer): string {
  const [key] = fieldsOf(entry);
  return key?.value.toString() ?? '';
}
