import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { MessageAttributeValue, SendMessageCommandInput } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { deadLetterCommand } from '../../src/adapters/dead-letter.ts';
import { NOW_MS } from '../factories.ts';
import { anyText } from './arbitraries.ts';

const MAX_BYTES = 256 * 1024;
const VALID = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]+$/u;

/** The characters that a message may hold, by the bytes that they take. */
const ASCII = { first: 0x20, last: 0x7e, bytes: 1 };
const RANGES = [
  ASCII,
  { first: 0x80, last: 0x7ff, bytes: 2 },
  { first: 0x800, last: 0xd7ff, bytes: 3 },
  { first: 0x10000, last: 0x10ffff, bytes: 4 },
];

// Gzip looks back no further than 32 KiB, so a block of this size can be repeated without being easier to compress.
const BLOCK_BYTES = 64 * 1024;

/** Random characters of the ranges, each range as often as its weight says: what can be compressed the least. */
function randomBody({ seed, weights, size }: { seed: number; weights: number[]; size: number }): string {
  let state = seed;
  // Numerical Recipes' generator; fast-check's own takes seconds for texts of this size.
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const mixed = RANGES.flatMap((range, index) => Array.from({ length: weights[index] ?? 0 }, () => range));
  let block = '';
  for (let left = BLOCK_BYTES; left > 0;) {
    const picked = mixed[Math.floor(random() * mixed.length)] ?? ASCII;
    const { first, last, bytes } = picked.bytes <= left ? picked : ASCII;
    block += String.fromCodePoint(first + Math.floor(random() * (last - first + 1)));
    left -= bytes;
  }
  const whole = block.repeat(Math.floor(size / BLOCK_BYTES));
  const rest = Buffer.from(block).subarray(0, size % BLOCK_BYTES);
  // The last character may be cut in the middle; three letters at the most take its place.
  const end = rest.toString().replace(/\uFFFD+$/, '');
  return whole + end + 'x'.repeat(rest.length - Buffer.byteLength(end));
}

const body = fc
  .record({
    seed: fc.nat(),
    weights: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.nat(9), fc.nat(9)),
    size: fc.oneof(fc.constant(MAX_BYTES), fc.integer({ min: MAX_BYTES - 6000, max: MAX_BYTES }), fc.nat(MAX_BYTES)),
  })
  .map(randomBody);

const letter = fc.record(
  {
    body,
    reason: fc.record({
      code: anyText({ minLength: 1, maxLength: 100 }),
      message: fc.oneof(anyText({ minLength: 1 }), fc.constantFrom('🦊'.repeat(1001), '\0'.repeat(5000))),
    }),
    requestedAtMs: fc.integer({ min: 0, max: NOW_MS }),
    receiveCount: fc.integer({ min: 1, max: 1000 }),
    attempt: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ['body', 'reason', 'requestedAtMs'] },
);

/** As SQS counts: the body, and the name, type and value of each attribute. */
function bytesOf({ MessageBody = '', MessageAttributes = {} }: SendMessageCommandInput): number {
  const attributes = Object.entries(MessageAttributes).flatMap(
    ([name, { DataType = '', StringValue = '', BinaryValue = '' }]) => [name, DataType, StringValue, BinaryValue],
  );
  return [MessageBody, ...attributes].reduce((sum, part) => sum + Buffer.byteLength(part), 0);
}

function restore({ MessageBody, MessageAttributes }: SendMessageCommandInput): string | undefined {
  const packed = MessageAttributes?.['CompressedBody']?.BinaryValue;
  return packed ? gunzipSync(packed).toString() : MessageBody;
}

describe('deadLetterCommand', () => {
  const textOf = (attribute: MessageAttributeValue | undefined) => attribute?.StringValue ?? '';

  it('makes any request fit beside its reason, whole', () => {
    fc.assert(
      fc.property(letter, (sent) => {
        const { input } = deadLetterCommand('https://sqs.test/dead-letters', sent);
        expect(bytesOf(input)).toBeLessThanOrEqual(MAX_BYTES);
        expect(restore(input) === sent.body).toBe(true);
        const { Reason, ErrorCode } = input.MessageAttributes ?? {};
        expect(textOf(Reason)).toMatch(VALID);
        expect(textOf(ErrorCode)).toMatch(VALID);
      }),
      { numRuns: 15 },
    );
  });

  // Of random texts, those of these shares of one and two bytes have the most even spread of bytes.
  it('has room for the longest reason beside the text that is the hardest to compress', () => {
    const hardest = randomBody({ seed: 1, weights: [69, 31, 0, 0], size: MAX_BYTES });
    const reason = { code: '🦊'.repeat(100), message: '🦊'.repeat(1000) };
    const { input } = deadLetterCommand('https://sqs.test/dead-letters', { body: hardest, reason, requestedAtMs: 0 });

    expect(bytesOf(input)).toBeLessThanOrEqual(MAX_BYTES);
    expect(restore(input) === hardest).toBe(true);
  });
});
