import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import {
  copierName,
  imageId,
  list,
  numberUpTo,
  region,
  roleArn,
  wholeNumber,
} from '../../../tool/common/option-values.ts';

const NAME = 'It must be 1 to 36 letters, digits, hyphens and underscores.';
const REGION = 'It must be a Region, such as eu-west-1.';
const ROLE = 'It must be like arn:aws:iam::222222222222:role/operator.';
const IMAGE = 'It must be an image id, such as ami-0123456789abcdef0.';

describe('list', () => {
  it('collects what several options give, with commas or without', () => {
    expect(list('c,', list('a,,b'))).toEqual(['a', 'b', 'c']);
  });
});

describe('values that are texts', () => {
  it.each([
    ['a Region', region, 'eu-west-1'],
    ['a Region of the US government', region, 'us-gov-east-1'],
    ['a Region of the sovereign cloud', region, 'eusc-de-east-1'],
    ['a role', roleArn, 'arn:aws:iam::222222222222:role/operator'],
    ['a role with a path, in China', roleArn, 'arn:aws-cn:iam::222222222222:role/ci/operator'],
    ['a name', copierName, 'image_copier-2'],
    ['the longest name', copierName, 'a'.repeat(36)],
    ['an image', imageId, 'ami-0123456789abcdef0'],
    ['an old image', imageId, 'ami-12345678'],
  ])('take %s', (_, read, value) => {
    expect(read(value)).toBe(value);
  });

  it.each([
    [region, 'EU', REGION],
    [region, 'eu-west-1a', REGION],
    [region, ' eu-west-1', REGION],
    [roleArn, 'operator', ROLE],
    [roleArn, 'arn:aws:iam::2222:role/operator', ROLE],
    [roleArn, 'arn:aws:iam::222222222222:user/operator', ROLE],
    [roleArn, 'arn:aws:iam::222222222222:role/', ROLE],
    [copierName, '', NAME],
    [copierName, 'a'.repeat(37), NAME],
    [copierName, 'a/b', NAME],
    [imageId, 'ami-', IMAGE],
    [imageId, 'ami-0G', IMAGE],
    [imageId, 'snap-0123456789abcdef0', IMAGE],
  ])('reject for %p the value %j', (read, value, message) => {
    expect(() => read(value)).toThrow(new InvalidArgumentError(message));
  });
});

describe('values that are numbers', () => {
  it('take what is in their range', () => {
    expect(['1', '10'].map(wholeNumber(1, 10))).toEqual([1, 10]);
    expect(['0.5', '10', '9.75'].map(numberUpTo(10))).toEqual([0.5, 10, 9.75]);
  });

  it.each(['0', '11', '1.5', '-1', '1e1', ''])('reject %j for a whole number', (value) => {
    expect(() => wholeNumber(1, 10)(value)).toThrow(
      new InvalidArgumentError('It must be a whole number from 1 to 10.'),
    );
  });

  it.each(['0', '0.0', '10.1', '.5', '-1', '1e1', ''])('reject %j for a number', (value) => {
    expect(() => numberUpTo(10)(value)).toThrow(new InvalidArgumentError('It must be a number above 0, at most 10.'));
  });
});
