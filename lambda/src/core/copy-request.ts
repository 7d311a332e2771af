import * as z from 'zod/mini';
import { IMAGE_ID } from './allowed-values.ts';
import { isPace, PACE } from './copy-pace.ts';
import { MAX_ATTEMPTS } from './copy-marker.ts';
import { RejectedError } from './errors.ts';
import { spellOutHidden } from './hidden-characters.ts';

/** What a bake asks for. The JSON is the one that guardian/amigo publishes; unknown fields are ignored. */
export interface CopyRequest {
  readonly sourceAmi: string;
  readonly sourceRegion: string;
  /** 12-digit account ids, with the zeros that they had lost, or `*` for every subscribed account. */
  readonly targetAccounts: readonly string[];
  /** What stood beside them and no account can be. */
  readonly badAccounts?: BadAccounts;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly Tag[];
  /** Minutes within which EC2 is to copy, for more money; by default it takes its own time. */
  readonly withinMinutes?: number | undefined;
  /** Set by the copier itself when it enqueues the next try after a copy that failed. */
  readonly retry?: Retry | undefined;
}

/** Where it matters only that there are some, they are not all listed: a request may hold thousands. */
export interface BadAccounts {
  readonly count: number;
  /** The first of them: where in the request each stands, and what it is. */
  readonly first: readonly string[];
}

export interface Retry {
  /** Which try this is, from 1. */
  readonly attempt: number;
  /** The copy that failed and is gone. */
  readonly after: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** The value of the tag with this name, if there is one. */
export function tagValue(tags: readonly Tag[], name: string): string | undefined {
  return tags.find(({ key }) => key === name)?.value;
}

/** The name of a Region. It becomes part of a host name, so nothing else may pass. */
export const REGION_NAME = /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$/;

/** Stands in a request for every subscribed account. */
export const EVERY_ACCOUNT = '*';
const ACCOUNT_DIGITS = 12;
/**
 * How many zeros an account id may have lost at its start, as it does where it was once taken for a number. The filter of the
 * subscription lets the same many pass (queue.tf, and queue.ts of the template).
 */
const MAX_LOST_ZEROS = 4;
const MAX_LISTED_PROBLEMS = 5;

// EC2 answers in XML 1.0, which has no way to write any other character ("Extensible Markup Language", section 2.2).
const STORABLE = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;
const NOT_STORABLE = 'must have no control characters and no halves of characters: EC2 cannot store them';

/** A field of a message, as a pattern says it. */
export function text(pattern: RegExp, allowed: string) {
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
      const isText = typeof tagValue === 'string';
      if (isText && STORABLE.test(key) && STORABLE.test(tagValue)) return { key, value: tagValue };
      const message = isText ? NOT_STORABLE : 'must be a string';
      issues.push({ code: 'custom', input: tagValue, path: [key], message });
      return { key, value: '' };
    });
  }),
);

/**
 * The account ids of a list. What no account can be is left out, so that one mistake holds up no account but the one that it hits;
 * a list of nothing else is refused.
 */
const targetAccounts = z.pipe(
  z.array(z.unknown(), 'must be a list of account ids'),
  z.transform((listed, { issues }) => {
    const read = listed.map((entry) => accountId(entry));
    const accounts = read.filter((account) => account !== undefined);
    const bad = Array.from(listed.keys()).filter((index) => read[index] === undefined);
    if (accounts.length === 0) {
      const message = 'must be a 12-digit account id in quotes, or "*" for every account';
      for (const index of bad) issues.push({ code: 'custom', input: listed[index], path: [index], message });
    }
    const first = bad
      .slice(0, MAX_LISTED_PROBLEMS)
      .map((index) => `${fieldName(['targetAccounts', index])}: ${shown(listed[index])}`);
    return { accounts, ...(bad.length > 0 && { bad: { count: bad.length, first } }) };
  }),
);

/** The account that an entry stands for; undefined if no account can be meant. */
export function accountId(entry: unknown): string | undefined {
  if (entry === EVERY_ACCOUNT) return entry;
  const digits = typeof entry === 'number' ? String(entry) : entry;
  if (typeof digits !== 'string' || !/^[0-9]+$/.test(digits)) return undefined;
  const lostZeros = ACCOUNT_DIGITS - digits.length;
  return lostZeros >= 0 && lostZeros <= MAX_LOST_ZEROS ? digits.padStart(ACCOUNT_DIGITS, '0') : undefined;
}

