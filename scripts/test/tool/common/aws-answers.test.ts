import { describe, expect, it } from '@jest/globals';
import { allOf, ifThere, isDenied, isError } from '../../../tool/common/aws-answers.ts';

function named(name: string): Error {
  return Object.assign(new Error('said AWS'), { name });
}

describe('isError', () => {
  it('is true for one of the names', () => {
    expect(isError(named('NotFound'), 'NoSuchEntity', 'NotFound')).toBe(true);
    expect(isError(named('NotFound'), 'NoSuchEntity')).toBe(false);
    expect(isError({ name: 'NotFound' }, 'NotFound')).toBe(false);
  });
});

describe('ifThere', () => {
  it('gives the answer', async () => {
    expect(await ifThere(Promise.resolve('there'), 'NotFound')).toBe('there');
  });

  it('gives nothing for an error that says so', async () => {
    expect(await ifThere<string>(Promise.reject(named('NotFound')), 'NotFound')).toBeUndefined();
  });

  it('fails as the call does for any other', async () => {
    const error = named('Throttling');

    await expect(ifThere(Promise.reject(error), 'NotFound')).rejects.toBe(error);
  });
});

describe('isDenied', () => {
  it.each(['AccessDenied', 'AccessDeniedException', 'AuthorizationErrorException', 'UnauthorizedOperation'])(
    'knows %s',
    (name) => {
      expect(isDenied(named(name))).toBe(true);
    },
  );

  it('takes no other error for it', () => {
    expect(isDenied(named('Throttling'))).toBe(false);
  });
});

describe('allOf', () => {
  it('has the items of all pages, also of those without any', async () => {
    async function* pages() {
      yield { items: [1, 2] };
      yield await Promise.resolve({});
      yield { items: [3] };
    }

    expect(await allOf(pages(), (page: { items?: number[] }) => page.items)).toEqual([1, 2, 3]);
  });
});
