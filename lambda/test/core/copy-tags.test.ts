import { describe, expect, it } from '@jest/globals';
import type { CopyRequest } from '../../src/core/copy-request.ts';
import { planTags as planAllTags } from '../../src/core/copy-tags.ts';
import { copyRequest, SOURCE_IMAGE } from '../factories.ts';

const own = [
  { key: 'Encrypted', value: 'true' },
  { key: 'CopiedFromAMI', value: SOURCE_IMAGE },
];
const planTags = (request: CopyRequest) => planAllTags(request, []);
const someTags = (count: number) => Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: '' }));

describe('planTags', () => {
  it('keeps all tags of the request and adds its own two', () => {
    const request = copyRequest();

    expect(planTags(request)).toEqual([...request.tags, ...own]);
  });

  it('lets its own tags win over tags of the same name', () => {
    const tags = [
      { key: 'Encrypted', value: 'no' },
      { key: 'CopiedFromAMI', value: 'ami-0' },
      { key: 'ImageCopier', value: 'image-copier announced=2026' },
    ];

    expect(planTags(copyRequest({ tags }))).toEqual(own);
  });

  it('leaves out tags with the reserved prefix, in any case', () => {
    const tags = [
      { key: 'aws:ec2:a', value: '1' },
      { key: 'AWS:b', value: '2' },
      { key: 'aws', value: '3' },
      { key: 'my-aws:c', value: '4' },
    ];

    expect(planTags(copyRequest({ tags }))).toEqual([...tags.slice(2), ...own]);
  });

  it("lets the account's own tags win over the request's, also where they differ by case alone", () => {
    const request = copyRequest({
      tags: [
        { key: 'costcenter', value: '1' },
        { key: 'Recipe', value: 'ubuntu' },
        { key: 'CostCenter', value: '2' },
      ],
    });
    const copyTags = [
      { key: 'CostCenter', value: '42' },
      { key: 'Owner', value: 'platform' },
    ];

    expect(planAllTags(request, copyTags)).toEqual([{ key: 'Recipe', value: 'ubuntu' }, ...copyTags, ...own]);
  });

  it("counts the account's own tags", () => {
    const plan = () => planAllTags(copyRequest({ tags: someTags(47) }), [{ key: 'Owner', value: '' }]);
    expect(plan).toThrow('the copy would have 51 tags, EC2 allows 50. Remove 1.');
  });

  it("takes 50 tags in all, with the copier's own", () => {
    expect(planTags(copyRequest({ tags: someTags(47) }))).toHaveLength(49);
  });

  it('takes the longest names and values, counted in characters', () => {
    const tags = [{ key: '🦊'.repeat(127), value: '🦊'.repeat(256) }];

    expect(planTags(copyRequest({ tags }))).toHaveLength(3);
  });

  it.each([
    ['more than 50 tags', someTags(48), 'tags: the copy would have 51 tags, EC2 allows 50. Remove 1.'],
    ['an empty name', [{ key: '', value: 'x' }], 'tags: a tag has an empty name.'],
    ['a long name', [{ key: 'k'.repeat(128), value: '' }], 'has 128 characters, at most 127 are allowed.'],
    ['a long value', [{ key: 'k', value: 'v'.repeat(257) }], 'the tag "k" has a value of 257 characters'],
  ])('rejects %s, with the count', (_what, tags, message) => {
    expect(() => planTags(copyRequest({ tags }))).toThrow(
      expect.objectContaining({ code: 'InvalidTags', message: expect.stringContaining(message) as unknown }),
    );
  });
});
