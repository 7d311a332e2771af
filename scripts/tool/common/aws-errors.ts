import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { UserError } from './user-error.ts';

interface Place {
  readonly region: string;
  readonly name: string;
}

interface Remedy {
  /** The error's name or code. */
  readonly codes: RegExp;
  readonly explain: (message: string, place: Place) => string;
}

/** What the user can mend, by AWS's and Node's own names of errors; the first that fits counts. */
const REMEDIES: readonly Remedy[] = [
  {
    codes: /^(CredentialsProviderError|ProviderError|TokenProviderError)$/,
    explain: (message) =>
      `No AWS credentials: ${message} Log in (for example aws sso login), or choose another --profile.`,
  },
  {
    codes: /^(ExpiredToken|ExpiredTokenException|RequestExpired|AWS\.SimpleQueueService\.RequestExpired)$/,
    explain: () => 'The AWS credentials have expired. Log in again (for example aws sso login).',
  },
  {
    codes:
      /^(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignatureException|AuthFailure)$/,
    explain: (message) => `AWS does not take these credentials: ${message} Log in again, or choose another --profile.`,
  },
  {
    codes: /^(AccessDenied|AccessDeniedException|AuthorizationError|UnauthorizedOperation)$/,
    explain: (message) => `Access denied: ${message} Allow it there, or choose another --profile or --role-arn.`,
  },
  {
    codes: /^(QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue)$/,
    explain: (_, { region, name }) =>
      `There is no copier "${name}" in ${region} of this account, or it is not yours to see: the queue does not exist. ` +
      'Check the account (--profile, --role-arn), --region and --name.',
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|TimeoutError)$/,
    explain: (message) => `AWS cannot be reached: ${message} Check --region, AWS_ENDPOINT_URL and the network.`,
  },
];

/** What a call threw, in one line that names the remedy, if AWS or the network threw it; anything else as it is. */
export function explained(error: unknown, place: Place): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const codes = [error.name, ...('code' in error && typeof error.code === 'string' ? [error.code] : [])];
  const message = sentence(error.message || codes.join(' '));
  const remedy = REMEDIES.find((candidate) => codes.some((code) => candidate.codes.test(code)));
  if (remedy) return new UserError(remedy.explain(message, place), 1, { cause: error });
  if ('$metadata' in error) return new UserError(`AWS refused: ${error.name}: ${message}`, 1, { cause: error });
  return error;
}

/** Why one call of several failed, in one line; all the rest goes on. */
export function shortReason(error: unknown): string {
  return error instanceof Error ? sentence(`${error.name}: ${error.message}`) : spellOutHidden(String(error));
}

function sentence(message: string): string {
  const line = spellOutHidden(message.trim().replace(/\s+/g, ' '));
  return line.endsWith('.') ? line : `${line}.`;
}
