import * as z from 'zod/mini';
import { RefusedError } from './errors.ts';

/** What a bake asks for. The JSON is the one that guardian/amigo publishes; unknown fields are ignored. */
export interface CopyRequest {
  readonly sourceAmi: string;
  readonly sourceRegion: string;
  /** 12-digit account ids, or `*` for every subscribed account. */
  readonly targetAccounts: readonly string[];
  readonly name: string;
  readonly description: string;
  readonly tags: readonly Tag[];
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

const EVERY_ACCOUNT = '*';
const MAX_LISTED_PROBLEMS = 5;

function text(pattern: RegExp, allowed: string) {
  return z.string(`must be a string: ${allowed}`).check(z.regex(pattern, `must be ${allowed}`));
}

/** An object of strings, as entries: a plain record would drop a tag that is named like an object's own machinery. */
const tags = z.pipe(
  z.unknown(),
  z.transform((value, { issues }): Tag[] => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      issues.push({ code: 'custom', input: value, message: 'must be an object of tag names and values' });
      return [];
    }
    return Object.entries(value).map(([key, tagValue]: [string, unknown]) => {
      if (typeof tagValue === 'string') return { key, value: tagValue };
      issues.push({ code: 'custom', input: tagValue, path: [key], message: 'must be a string' });
      return { key, value: '' };
    });
  }),
);

const copyRequest = z.object(
  {
    sourceAmi: text(/^ami-[0-9a-f]{1,32}$/, 'an image id, such as ami-0123456789abcdef0'),
    // The Region becomes part of a host name, so nothing else may pass.
    sourceRegion: text(/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$/, 'a Region, such as eu-west-1'),
    targetAccounts: z.array(
      text(/^([0-9]{12}|\*)$/, 'a 12-digit account id in quotes, or "*" for every account'),
      'must be a list of account ids',
    ),
    // EC2 API Reference, CopyImage and RegisterImage: 3 to 128 of these characters.
    name: text(/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/, "3 to 128 letters, digits, spaces or ( ) [ ] . / - ' @ _"),
    // EC2 API Reference, CopyImage: up to 255 characters.
    description: text(/^.{0,255}$/su, 'at most 255 characters'),
    tags,
  },
  'must be a JSON object',
);

/**
 * Reads a message's body once; after it everything is typed.
 * @throws {RefusedError} with code `InvalidRequest`, naming each bad field and what is allowed.
 */
export function parseCopyRequest(body: string): CopyRequest {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new RefusedError('InvalidRequest', 'The message is not JSON. Publish the copy request as one JSON object.', {
      cause,
    });
  }
  const parsed = copyRequest.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${fieldName(path)} ${message}`);
  const listed = problems.slice(0, MAX_LISTED_PROBLEMS).join('; ');
  const more = problems.length - MAX_LISTED_PROBLEMS;
  throw new RefusedError('InvalidRequest', `Bad copy request: ${listed}${more > 0 ? `; and ${more} more` : ''}.`);
}

/** Whether the request is for this account. */
export function isFor(request: CopyRequest, account: string): boolean {
  return request.targetAccounts.includes(account) || request.targetAccounts.includes(EVERY_ACCOUNT);
}

/** A path such as `targetAccounts[0]`. Names from the message are quoted and shortened: whoever sent it chose them. */
function fieldName(path: readonly PropertyKey[]): string {
  const [field, ...steps] = path;
  if (field === undefined) return 'the message';
  const inside = steps.map((step) => (typeof step === 'number' ? `[${step}]` : `[${quoteName(String(step))}]`));
  return [String(field), ...inside].join('');
}

/** A name from a message, quoted, in at most 40 characters. */
export function quoteName(name: string): string {
  const characters = Array.from(name);
  return JSON.stringify(characters.length > 40 ? `${characters.slice(0, 40).join('')}…` : name);
}
