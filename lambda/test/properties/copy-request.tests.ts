import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCopyRequest, parseCopyRequest, type CopyRequest, type Tag } from '../../src/core/copy-request.ts';
import { RejectedError } from '../../src/core/errors.ts';
import { requestJson } from '../factories.ts';
import { anyText, imageId, tagName, UNPRINTABLE } from './arbitraries.ts';

// What EC2 can store: the others are rejected.
const isStorable = (text: string) => !/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u.test(text);
const storableText = (maxLength: number) =>
  anyText({ maxLength }).map((text) => Array.from(text).filter(isStorable).slice(0, maxLength).join(''));
const storableName = tagName.filter(isStorable);

const request: fc.Arbitrary<CopyRequest> = fc.record({
  sourceAmi: imageId,
  sourceRegion: fc.stringMatching(/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$/),
  targetAccounts: fc.array(fc.stringMatching(/^([0-9]{12}|\*)$/), { maxLength: 5 }),
  name: fc.stringMatching(/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/),
  description: storableText(255),
  tags: fc.uniqueArray(fc.record({ key: storableName, value: storableText(300) }), { selector: ({ key }) => key }),
  withinMinutes: fc.option(
    fc.integer({ min: 1, max: 192 }).map((steps) => 15 * steps),
    { nil: undefined },
  ),
  retry: fc.option(fc.record({ attempt: fc.integer({ min: 1, max: 3 }), after: imageId }), { nil: undefined }),
});

/** A request in which anything may stand for anything. */
const almostRequest = fc.record(
  Object.fromEntries(
    Object.entries({ ...requestJson, withinMinutes: 15, retry: { attempt: 2, after: 'ami-1' } }).map(
      ([field, value]) => [
        field,
        fc.oneof(fc.constant(value), fc.jsonValue(), fc.dictionary(tagName, fc.jsonValue()), anyText()),
      ],
    ),
  ),
  { requiredKeys: [] },
);

const body = fc.oneof(
  almostRequest.map((json) => JSON.stringify(json)),
  fc.dictionary(tagName, fc.jsonValue()).map((tags) => JSON.stringify({ ...requestJson, tags })),
  fc.jsonValue().map((json) => JSON.stringify(json)),
  anyText(),
);

const MAX_MESSAGE_LENGTH = 3000;

function problemOf(text: string): unknown {
  try {
    parseCopyRequest(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

const byName = (a: Tag, b: Tag) => (a.key < b.key ? -1 : 1);
const sorted = ({ tags, ...others }: CopyRequest) => ({ ...others, tags: tags.toSorted(byName) });

describe('parseCopyRequest', () => {
  it('reads any text, or rejects it in a short line of printable characters', () => {
    fc.assert(
      fc.property(body, (text) => {
        const problem = problemOf(text);
        if (problem === undefined) return;
        expect(problem).toBeInstanceOf(RejectedError);
        const { code, message } = problem as RejectedError;
        expect(code).toBe('InvalidRequest');
        expect(message.length).toBeLessThan(MAX_MESSAGE_LENGTH);
        expect(message).not.toMatch(UNPRINTABLE);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads what formatCopyRequest writes', () => {
    fc.assert(
      fc.property(request, (original) => {
        expect(sorted(parseCopyRequest(formatCopyRequest(original)))).toEqual(sorted(original));
      }),
      { numRuns: 300 },
    );
  });
});
