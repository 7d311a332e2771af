import { closest } from '../../../terraform/stacks/closest.ts';
import { REGIONS } from '../../../terraform/stacks/regions.ts';
import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';
import { DENIED } from './aws-answers.ts';
import { UserError } from './user-error.ts';

interface Remedy {
  /** The error's name or code. */
  readonly codes: readonly string[];
  readonly explain: (message: string) => string;
}

/** What the user can fix, by AWS's and Node's own names of errors; the first that fits counts. */
const REMEDIES: readonly Remedy[] = [
  {
    codes: ['CredentialsProviderError', 'ProviderError', 'TokenProviderError'],
    explain: (message) =>
      `No AWS credentials: ${message} Log in (for example aws sso login), or choose another --profile.`,
  },
  {
    codes: ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'AWS.SimpleQueueService.RequestExpired'],
    explain: () => 'The AWS credentials have expired. Log in again (for example aws sso login).',
  },
  {
    codes: [
      'InvalidClientTokenId',
      'UnrecognizedClientException',
      'InvalidAccessKeyId',
      'SignatureDoesNotMatch',
      'InvalidSignatureException',
      'AuthFailure',
    ],
    explain: (message) => `AWS does not take these credentials: ${message} Log in again, or choose another --profile.`,
  },
  {
    codes: DENIED,
    explain: (message) => `Access denied: ${message} Allow it there, or choose another --profile or --role-arn.`,
  },
  {
    codes: [
      'ENOTFOUND',
      'EAI_AGAIN',
      'ECONNREFUSED',
      'ECONNRESET',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'ETIMEDOUT',
      'TimeoutError',
    ],
    explain: (message) => `AWS cannot be reached: ${message} ${whatToCheck(message)}`,
  },
];

// The host that was not found, as in sts.eu-west-1.amazonaws.com.
const REGION_OF_HOST = /\.([a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2})\.amazonaws\.com/;

/** What a call threw, in one line that names the remedy, if AWS or the network threw it; anything else as it is. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const codes = [error.name, ...('code' in error && typeof error.code === 'string' ? [error.code] : [])];
  const message = sentence(error.message || codes.join(' '));
  const remedy = REMEDIES.find((candidate) => codes.some((code) => candidate.codes.includes(code)));
  if (remedy) return new UserError(remedy.explain(message), 1, { cause: error });
  if ('$metadata' in error) return new UserError(`AWS refused: ${error.name}: ${message}`, 1, { cause: error });
  return error;
}

/** Why something failed that stops nothing else, in one line. */
export function reasonOf(error: unknown): string {
  const known = explained(error);
  if (known instanceof UserError) return known.message;
  return error instanceof Error ? sentence(`${error.name}: ${error.message}`) : spellOutHidden(String(error));
}

/** A Region that is not listed may be a new one, so it is looked at only once it has not answered. */
function whatToCheck(message: string): string {
  const [, region] = REGION_OF_HOST.exec(message) ?? [];
  if (region === undefined || REGIONS.includes(region)) return 'Check --region, AWS_ENDPOINT_URL and the network.';
  const near = closest(region, REGIONS);
  return `Image Copier knows no Region ${region}. ${near === undefined ? 'Check --region.' : `Did you mean ${near}?`}`;
}

function sentence(message: string): string {
  const line = spellOutHidden(message.trim().replace(/\s+/g, ' '));
  return line.endsWith('.') ? line : `${line}.`;
}
