import { describe, expect, it } from '@jest/globals';
import { EC2ServiceException } from '@aws-sdk/client-ec2';
import {
  classifyEc2Error,
  isImageGone,
  isImageUnknown,
  isSnapshotGone,
  isSnapshotInUse,
  isTagLimit,
  mayRefusePace,
  paceRefused,
} from '../../src/adapters/ec2-errors.ts';
import { RetryableError } from '../../src/core/errors.ts';

/** An answer of EC2 as the SDK throws it. */
function ec2Error(name: string, message: string, httpStatusCode: number): EC2ServiceException {
  const $fault = httpStatusCode < 500 ? 'client' : 'server';
  return new EC2ServiceException({ name, message, $fault, $metadata: { httpStatusCode } });
}

const classify = (error: unknown) => classifyEc2Error(error, 'eu-west-1');
const STORAGE = 'You do not have permission to access the storage of this ami';

describe('classifyEc2Error', () => {
  it('says why a token is taken', () => {
    expect(classify(ec2Error('IdempotentParameterMismatch', 'Arguments are inconsistent.', 400))).toMatchObject({
      name: 'TokenTakenError',
      code: 'IdempotentParameterMismatch',
      message:
        'IdempotentParameterMismatch: Arguments are inconsistent. ' +
        'An earlier request for the same image began a copy with another name or other tags.',
    });
  });

  it.each([
    ['InvalidAMIID.NotFound', 'not shared yet, or blocked by Allowed AMIs', 400],
    ['InvalidAMIID.Unavailable', 'the image is pending', 400],
    ['AuthFailure', 'Not authorized for images', 401],
    ['InvalidRequest', STORAGE, 400],
    ['InvalidRequest', 'The storage for the ami is not available in the source region.', 400],
    ['OptInRequired', '', 401],
    ['PendingVerification', '', 400],
    ['SubscriptionRequiredException', '', 400],
    ['RequestExpired', '', 400],
    ['ExpiredToken', '', 400],
    ['ExpiredTokenException', '', 400],
    ['ResourceLimitExceeded', 'Too many snapshot copies in progress', 400],
    ['SnapshotLimitExceeded', '', 400],
    ['PendingSnapshotLimitExceeded', '', 400],
    ['ConcurrentSnapshotLimitExceeded', '', 400],
    ['ConcurrentTagAccess', '', 400],
    ['InvalidAMIName.Duplicate', '', 400],
    ['InternalError', '', 400],
    ['InternalFailure', '', 400],
    ['ServiceUnavailable', '', 400],
    ['Unavailable', '', 400],
    ['ServerInternal', '', 400],
    ['RetryableError', '', 400],
    ['SomethingNew', 'unknown, and EC2 asks to wait', 429],
    ['SomethingNew', 'unknown, and no error of the client', 301],
    ['SomethingNew', 'unknown, but the server is at fault', 500],
    ['SomethingNew', 'unknown, but the server is at fault', 502],
  ])('tries again after %s (%s)', (code, message, status) => {
    expect(classify(ec2Error(code, message, status))).toMatchObject({ name: 'RetryableError', code });
  });

  it.each([
    ['RequestLimitExceeded', 'Request limit exceeded.', 503],
    ['RequestLimitExceeded', 'with the status of a client error', 400],
    ['Throttling', '', 400],
    ['ThrottlingException', '', 400],
    ['TooManyRequestsException', '', 429],
  ])('tries again soon after %s (%s)', (code, message, status) => {
    const error = classify(ec2Error(code, message, status));

    expect(error).toMatchObject({ name: 'ThrottledError', code });
    expect(error).toBeInstanceOf(RetryableError);
  });

  it.each([
    ['InvalidAMIID.Malformed', '', 400],
    ['InvalidRequest', 'Images from AWS Marketplace cannot be copied to another AWS account', 400],
    ['InvalidRequest', 'Images with EC2 BillingProduct codes cannot be copied to another AWS account', 400],
    ['TagPolicyViolation', '', 400],
    ['TagLimitExceeded', '', 400],
    ['InvalidTagKey.Malformed', '', 400],
    ['InvalidAMIName.Malformed', '', 400],
    ['InvalidSnapshot.NotFound', '', 400],
    ['InvalidSnapshotID.Malformed', '', 400],
    ['SnapshotCopyUnsupported.InterRegion', '', 400],
    ['InvalidInput', '', 400],
    ['InvalidParameter', '', 400],
    ['InvalidParameterValue', '', 400],
    ['InvalidParameterCombination', '', 400],
    ['MalformedQueryString', '', 400],
    ['MissingParameter', '', 400],
    ['UnknownParameter', '', 400],
    ['Unsupported', '', 400],
    ['UnsupportedOperation', '', 400],
    ['ValidationError', '', 400],
    ['InvalidRegion', '', 400],
  ])('rejects %s (%s)', (code, message, status) => {
    expect(classify(ec2Error(code, message, status))).toMatchObject({ name: 'RejectedError', code });
  });

  it.each([
    ['UnauthorizedOperation', 'You are not authorized to perform this operation.', 403],
    ['UnauthorizedOperation', STORAGE, 403],
    ['AccessDenied', '', 403],
    ['InvalidClientTokenId', '', 403],
    ['InvalidRequest', 'a text that is not known', 400],
    ['SomethingNew', 'unknown, and the request is at fault', 400],
  ])('does not know whether %s (%s) passes', (code, message, status) => {
    const error = classify(ec2Error(code, message, status));

    expect(error).toMatchObject({ name: 'UncertainError', code });
    expect(error).toBeInstanceOf(RetryableError);
  });

  it('keeps the code and the text for the log', () => {
    const error = ec2Error('UnauthorizedOperation', 'You are not authorized.', 403);

    expect(classify(error).message).toBe('UnauthorizedOperation: You are not authorized.');
  });

  it.each([
    ['a rejection', ec2Error('TagPolicyViolation', '', 400)],
    ['what nobody knows', ec2Error('UnauthorizedOperation', '', 403)],
    ['an image that EC2 keeps', ec2Error('InvalidRequest', 'It cannot be copied to another AWS account', 400)],
    ['storage that is not ready', ec2Error('InvalidRequest', 'The storage for the ami is not available', 400)],
    ['what may work later', ec2Error('AuthFailure', '', 401)],
    ['an image that is shared without its storage', ec2Error('InvalidRequest', STORAGE, 400)],
    ['a token that is taken', ec2Error('IdempotentParameterMismatch', '', 400)],
    ['a throttle', ec2Error('Throttling', '', 400)],
    ['a Region that there is not', Object.assign(new Error(), { code: 'ENOTFOUND' })],
    ['what is no error', 'a thrown text'],
  ])('keeps the answer itself for the log: %s', (_what, error) => {
    expect(classify(error).cause).toBe(error);
  });

  it('says what to share when only the image is shared', () => {
    const error = ec2Error('InvalidRequest', STORAGE, 400);

    expect(classify(error).message).toContain('createVolumePermission on every snapshot');
  });

  it.each([
    ['ECONNRESET', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['TimeoutError', Object.assign(new Error('no answer in 15000 ms'), { name: 'TimeoutError' })],
    ['CredentialsProviderError', Object.assign(new Error('no credentials'), { name: 'CredentialsProviderError' })],
    ['Unknown', 'a thrown text'],
    ['Error', Object.assign(new Error('a code that is no text'), { code: 5 })],
    ['Error', Object.assign(new Error('no metadata'), { $metadata: null })],
    ['Error', Object.assign(new Error('a status that is no number'), { $metadata: { httpStatusCode: '400' } })],
  ])('tries again after %s, where nothing was answered', (code, error) => {
    expect(classify(error)).toMatchObject({ name: 'RetryableError', code });
  });

  it('rejects a Region that has no EC2 endpoint', () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });

    expect(classifyEc2Error(error, 'eu-west-9')).toMatchObject({
      name: 'RejectedError',
      code: 'InvalidRegion',
      message: 'There is no EC2 endpoint in Region eu-west-9. Check sourceRegion.',
    });
  });

  it("tries again where the copier's own Region cannot be found: that is a fault of the network", () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });

    expect(classifyEc2Error(error)).toMatchObject({ name: 'RetryableError', code: 'ENOTFOUND' });
  });
});

