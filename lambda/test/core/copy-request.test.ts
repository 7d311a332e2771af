import { describe, expect, it } from '@jest/globals';
import { isFor, parseCopyRequest } from '../../src/core/copy-request.ts';
import { copyRequest, requestJson } from '../factories.ts';

const parse = (json: unknown) => parseCopyRequest(JSON.stringify(json));

describe('parseCopyRequest', () => {
  it('reads the request that AMIgo publishes', () => {
    expect(parse(requestJson)).toEqual(copyRequest());
  });

  it('ignores fields it does not know', () => {
    expect(parse({ ...requestJson, xenKernel: 'aki-1' })).toEqual(copyRequest());
  });

  it('keeps tags named like the machinery of objects', () => {
    const body = JSON.stringify(requestJson).replace('"tags":{', '"tags":{"__proto__":"a","constructor":"b",');

    expect(parseCopyRequest(body).tags).toEqual(
      expect.arrayContaining([
        { key: '__proto__', value: 'a' },
        { key: 'constructor', value: 'b' },
      ]),
    );
  });

  it.each([
    ['sourceAmi', { sourceAmi: 'i-123' }, 'sourceAmi must be an image id, such as ami-0123456789abcdef0'],
    ['sourceAmi of another type', { sourceAmi: 7 }, 'sourceAmi must be a string: an image id'],
    ['sourceRegion', { sourceRegion: 'evil.example/' }, 'sourceRegion must be a Region, such as eu-west-1'],
    ['targetAccounts', { targetAccounts: '222222222222' }, 'targetAccounts must be a list of account ids'],
    [
      'an account',
      { targetAccounts: ['*', '22'] },
      'targetAccounts[1] must be a 12-digit account id in quotes, or "*"',
    ],
    ['an account as a number', { targetAccounts: [222222222222] }, 'targetAccounts[0] must be a string: a 12-digit'],
    ['a short name', { name: 'ab' }, 'name must be 3 to 128 letters'],
    ['a long name', { name: 'a'.repeat(129) }, 'name must be 3 to 128 letters'],
    ['a character in the name', { name: 'a;bc' }, 'name must be 3 to 128 letters'],
    ['description', { description: 'a'.repeat(256) }, 'description must be at most 255 characters'],
    ['tags', { tags: ['a'] }, 'tags must be an object of tag names and values'],
    ['a tag', { tags: { Stage: 1 } }, 'tags["Stage"] must be a string'],
  ])('names a bad %s and what is allowed', (_what, change, message) => {
    expect(() => parse({ ...requestJson, ...change })).toThrow(message);
  });

  it.each(Object.keys(requestJson))('requires %s', (field) => {
    expect(() => parse({ ...requestJson, [field]: undefined })).toThrow(`Bad copy request: ${field} must be`);
  });

  it.each([
    ['text', 'hello', 'The message is not JSON'],
    ['a list', '[]', 'the message must be a JSON object'],
    ['null', 'null', 'the message must be a JSON object'],
  ])('rejects a body that is %s', (_what, body, message) => {
    expect(() => parseCopyRequest(body)).toThrow(
      expect.objectContaining({ code: 'InvalidRequest', message: expect.stringContaining(message) as unknown }),
    );
  });

  it('lists five problems and counts the others', () => {
    const accounts = Array.from({ length: 1000 }, () => 'x');

    expect(() => parse({ ...requestJson, targetAccounts: accounts })).toThrow(/\[4\] must be .*; and 995 more\.$/);
  });

  it('quotes and shortens a name that the sender chose', () => {
    const forged = `${'x'.repeat(30)}\n${'y'.repeat(100_000)}`;

    expect(() => parse({ ...requestJson, tags: { [forged]: 1 } })).toThrow(
      `Bad copy request: tags["${'x'.repeat(30)}\\nyyyyyyyyy…"] must be a string.`,
    );
  });
});

describe('isFor', () => {
  it.each([
    ['its own id', ['333333333333', '222222222222'], true],
    ['every account', ['*'], true],
    ['others', ['333333333333'], false],
    ['nobody', [], false],
  ])('says whether a request for %s is for this account', (_what, targetAccounts, expected) => {
    expect(isFor(copyRequest({ targetAccounts }), '222222222222')).toBe(expected);
  });
});