/** The ways in which a request may write an account's id: as it is, and with zeros lost at its start. */
export function formsOf(account: string): string[] {
  const zeros = Math.min(/^0*/.exec(account)?.[0].length ?? 0, MAX_LOST_ZEROS);
  return Array.from({ length: zeros + 1 }, (_, lost) => account.slice(lost));
}

/** An entry as it stands in the request, shortened: whoever sent it chose it. */
function shown(entry: unknown): string {
  if (typeof entry === 'string') return quoteName(entry);
  return typeof entry === 'object' && entry !== null ? 'no text' : String(entry);
}

const imageId = text(IMAGE_ID, 'an image id, such as ami-0123456789abcdef0');

const attempt = z
  .number(`must be a number from 1 to ${MAX_ATTEMPTS}`)
  .check(
    z.refine((value) => Number.isInteger(value) && value >= 1 && value <= MAX_ATTEMPTS, `must be 1 to ${MAX_ATTEMPTS}`),
  );

const PACES = `must be minutes, ${PACE.stepMinutes} to ${PACE.maxMinutes} in steps of ${PACE.stepMinutes}`;
const withinMinutes = z.number(PACES).check(z.refine(isPace, PACES));

const copyRequest = z.object(
  {
    sourceAmi: imageId,
    sourceRegion: text(REGION_NAME, 'a Region, such as eu-west-1'),
    targetAccounts,
    // EC2 API Reference, CopyImage and RegisterImage: 3 to 128 of these characters.
    name: text(/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/, "3 to 128 letters, digits, spaces or ( ) [ ] . / - ' @ _"),
    // EC2 API Reference, CopyImage: up to 255 characters.
    description: text(/^.{0,255}$/su, 'at most 255 characters').check(z.regex(STORABLE, NOT_STORABLE)),
    tags,
    withinMinutes: z.optional(withinMinutes),
    retry: z.optional(z.object({ attempt, after: imageId }, 'must be an object of attempt and after')),
  },
  'must be a JSON object',
);

/**
 * Reads a message's body once; after it everything is typed.
 * @throws {RejectedError} with code `InvalidRequest`, naming each bad field and what is allowed.
 */
export function parseCopyRequest(body: string): CopyRequest {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    // The parser's own error repeats the message. It is not passed on: errors are logged.
    throw new RejectedError('InvalidRequest', 'The message is not JSON. Publish the copy request as one JSON object.');
  }
  const parsed = copyRequest.safeParse(json);
  if (parsed.success) {
    const { targetAccounts: listed, ...request } = parsed.data;
    return { ...request, targetAccounts: listed.accounts, ...(listed.bad && { badAccounts: listed.bad }) };
  }
  const problems = parsed.error.issues.map(({ path, message }) => `${fieldName(path)} ${message}`);
  const listed = problems.slice(0, MAX_LISTED_PROBLEMS).join('; ');
  const more = problems.length - MAX_LISTED_PROBLEMS;
  throw new RejectedError('InvalidRequest', `Bad copy request: ${listed}${more > 0 ? `; and ${more} more` : ''}.`);
}

/** The tags in a JSON object of names and values, or undefined if the text is no such object. */
export function parseTags(json: string): Tag[] | undefined {
  try {
    return tags.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

/** The request as a message's body: what {@link parseCopyRequest} reads. */
export function formatCopyRequest({ tags: entries, ...request }: CopyRequest): string {
  return JSON.stringify({ ...request, tags: tagsAsObject(entries) });
}

/** Tags as JSON has them. Entries keep a tag that is named like an object's own machinery. */
export function tagsAsObject(entries: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}

/** Whether the request is for this account. */
export function isFor(request: CopyRequest, account: string): boolean {
  return request.targetAccounts.includes(account) || request.targetAccounts.includes(EVERY_ACCOUNT);
}

/** A path such as `targetAccounts[0]`. Names from the message are quoted and shortened: whoever sent it chose them. */
export function fieldName(path: readonly PropertyKey[]): string {
  const [field, ...steps] = path;
  if (field === undefined) return 'the message';
  const inside = steps.map((step) => (typeof step === 'number' ? `[${step}]` : `[${quoteName(String(step))}]`));
  return [String(field), ...inside].join('');
}

/** A name from a message, quoted, in at most 40 characters, with what is hidden spelled out. */
export function quoteName(name: string): string {
  const characters = Array.from(name);
  const shown = characters.length > 40 ? `${characters.slice(0, 40).join('')}…` : name;
  return spellOutHidden(JSON.stringify(shown));
}
