import { describe, expect, it } from '@jest/globals';
import { isFor, parseCopyRequest } from '../../src/core/copy-request.ts';
import { copyRequest, requestJson } from '../factories.ts';

const NOT_STORABLE = 'must have no control characters and no halves of characters: EC2 cannot store them';
const parse = (json: unknown) => parseCopyRequest(JSON.stringify(json));

/** What is said of so many accounts that are none. */
function listed(count: number, more: string): Error {
  const problems = Array.from(
    { length: count },
    (_, index) => `targetAccounts[${index}] must be a 12-digit account id in quotes, or "*" for every account`,
  );
  return new Error(`Bad copy request: ${problems.join('; ')}${more}.`);
}

describe('parseCopyRequest', () => {
  it('reads the request that AMIgo publishes', () => {
    expect(parse(requestJson)).toEqual(copyRequest());
  });

  it.each(['us-gov-west-1', 'us-isob-east-1', 'ap-southeast-10'])('takes the Region %s', (sourceRegion) => {
    expect(parse({ ...requestJson, sourceRegion })).toEqual(copyRequest({ sourceRegion }));
  });

  it.each([15, 45, 2880])('takes a copy within %d minutes', (withinMinutes) => {
    expect(parse({ ...requestJson, withinMinutes })).toEqual(copyRequest({ withinMinutes }));
  });

  it.each([1, 3])('takes attempt %d', (attempt) => {
    const retry = { attempt, after: 'ami-1' };

    expect(parse({ ...requestJson, retry })).toEqual(copyRequest({ retry }));
  });

  it.each<[what: string, listed: unknown, account: string]>([
    ['a zero lost', '86385474502', '086385474502'],
    ['two zeros lost', '1111111111', '001111111111'],
    ['one of two zeros lost', '01111111111', '001111111111'],
    ['four zeros lost', '11111111', '000011111111'],
    ['a number', 222222222222, '222222222222'],
    ['a number, which has no zeros at its start', 86385474502, '086385474502'],
  ])('takes an account with %s', (_, listed, account) => {
    const request = parse({ ...requestJson, targetAccounts: [listed] });

    expect(request.targetAccounts).toEqual([account]);
    expect(request).not.toHaveProperty('badAccounts');
  });

  it.each<[what: string, listed: unknown, shown: string]>([
    ['too short', '1111111', '"1111111"'],
    ['too long', '2222222222222', '"2222222222222"'],
    ['letters', '22222222222x', '"22222222222x"'],
    ['a blank', ' 222222222222', '" 222222222222"'],
    ['a line break', '222222222222\n', '"222222222222\\n"'],
    ['other digits', '२२२२२२२२२२२२', '"२२२२२२२२२२२२"'],
    ['hidden text', '\u202e22', '"\\u{202e}22"'],
    ['nothing', '', '""'],
    ['a fraction', 22222222222.5, '22222222222.5'],
    ['a number below zero', -22222222222, '-22222222222'],
    ['a number too large', 2e30, '2e+30'],
    ['null', null, 'null'],
    ['an object', {}, 'no text'],
  ])('leaves out what no account can be: %s', (_, listed, shown) => {
    const request = parse({ ...requestJson, targetAccounts: ['222222222222', listed, '*'] });

    expect(request.targetAccounts).toEqual(['222222222222', '*']);
    expect(request.badAccounts).toEqual({ count: 1, first: [`targetAccounts[1]: ${shown}`] });
  });

  it('lists the first five of what no account can be, and counts the others', () => {
    const bad = Array.from({ length: 1000 }, () => 'x'.repeat(1000));
    const { badAccounts } = parse({ ...requestJson, targetAccounts: ['*', ...bad] });

    expect(badAccounts?.count).toBe(1000);
    expect(badAccounts?.first).toHaveLength(5);
    expect(badAccounts?.first[0]).toBe(`targetAccounts[1]: "${'x'.repeat(40)}…"`);
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
      'list without an account',
      { targetAccounts: [null, '22'] },
      'targetAccounts[0] must be a 12-digit account id in quotes, or "*" for every account; targetAccounts[1] must be',
    ],
    ['a short name', { name: 'ab' }, 'name must be 3 to 128 letters'],
    ['a long name', { name: 'a'.repeat(129) }, 'name must be 3 to 128 letters'],
    ['a character in the name', { name: 'a;bc' }, 'name must be 3 to 128 letters'],
    ['description', { description: 'a'.repeat(256) }, 'description must be at most 255 characters'],
    ['a start of an image id', { sourceAmi: 'an ami-0123' }, 'sourceAmi must be an image id'],
    ['an end of an image id', { sourceAmi: 'ami-0123 or so' }, 'sourceAmi must be an image id'],
    ['a start of a Region', { sourceRegion: 'evil.example/eu-west-1' }, 'sourceRegion must be a Region'],
    ['an end of a Region', { sourceRegion: 'eu-west-1.evil.example' }, 'sourceRegion must be a Region'],
    ['a start of an account', { targetAccounts: ['1222222222222'] }, 'targetAccounts[0] must be a 12-digit'],
    ['an end of an account', { targetAccounts: ['2222222222221'] }, 'targetAccounts[0] must be a 12-digit'],
    ['a control character', { description: 'a\u0000b' }, `description ${NOT_STORABLE}`],
    ['tags', { tags: ['a'] }, 'tags must be an object of tag names and values'],
    ['tags of nothing', { tags: null }, 'tags must be an object of tag names and values'],
    ['a tag', { tags: { Stage: 1 } }, 'tags["Stage"] must be a string'],
    ['a tag with a control character', { tags: { Stage: 'a\u0000b' } }, `tags["Stage"] ${NOT_STORABLE}`],
    ['a tag named by half a character', { tags: { 'a\ud800b': '' } }, `tags["a\\ud800b"] ${NOT_STORABLE}`],
    ...[0, 10, 20, 2895, -15, 15.5, '15', null].map(
      (withinMinutes) =>
        [
          `within ${String(withinMinutes)}`,
          { withinMinutes },
          'withinMinutes must be minutes, 15 to 2880 in steps of 15',
        ] as const,
    ),
    ['retry', { retry: 2 }, 'retry must be an object of attempt and after'],
    ['attempt', { retry: { attempt: '2', after: 'ami-1' } }, 'retry["attempt"] must be a number from 1 to 3'],
    ...[0, 4, 1.5].map(
      (attempt) =>
        [`attempt ${attempt}`, { retry: { attempt, after: 'ami-1' } }, 'retry["attempt"] must be 1 to 3'] as const,
    ),
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

    expect(() => parse({ ...requestJson, targetAccounts: accounts })).toThrow(listed(5, '; and 995 more'));
  });

  it('counts no others where there are five', () => {
    const accounts = Array.from({ length: 5 }, () => 'x');

    expect(() => parse({ ...requestJson, targetAccounts: accounts })).toThrow(listed(5, ''));
  });

  it('shortens no name of 40 characters', () => {
    const name = 'x'.repeat(40);

    expect(() => parse({ ...requestJson, tags: { [name]: 1 } })).toThrow(`tags["${name}"] must be a string.`);
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
