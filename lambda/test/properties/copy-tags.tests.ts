import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Tag } from '../../src/core/copy-request.ts';
import { planTags } from '../../src/core/copy-tags.ts';
import { RejectedError } from '../../src/core/errors.ts';
import { copyRequest, SOURCE_IMAGE } from '../factories.ts';
import { anyText, tagName } from './arbitraries.ts';

const OWN = ['Encrypted', 'CopiedFromAMI', 'ImageCopier'];
const lengthOf = (text: string) => Array.from(text).length;
const around = (limit: number) =>
  fc
    .tuple(fc.integer({ min: limit - 1, max: limit + 1 }), fc.constantFrom('k', '🦊'))
    .map(([count, unit]) => unit.repeat(count));

const key = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ max: 99_999, min: 0 }).map((number) => `tag ${number}`) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...OWN,
      'encrypted',
      'imagecopier',
      'IMAGECOPIER',
      'aws',
      'AWS:a',
      'aws:b',
      'aWs:',
      ' aws:c',
    ),
  },
  { weight: 1, arbitrary: tagName },
  { weight: 1, arbitrary: around(127) },
);
const value = fc.oneof({ weight: 50, arbitrary: anyText({ maxLength: 5 }) }, { weight: 1, arbitrary: around(256) });
const requestTags = fc.uniqueArray(fc.record({ key, value }), {
  selector: (tag) => tag.key,
  maxLength: 60,
  size: 'max',
});

// The copier's own tag is kept apart from its like in any case, as IAM compares names.
const isOwn = ({ key: name }: Tag) => OWN.includes(name) || name.toLowerCase() === 'imagecopier';
const isAllowed = (tag: Tag) => tag.key.slice(0, 4).toLowerCase() !== 'aws:' && !isOwn(tag);
const fits = (tag: Tag) => tag.key !== '' && lengthOf(tag.key) <= 127 && lengthOf(tag.value) <= 256;

describe('planTags', () => {
  it("keeps each tag that EC2 takes, with the copier's own, or rejects with the true count", () => {
    fc.assert(
      fc.property(requestTags, (tags) => {
        const allowed = tags.filter(isAllowed);
        const count = allowed.length + OWN.length;
        const plan = () => planTags(copyRequest({ tags }), []);
        if (count > 50) {
          expect(plan).toThrow(`the copy would have ${count} tags, EC2 allows 50. Remove ${count - 50}.`);
          expect(plan).toThrow(RejectedError);
        } else if (allowed.every(fits)) {
          expect(plan()).toEqual([
            ...allowed,
            { key: 'Encrypted', value: 'true' },
            { key: 'CopiedFromAMI', value: SOURCE_IMAGE },
          ]);
          expect(plan().length).toBeLessThan(50);
        } else {
          expect(plan).toThrow(expect.objectContaining({ name: 'RejectedError', code: 'InvalidTags' }));
        }
      }),
      { numRuns: 300 },
    );
  });
});
