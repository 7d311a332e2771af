import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clientToken, type CopyIdentity } from '../../src/core/client-token.ts';
import { anyText } from './arbitraries.ts';

// Few and short texts, so that many identities are equal, or differ only in where one text ends and the next begins.
const part = fc.oneof(fc.string({ unit: fc.constantFrom('a', '"', ',', 'null'), maxLength: 2 }), anyText());
const identity: fc.Arbitrary<CopyIdentity> = fc.record(
  { sourceImageId: part, sourceRegion: part, kmsKeyArn: part, after: part },
  { requiredKeys: ['sourceImageId', 'sourceRegion', 'kmsKeyArn'] },
);

describe('clientToken', () => {
  it('is the same for the same copy, and for no other', () => {
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        expect(clientToken({ ...one })).toBe(clientToken(one));
        expect(clientToken(one) === clientToken(other)).toBe(isDeepStrictEqual({ ...one }, { ...other }));
        expect(clientToken(one)).toMatch(/^[0-9a-f]{64}$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('differs where only the border between two texts does', () => {
    const separator = fc.constantFrom('', ',', '","', ' ', '\0');
    fc.assert(
      fc.property(part, fc.string({ minLength: 1 }), part, separator, (before, moved, behind, between) => {
        const here = { sourceImageId: before + between + moved, sourceRegion: behind, kmsKeyArn: '' };
        const there = { sourceImageId: before, sourceRegion: moved + between + behind, kmsKeyArn: '' };
        expect(clientToken(here)).not.toBe(clientToken(there));
      }),
    );
  });
});
