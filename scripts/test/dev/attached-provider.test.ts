import { describe, expect, it } from '@jest/globals';
import { providerFor } from '../../dev/attached-provider.ts';
import { onlyTypes } from '../../dev/provider-schema.ts';

/** A field of protocol buffers with a length. */
function field(number: number, value: Buffer | string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([Buffer.from([number * 8 + 2]), lengthOf(content), content]);
}

function lengthOf({ length }: Buffer): Buffer {
  return Buffer.from(length < 128 ? [length] : [(length % 128) + 128, Math.floor(length / 128)]);
}

/** An entry of a map from a type to its schema. */
function typed(type: string, schema: string): Buffer {
  return Buffer.concat([field(1, type), field(2, schema)]);
}

/** A message as gRPC sends it. */
function sent(...fields: readonly Buffer[]): Buffer {
  const message = Buffer.concat(fields);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

describe('onlyTypes', () => {
  const provider = field(1, 'the schema of the provider itself');
  const queue = field(2, typed('aws_sqs_queue', 'x'.repeat(1000)));
  const capabilities = field(6, Buffer.from([0x08, 0x01]));

  it('keeps the types that are named, and all that is no type', () => {
    const others = [
      field(2, typed('aws_instance', 'y')),
      field(3, typed('aws_ami', 'z')),
      field(8, typed('aws_x', '')),
    ];
    const region = field(3, typed('aws_region', 'of a data source'));
    const answer = sent(provider, queue, ...others, region, capabilities);

    expect(onlyTypes(answer, new Set(['aws_sqs_queue', 'aws_region']))).toEqual(
      sent(provider, queue, region, capabilities),
    );
  });

  it('refuses what has another form', () => {
    const cut = sent(provider, queue).subarray(0, -1);
    expect(() => onlyTypes(cut, new Set())).toThrow('This is no schema of a provider.');
    expect(() => onlyTypes(sent(Buffer.from([0x08, 0x01])), new Set())).toThrow('This is no schema of a provider.');
  });
});

describe('providerFor', () => {
  const one = Buffer.from('account 1');
  const other = Buffer.from('account 2');
  const unused = { configuration: other, users: new Set<string>(), calls: 0 };
  const planned = { configuration: one, users: new Set(['plan']), calls: 0 };
  const atWork = { configuration: one, users: new Set(['apply']), calls: 1 };
  const ofOther = { configuration: other, users: new Set(['plan']), calls: 0 };

  it.each([
    ['the one that has the same configuration', [unused, planned], planned],
    ['one that nobody uses, whatever it was configured for', [atWork, ofOther, unused], unused],
    ['none that has another configuration and is in use', [ofOther], undefined],
    ['none that has the same one and is at work', [atWork], undefined],
    ['none that is still answering somebody who has left', [{ ...unused, calls: 1 }], undefined],
  ])('takes %s', (_, providers, expected) => {
    expect(providerFor(one, providers)).toBe(expected);
  });
});
