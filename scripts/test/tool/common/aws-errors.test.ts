import { describe, expect, it } from '@jest/globals';
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { explained, reasonOf } from '../../../tool/common/aws-errors.ts';
import { UserError } from '../../../tool/common/user-error.ts';

function awsError(name: string, message = 'said AWS'): Error {
  return new SQSServiceException({ name, message, $fault: 'client', $metadata: {} });
}

function messageOf(error: unknown): string {
  const { message } = explained(error) as UserError;
  return message;
}

describe('explained', () => {
  it.each([
    [
      'CredentialsProviderError',
      'No AWS credentials: said AWS. Log in (for example aws sso login), or choose another --profile.',
    ],
    ['ExpiredToken', 'The AWS credentials have expired. Log in again (for example aws sso login).'],
    [
      'InvalidClientTokenId',
      'AWS does not take these credentials: said AWS. Log in again, or choose another --profile.',
    ],
    ['AccessDenied', 'Access denied: said AWS. Allow it there, or choose another --profile or --role-arn.'],
    ['UnauthorizedOperation', 'Access denied: said AWS. Allow it there, or choose another --profile or --role-arn.'],
    [
      'AuthorizationErrorException',
      'Access denied: said AWS. Allow it there, or choose another --profile or --role-arn.',
    ],
    ['InternalError', 'AWS refused: InternalError: said AWS.'],
  ])('names the remedy for %s', (name, message) => {
    expect(explained(awsError(name))).toEqual(new UserError(message, 1));
  });

  it('knows the codes of the network', () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND sqs.test'), { code: 'ENOTFOUND' });

    expect(messageOf(error)).toBe(
      'AWS cannot be reached: getaddrinfo ENOTFOUND sqs.test. Check --region, AWS_ENDPOINT_URL and the network.',
    );
  });

  it.each([
    ['sts.eu-west-9.amazonaws.com', 'Image Copier knows no Region eu-west-9. Did you mean eu-west-1?'],
    ['sts.cn-nord-1.amazonaws.com.cn', 'Image Copier knows no Region cn-nord-1. Did you mean cn-north-1?'],
    ['sts.mars-equator-7.amazonaws.com', 'Image Copier knows no Region mars-equator-7. Check --region.'],
    ['sts.eu-west-1.amazonaws.com', 'Check --region, AWS_ENDPOINT_URL and the network.'],
    ['proxy.my-host-1.test', 'Check --region, AWS_ENDPOINT_URL and the network.'],
  ])('looks at the Region of %s, which was not found', (host, remedy) => {
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });

    expect(messageOf(error)).toBe(`AWS cannot be reached: getaddrinfo ENOTFOUND ${host}. ${remedy}`);
  });

  it('names the code of an error without a message', () => {
    const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });

    expect(messageOf(error)).toContain('AWS cannot be reached: AggregateError ECONNREFUSED.');
  });

  it('stays in one line and spells out what is hidden', () => {
    expect(messageOf(awsError('AccessDenied', 'a\n  b\u001b'))).toContain('Access denied: a b\\u{1b}. ');
  });

  it('leaves what it does not know as it is', () => {
    const bug = new TypeError('undefined is not a function');
    const said = new UserError('Stopped.', 2);

    expect(explained(bug)).toBe(bug);
    expect(explained(said)).toBe(said);
  });
});

describe('reasonOf', () => {
  it('names the remedy, where there is one', () => {
    expect(reasonOf(awsError('ExpiredToken'))).toBe(
      'The AWS credentials have expired. Log in again (for example aws sso login).',
    );
  });

  it('gives the name and the text of any other error, on one line', () => {
    expect(reasonOf(new RangeError('too\nlong'))).toBe('RangeError: too long.');
    expect(reasonOf('torn\u001b')).toBe('torn\\u{1b}');
  });
});
