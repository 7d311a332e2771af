import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/core/asked-requests.ts';
import { copyRequest } from '../factories.ts';

const { tags } = copyRequest();

describe('the digest of a request', () => {
  it('is the same for the same copy, whoever is asked and however', () => {
    const other = copyRequest({ targetAccounts: ['*'], tags: tags.toReversed(), withinMinutes: 15 });
    expect(digestOf(other)).toBe(digestOf(copyRequest()));
    expect(digestOf(other)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    { sourceAmi: 'ami-0ff' },
    { sourceRegion: 'us-east-1' },
    { name: 'other' },
    { description: 'other' },
    { tags: tags.slice(1) },
    { tags: [...tags, { key: '', value: '' }] },
  ])('is another one with %o', (changes) => {
    expect(digestOf(copyRequest(changes))).not.toBe(digestOf(copyRequest()));
  });
});
