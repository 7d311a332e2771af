import {
  PaceRefusedError,
  RejectedError,
  RetryableError,
  ThrottledError,
  TokenTakenError,
  UncertainError,
} from '../core/errors.ts';
import { spellOutHidden } from '../core/hidden-characters.ts';

/** Of EC2's answers, those that a later try may not meet again (EC2 Developer Guide, "Error codes for the Amazon EC2 API"). */
const LATER: ReadonlySet<string> = new Set([
  // Not shared yet, or the share is not visible yet.
  'InvalidAMIID.NotFound',
  'InvalidAMIID.Unavailable',
  'AuthFailure',
  // Limits: copies and snapshots in progress, snapshots in all.
  'ResourceLimitExceeded',
  'SnapshotLimitExceeded',
  'PendingSnapshotLimitExceeded',
  'ConcurrentSnapshotLimitExceeded',
  'ConcurrentTagAccess',
  // An account that was made a moment ago, or a Region that was opened a moment ago: AWS takes up to some hours.
  'OptInRequired',
  'PendingVerification',
  'SubscriptionRequiredException',
  // Credentials or a signature that were too old when they came: the next call has new ones.
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  // EC2's own faults, some of which come with a 4xx status.
  'InternalError',
  'InternalFailure',
  'ServerInternal',
  'ServiceUnavailable',
  'Unavailable',
  'RetryableError',
  // Another request for the same image is being copied. The next try finds its copy.
  'InvalidAMIName.Duplicate',
]);

/** Of EC2's answers, those that say that this request is wrong, whenever it is made (ibid.). */
const NEVER: ReadonlySet<string> = new Set([
  'InvalidAMIID.Malformed',
  'InvalidAMIName.Malformed',
  'InvalidInput',
  'InvalidParameter',
  'InvalidParameterCombination',
  'InvalidParameterValue',
  'InvalidRegion',
  'InvalidSnapshot.NotFound',
  'InvalidSnapshotID.Malformed',
  'InvalidTagKey.Malformed',
  'MalformedQueryString',
  'MissingParameter',
  'SnapshotCopyUnsupported.InterRegion',
  'TagLimitExceeded',
  'TagPolicyViolation',
  'UnknownParameter',
  'Unsupported',
  'UnsupportedOperation',
  'ValidationError',
]);

/** Throttling, by EC2's code and by those that the SDK takes for the same. */
const THROTTLED: ReadonlySet<string> = new Set([
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
]);

/** What EC2 says of a ClientToken that it knows with other parameters (EC2 Developer Guide, "Ensuring idempotency"). */
const TOKEN_TAKEN = 'IdempotentParameterMismatch';

/** `InvalidRequest` stands for many things, which its text alone tells apart. */
const INVALID_REQUEST = 'InvalidRequest';

/** What EC2 says while the image is shared but a snapshot of it is not (EC2 User Guide, "How Amazon EC2 AMI copy works"). */
const STORAGE_NOT_SHARED = /permission to access the storage/i;

/** What EC2 says while snapshots of the image are still being made. */
const STORAGE_NOT_READY = /storage for the ami is not available/i;

/** What EC2 says of images that it lets no other account copy. */
const NOT_FOR_OTHERS = /cannot be copied to another AWS account/i;

/**
 * Classes what an EC2 call threw: "later", "never", or "uncertain" where it is an error of IAM or none that is known here. This
 * file is the one place that knows EC2's error codes.
 * @param namedRegion the Region that was called, if the request names it and it is not the copier's own
 */
export function classifyEc2Error(error: unknown, namedRegion?: string): RetryableError | RejectedError {
  if (!(error instanceof Error)) return new RetryableError('Unknown', String(error), { cause: error });
  const code = codeOf(error);
  const message = `${code}: ${spellOutHidden(error.message)}`;
  if (code === 'ENOTFOUND' && namedRegion !== undefined) {
    const remedy = 'Check sourceRegion.';
    return new RejectedError('InvalidRegion', `There is no EC2 endpoint in Region ${namedRegion}. ${remedy}`, {
      cause: error,
    });
  }
  if (THROTTLED.has(code)) return new ThrottledError(code, message, { cause: error });
  if (code === TOKEN_TAKEN) {
    const cause = 'An earlier request for the same image began a copy with another name or other tags.';
    return new TokenTakenError(code, `${message} ${cause}`, { cause: error });
  }
  if (LATER.has(code) || !isClientError(error)) return new RetryableError(code, message, { cause: error });
  if (NEVER.has(code)) return new RejectedError(code, message, { cause: error });
  if (code === INVALID_REQUEST) {
    if (NOT_FOR_OTHERS.test(error.message)) return new RejectedError(code, message, { cause: error });
    if (STORAGE_NOT_READY.test(error.message)) return new RetryableError(code, message, { cause: error });
    if (STORAGE_NOT_SHARED.test(error.message)) {
      const remedy = 'Give this account createVolumePermission on every snapshot of the image.';
      return new RetryableError(code, `${message} ${remedy}`, { cause: error });
    }
  }
  return new UncertainError(code, message, { cause: error });
}

// EC2 documents that it refuses a time-based copy where the throughput is used up, and that Local Zones have none (EBS User Guide,
// "Time-based copies for Amazon EBS snapshots and EBS-backed AMIs"), but not with which code.
const PACE_CODES: ReadonlySet<string> = new Set([
  'InvalidParameter',
  'InvalidParameterCombination',
  'InvalidParameterValue',
  'ResourceLimitExceeded',
  'Unsupported',
  'UnsupportedOperation',
]);
const PACE_TEXT = /throughput|completion ?duration|time-based/i;

/** Whether it may be the time within which EC2 was to copy that it refuses. */
export function mayRefusePace(error: unknown): boolean {
  return (
    error instanceof Error && isClientError(error) && (PACE_CODES.has(error.name) || PACE_TEXT.test(error.message))
  );
}

/** What EC2 said of the time within which it was to copy. */
export function paceRefused(error: unknown): PaceRefusedError {
  const { code, message } = classifyEc2Error(error);
  return new PaceRefusedError(code, message, { cause: error });
}

/** Whether EC2 knows no image of this id: it is new, gone for long, or not shared with this account. */
export function isImageUnknown(error: unknown): boolean {
  return hasCode(error, 'InvalidAMIID.NotFound');
}

/** Whether an image is in no state for what was to be done with it. */
export function isImageUnavailable(error: unknown): boolean {
  return hasCode(error, 'InvalidAMIID.Unavailable');
}

/** Whether an own image is gone: EC2 has forgotten it, or it was deregistered lately. */
export function isImageGone(error: unknown): boolean {
  return hasCode(error, 'InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable');
}

/** Whether an image uses a snapshot that was to be deleted. */
export function isSnapshotInUse(error: unknown): boolean {
  return hasCode(error, 'InvalidSnapshot.InUse');
}

/** Whether there is no such snapshot. */
export function isSnapshotGone(error: unknown): boolean {
  return hasCode(error, 'InvalidSnapshot.NotFound');
}

/** Whether a resource has as many tags as EC2 allows. */
export function isTagLimit(error: unknown): boolean {
  return hasCode(error, 'TagLimitExceeded');
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && codes.includes(error.name);
}

/** The code of an answer is its name in the SDK; an error of the network has a code of its own. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** A 4xx answer. Without an answer (network, time-out, credentials) nothing says that it will not work later. */
function isClientError(error: Error): boolean {
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return false;
  const status = metadata.httpStatusCode;
  return typeof status === 'number' && status >= 400 && status < 500 && status !== 429;
}
