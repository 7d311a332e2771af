import { describe, expect, it } from '@jest/globals';
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { explained, shortReason } from '../../../tool/common/aws-errors.ts';
import { UserError } from '../../../tool/common/user-error.ts';

const PLACE = { region: 'eu-west-1', name: 'image-copier' };

function awsError(name: string, message = 'said AWS'): Error {
  return new SQSServiceException({ name, message, $fault: 'client', $metadata: {} });
}

function messageOf(error: unknown): string {
  const { message } = explained(error, PLACE) as UserError;
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
      'QueueDoesNotExist',
      'There is no copier "image-copier" in eu-west-1 of this account, or it is not yours to see: the queue does not exist. ' +
        'Check the account (--profile, --role-arn), --region and --name.',
    ],
    ['InternalError', 'AWS refused: InternalError: said AWS.'],
  ])('names the remedy for %s', (name, message) => {
    expect(explained(awsError(name), PLACE)).toEqual(new UserError(message, 1));
  });

  it('knows the codes of the network', () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND sqs.test'), { code: 'ENOTFOUND' });

    expect(messageOf(error)).toBe(
      'AWS cannot be reached: getaddrinfo ENOTFOUND sqs.test. Check --region, AWS_ENDPOINT_URL and the network.',
    );
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

    expect(explained(bug, PLACE)).toBe(bug);
    expect(explained(said, PLACE)).toBe(said);
  });
});

describe('shortReason', () => {
  it('gives the name and the text of an error', () => {
    expect(shortReason(awsError('InvalidMessageContents', 'too\nlong'))).toBe('InvalidMessageContents: too long.');
  });
});
