import { describe, expect, it } from '@jest/globals';
import { formatRevocation, parseRetirementRequest } from '../../src/core/retirement-request.ts';
import { ACCOUNT, REGION, SOURCE_IMAGE } from '../factories.ts';

const AT = '2026-11-30T12:00:00.000Z';
const decision = { sourceAmis: [SOURCE_IMAGE, 'ami-1'], sourceRegion: REGION, reason: 'CVE-2026-1', at: AT };
const parse = (message: unknown) =>
  parseRetirementRequest(typeof message === 'string' ? message : JSON.stringify(message), ACCOUNT);

describe('a message to retire-image', () => {
  it("of AMIgo names this account's images, to go at once", () => {
    const amis = [
      { account: ACCOUNT, id: 'ami-1' },
      { account: '333333333333', id: 'ami-2' },
      { account: 222222222222, id: 'ami-3' },
    ];
    expect(parse({ amis })).toEqual({ kind: 'retire', images: ['ami-1', 'ami-3'], quarantineDays: 0 });
  });

  it('of AMIgo may name images of others alone', () => {
    expect(parse({ amis: [{ account: '333333333333', id: 'ami-2' }] })).toEqual({
      kind: 'retire',
      images: [],
      quarantineDays: 0,
    });
  });

  it.each([
    [
      'to retire',
      { retire: { images: ['ami-1'], quarantineDays: 7 } },
      { kind: 'retire', images: ['ami-1'], quarantineDays: 7 },
    ],
    ['to restore', { restore: { images: ['ami-1'], other: 1 } }, { kind: 'restore', images: ['ami-1'] }],
    [
      'to revoke',
      { revoke: decision },
      {
        kind: 'revoke',
        again: false,
        revocations: [SOURCE_IMAGE, 'ami-1'].map((sourceAmi) => ({
          sourceAmi,
          sourceRegion: REGION,
          reason: 'CVE-2026-1',
          at: AT,
        })),
      },
    ],
    [
      'to unrevoke',
      { unrevoke: { ...decision, sourceAmis: ['ami-1'] } },
      { kind: 'unrevoke', revocations: [{ sourceAmi: 'ami-1', sourceRegion: REGION, reason: 'CVE-2026-1', at: AT }] },
    ],
    ['of the schedule', { source: 'aws.events', 'detail-type': 'Scheduled Event', id: '1' }, { kind: 'sweep' }],
  ])('%s', (_what, message, expected) => {
    expect(parse(message)).toEqual(expected);
  });

  it('that looks again at a revocation is written and read', () => {
    const revocation = { sourceAmi: 'ami-1', sourceRegion: REGION, reason: 'bad', at: AT };
    expect(parse(formatRevocation(revocation))).toEqual({ kind: 'revoke', again: true, revocations: [revocation] });
  });

  const TIME = 'must be a time, such as 2026-11-30T12:00:00.000Z';
  const ID = 'must be an image id, such as ami-0123456789abcdef0';
  const DAYS = 'must be a whole number of days from 0 to 365';
  it.each([
    ['that is no JSON', 'amis', 'The message is not JSON. Send one JSON object.'],
    ['of nothing known', {}, 'Bad message: it must be a JSON object with amis, retire, restore, revoke or unrevoke.'],
    ['that is null', null, 'Bad message: it must be a JSON object with amis, retire, restore, revoke or unrevoke.'],
    [
      'of another event',
      { source: 'aws.events' },
      'Bad message: it must be a JSON object with amis, retire, restore, revoke or unrevoke.',
    ],
    ['without images', { amis: [] }, 'Bad message: amis must name an image.'],
    ['with a bad id', { amis: [{ account: ACCOUNT, id: 'i-1' }] }, `Bad message: amis[0]["id"] ${ID}.`],
    ['with no list', { amis: 'ami-1' }, 'Bad message: amis must be a list.'],
    ['with no object', { amis: ['ami-1'] }, 'Bad message: amis[0] must be an object of account and id.'],
    ['with no days', { retire: { images: ['ami-1'] } }, `Bad message: retire["quarantineDays"] ${DAYS}.`],
    [
      'with too many days',
      { retire: { images: ['ami-1'], quarantineDays: 366 } },
      `Bad message: retire["quarantineDays"] ${DAYS}.`,
    ],
    [
      'with half a day',
      { retire: { images: ['ami-1'], quarantineDays: 0.5 } },
      `Bad message: retire["quarantineDays"] ${DAYS}.`,
    ],
    [
      'with less than no day',
      { retire: { images: ['ami-1'], quarantineDays: -1 } },
      `Bad message: retire["quarantineDays"] ${DAYS}.`,
    ],
    [
      'with too many images',
      { restore: { images: Array.from({ length: 101 }, () => 'ami-1') } },
      'Bad message: restore["images"] must name at most 100 images.',
    ],
    [
      'with a bad Region',
      { revoke: { ...decision, sourceRegion: 'evil.com' } },
      'Bad message: revoke["sourceRegion"] must be a Region, such as eu-west-1.',
    ],
    ['with a bad time', { unrevoke: { ...decision, at: 'soon' } }, `Bad message: unrevoke["at"] ${TIME}.`],
    [
      'with no reason',
      { revoke: { ...decision, reason: undefined } },
      'Bad message: revoke["reason"] must be a string.',
    ],
    [
      'with a long reason',
      { revoke: { ...decision, reason: 'x'.repeat(501) } },
      'Bad message: revoke["reason"] must have at most 500 characters.',
    ],
    [
      'with a bad again',
      { revoke: { ...decision, again: 'yes' } },
      'Bad message: revoke["again"] must be true or false.',
    ],
    [
      'that is wrong in many places',
      { restore: { images: Array.from({ length: 7 }, () => 1) } },
      `Bad message: ${[0, 1, 2, 3, 4]
        .map((index) => `restore["images"][${index}] ${ID}`)
        .join('; ')
        .replaceAll(' must be an image id', ' must be a string: an image id')}; and 2 more.`,
    ],
  ])('%s is rejected with what is wrong', (_what, message, expected) => {
    expect(() => parse(message)).toThrow(
      expect.objectContaining({ name: 'RejectedError', code: 'InvalidRequest', message: expected }),
    );
  });
});