describe('a time within which EC2 was to copy', () => {
  it.each([
    ['InvalidParameter', ''],
    ['InvalidParameterCombination', ''],
    ['InvalidParameterValue', ''],
    ['ResourceLimitExceeded', ''],
    ['Unsupported', ''],
    ['UnsupportedOperation', ''],
    ['SomethingNew', 'The throughput is used up.'],
    ['SomethingNew', 'CompletionDuration is too short.'],
    ['SomethingNew', 'The completion duration is too short.'],
    ['SomethingNew', 'Local Zones have no time-based copies.'],
  ])('may be what EC2 refuses by %s (%s)', (code, message) => {
    expect(mayRefusePace(ec2Error(code, message, 400))).toBe(true);
  });

  it.each([
    ['another answer', ec2Error('TagPolicyViolation', 'a tag', 400)],
    ["a fault of EC2's own", ec2Error('ResourceLimitExceeded', '', 500)],
    ['no answer', Object.assign(new Error('throughput'), { code: 'ECONNRESET' })],
    ['what is no error', 'throughput'],
  ])('is not what EC2 refuses by %s', (_what, error) => {
    expect(mayRefusePace(error)).toBe(false);
  });

  it("is refused in EC2's words, which are kept for the log", () => {
    const error = ec2Error('ResourceLimitExceeded', 'no throughput is left', 400);

    expect(paceRefused(error)).toMatchObject({
      name: 'PaceRefusedError',
      code: 'ResourceLimitExceeded',
      message: 'ResourceLimitExceeded: no throughput is left',
      cause: error,
    });
  });
});

describe('what an error says of a thing', () => {
  it.each([
    ['an image is unknown', isImageUnknown, ['InvalidAMIID.NotFound']],
    ['an image is gone', isImageGone, ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable']],
    ['a snapshot is in use', isSnapshotInUse, ['InvalidSnapshot.InUse']],
    ['a snapshot is gone', isSnapshotGone, ['InvalidSnapshot.NotFound']],
    ['there is no room for a tag', isTagLimit, ['TagLimitExceeded']],
  ])('is that %s', (_what, says, codes) => {
    const all = [
      'InvalidAMIID.NotFound',
      'InvalidAMIID.Unavailable',
      'InvalidSnapshot.InUse',
      'InvalidSnapshot.NotFound',
      'TagLimitExceeded',
      'UnauthorizedOperation',
    ];

    expect(all.filter((code) => says(ec2Error(code, '', 400)))).toEqual(codes);
    expect(says({ name: codes[0] })).toBe(false);
  });
});
