import { describe, expect, it } from '@jest/globals';
import { chooseLetters, requireChoice, type Choice } from '../../../tool/dead-letters/choose.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { IMAGE, letter } from '../common/letters.ts';

const LETTERS = [
  letter({ id: 'aaaa1111' }),
  letter({ id: 'aaaa2222', code: 'InvalidTags' }),
  letter({ id: 'aaaa22223333', code: undefined, sourceImage: undefined }),
  letter({ id: 'bbbb4444', sourceImage: 'ami-0bbbbbbbbbbbbbbbb' }),
];
const chosen = (choice: Choice) => chooseLetters(LETTERS, choice).letters.map(({ id }) => id);

describe('chooseLetters', () => {
  it.each<[string, Choice, string[]]>([
    ['every one', { all: true }, ['aaaa1111', 'aaaa2222', 'aaaa22223333', 'bbbb4444']],
    ['those for an image', { image: IMAGE }, ['aaaa1111', 'aaaa2222']],
    ['those without an image', { image: '-' }, ['aaaa22223333']],
    ['those with a code', { code: 'UntrustedOwner' }, ['aaaa1111', 'bbbb4444']],
    ['those without a code', { code: '-' }, ['aaaa22223333']],
    ['those that are named, in the order of the list', { id: ['bbbb4444', 'aaaa1111'] }, ['aaaa1111', 'bbbb4444']],
    ['one by the first characters of its id', { id: ['bbbb'] }, ['bbbb4444']],
    ['one whose id is the start of another', { id: ['aaaa2222'] }, ['aaaa2222']],
    ['those that fit to all options', { image: IMAGE, code: 'UntrustedOwner' }, ['aaaa1111']],
    ['none, if the options fit to none', { id: ['bbbb'], image: IMAGE, all: true }, []],
  ])('takes %s', (_, choice, ids) => {
    expect(chosen(choice)).toEqual(ids);
  });

  it('names the ids that are not there', () => {
    expect(chooseLetters(LETTERS, { id: ['cccc', 'aaaa1111'] })).toEqual({ letters: [LETTERS[0]], missing: ['cccc'] });
  });

  it('rejects the start of several ids', () => {
    expect(() => chosen({ id: ['aaaa'] })).toThrow(
      new UserError('--id aaaa: 3 dead letters begin with it. Give more of the id.', 2),
    );
  });
});

describe('requireChoice', () => {
  it('does not guess', () => {
    expect(() => {
      requireChoice({});
    }).toThrow('Say which dead letters: --id, --image, --code, or --all for every one.');
  });

  it('rejects an id of three characters', () => {
    expect(() => {
      requireChoice({ id: ['aaaa', 'bbb'] });
    }).toThrow('--id bbb: give at least the first 4 characters.');
  });

  it.each<Choice>([{ all: true }, { id: ['aaaa'] }, { image: '-' }, { code: '-' }])('takes %p', (choice) => {
    expect(() => {
      requireChoice(choice);
    }).not.toThrow();
  });
});
