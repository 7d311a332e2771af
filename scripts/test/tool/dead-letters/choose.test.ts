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
const chosen = (choice: Choice, isComplete = true) => chooseLetters(LETTERS, choice, isComplete).map(({ id }) => id);

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
  ])('takes %s', (_, choice, ids) => {
    expect(chosen(choice)).toEqual(ids);
  });

  it.each<[Choice, string]>([
    [{ id: ['aaaa1111', 'cccc\u009b'] }, 'There is no dead letter cccc\\u{9b}'],
    [{ id: ['bbbb4445'] }, 'There is no dead letter bbbb4445'],
    [{ image: 'ami-0bbbbbbbbbbbbbbbc' }, 'No dead letter is for the image ami-0bbbbbbbbbbbbbbbc'],
    [{ code: 'untrustedOwner' }, 'No dead letter has the code untrustedOwner'],
    [{ code: 'CopyFailed', all: true }, 'No dead letter has the code CopyFailed'],
    [{ id: ['bbbb'], image: IMAGE }, 'No dead letter fits to all the options'],
  ])('rejects %j, and takes that for certain if all letters could be read', (choice, words) => {
    const near = {
      bbbb4445: 'bbbb4444',
      'ami-0bbbbbbbbbbbbbbbc': 'ami-0bbbbbbbbbbbbbbbb',
      untrustedOwner: 'UntrustedOwner',
    };
    const meant = Object.entries(near).find(([wrong]) => words.endsWith(wrong))?.[1];
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;

    expect(() => chosen(choice)).toThrow(new UserError(`${words}.${hint}`, 2));
    expect(() => chosen(choice, false)).toThrow(new UserError(`${words}, so far as could be read.${hint}`, 1));
  });

  it('takes all of none', () => {
    expect(chooseLetters([], { all: true }, true)).toEqual([]);
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
